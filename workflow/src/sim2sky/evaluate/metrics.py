"""How well a network predicts: point metrics per domain, seed and BatchNorm statistics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import median_abs_deviation
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

OUTLIER_THRESHOLD = 0.15  # a prediction further off than this fraction of the true value is an outlier


def r2(true: np.ndarray, predicted: np.ndarray) -> float:
    """Coefficient of determination (Swierc et al. 2023, Section 4).

    1 - sum (predicted - true)^2 / sum (true - mean(true))^2: one when perfect, zero for always predicting the mean,
    without lower limit.
    """
    return float(r2_score(true, predicted))


def rmse(true: np.ndarray, predicted: np.ndarray) -> float:
    """Root mean squared error, in the unit of `true`."""
    return float(root_mean_squared_error(true, predicted))


def mae(true: np.ndarray, predicted: np.ndarray) -> float:
    """Mean absolute error, in the unit of `true`."""
    return float(mean_absolute_error(true, predicted))


def bias(true: np.ndarray, predicted: np.ndarray) -> float:
    """Mean of predicted - true, in the unit of `true`; positive where predictions are too large."""
    return float(np.mean(predicted - true))


def scatter(true: np.ndarray, predicted: np.ndarray) -> float:
    """Robust spread of predicted - true, in the unit of `true`.

    1.4826 times the median absolute deviation about the median. For normally distributed residuals this is
    their standard deviation; a few outliers do not move it.
    """
    return float(median_abs_deviation(predicted - true, scale="normal"))


def outlier_fraction(true: np.ndarray, predicted: np.ndarray) -> float:
    """Fraction of lenses with |predicted - true| > `OUTLIER_THRESHOLD` |true|."""
    return float(np.mean(np.abs(predicted - true) > OUTLIER_THRESHOLD * np.abs(true)))


METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    function.__name__: function for function in (r2, rmse, mae, bias, scatter, outlier_fraction)
}


def fractional_residual(
    true: np.ndarray, predicted: np.ndarray, denominator: Literal["true", "predicted"] = "true"
) -> np.ndarray:
    """Residual of each lens as a fraction.

    Parameters
    ----------
    true, predicted : ndarray, shape (n,)
        Of one unit.
    denominator : {"true", "predicted"}
        ``"predicted"`` is what Swierc et al. 2023 plot (their Section 5). It bounds the residual of an overestimate
        by 1 and lets that of an underestimate grow without limit, so that the two directions cannot be compared;
        ``"true"`` treats them alike.

    Returns
    -------
    ndarray, shape (n,)
        (predicted - true) / denominator.
    """
    if denominator not in ("true", "predicted"):
        raise ValueError(f"denominator is 'true' or 'predicted', not {denominator!r}")
    return (predicted - true) / (true if denominator == "true" else predicted)


def run_metrics(predictions: pd.DataFrame) -> pd.DataFrame:
    """All metrics of a run's predictions, in long format.

    Parameters
    ----------
    predictions : DataFrame
        Columns ``domain``, ``seed``, ``statistics``, ``parameter``, ``true``, ``predicted``; one row per lens.

    Returns
    -------
    DataFrame
        Columns ``seed``, ``domain``, ``statistics``, ``parameter``, ``metric``, ``value``. A network with a prediction that is not
        finite has NaN in all metrics rather than a flattering number over the lenses that are left.
    """
    rows = []
    keys = ["seed", "domain", "statistics", "parameter"]
    for key, lenses in predictions.groupby(keys, sort=False):
        true, predicted = (lenses[column].to_numpy(np.float64) for column in ("true", "predicted"))
        finite = np.isfinite(predicted).all()
        for name, metric in METRICS.items():
            rows.append((*key, name, metric(true, predicted) if finite else np.nan))
    return pd.DataFrame(rows, columns=[*keys, "metric", "value"])

"""How well a network predicts: point metrics per parameter, domain, seed and BatchNorm statistics, and their means."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import median_abs_deviation
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score, root_mean_squared_error

from sim2sky.angles import ANGLE_PERIODS
from sim2sky.config import MEAN_PARAMETER

FIXED = "does not vary"  # said of a parameter, or of all, where there is no R2 although the predictions are numbers
OUTLIER_THRESHOLD = 0.15  # a prediction is an outlier if its error exceeds this fraction of the true value


def varies(true: np.ndarray) -> bool:
    """Whether there are two different true values, in the single precision that networks learn in."""
    return np.unique(np.asarray(true, np.float32)).size > 1


def r2(true: np.ndarray, predicted: np.ndarray) -> float:
    """Coefficient of determination (Swierc et al. 2023, Section 4).

    1 - sum (predicted - true)^2 / sum (true - mean(true))^2: one when perfect, zero for always predicting the mean,
    without lower limit. It is not defined, and NaN, where the true values do not vary.
    """
    return float(r2_score(true, predicted)) if varies(true) else np.nan


def rmse(true: np.ndarray, predicted: np.ndarray) -> float:
    """Root mean squared error, in the unit of `true`."""
    return float(root_mean_squared_error(true, predicted))


def mae(true: np.ndarray, predicted: np.ndarray) -> float:
    """Mean absolute error, in the unit of `true`."""
    return float(mean_absolute_error(true, predicted))


def mse(true: np.ndarray, predicted: np.ndarray) -> float:
    """Mean squared error, in the unit of `true` squared."""
    return float(mean_squared_error(true, predicted))


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
    """Fraction of lenses with ``|predicted - true| > OUTLIER_THRESHOLD |true|``; all are near a true value of zero."""
    return float(np.mean(np.abs(predicted - true) > OUTLIER_THRESHOLD * np.abs(true)))


METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    function.__name__: function for function in (r2, rmse, mae, bias, scatter, outlier_fraction, mse)
}
# These are averaged over the parameters as well, each in its own unit. As all parameters have the same number of lenses, that is
# the error over all outputs at once, by which a published program scores its networks; it counts 179° as far from 0°.
OVER_PARAMETERS = ("r2", "mae", "mse")
# The mean absolute error, with errors of angles taken the short way round. Its mean over the parameters, unlike the published
# one, is fair to networks whose angles are in [0, period).
CIRCULAR = "circular_mae"
# All other metrics of angles take the short way round as well; a fraction of an angle is that of an arbitrary zero.
PLAIN = ("mae", "mse")
OF_ANGLES = {name: metric for name, metric in METRICS.items() if name != "outlier_fraction"} | {CIRCULAR: mae}


def nearest(true: np.ndarray, predicted: np.ndarray, period: float) -> np.ndarray:
    """The angles that mean the same as `predicted` and are nearest to `true`.

    Parameters
    ----------
    true, predicted : ndarray, shape (n,)
        Angles, in the unit of `period`; any number of turns.
    period : float
        After which an angle means the same again: 180 degrees for an orientation, 360 for a direction.

    Returns
    -------
    ndarray, shape (n,)
        At most half the period from `true`; guesses at random are a quarter of it away on average.
    """
    return true + (predicted - true + period / 2) % period - period / 2


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
        finite has NaN in all metrics rather than a flattering number over the lenses that are left. Angles have the
        metrics `OF_ANGLES`, which take them the short way round but for those in `PLAIN`. Where there are several parameters, their mean has
        rows of the parameter `MEAN_PARAMETER`. A parameter that does not vary over the lenses of a domain has NaN as its
        R2 and is left out of that domain's means, which it would flatter or spoil.
    """
    rows, fixed = [], set()
    keys = ["seed", "domain", "statistics", "parameter"]
    for key, lenses in predictions.groupby(keys, sort=False):
        true, predicted = (lenses[column].to_numpy(np.float64) for column in ("true", "predicted"))
        if not varies(true):
            fixed.add(key)
        finite, period = np.isfinite(predicted).all(), ANGLE_PERIODS.get(key[-1])
        short = nearest(true, predicted, period) if period else predicted
        metrics = METRICS if period is None else OF_ANGLES
        for name, metric in metrics.items():
            rows.append((*key, name, metric(true, predicted if name in PLAIN else short) if finite else np.nan))
    table = pd.DataFrame(rows, columns=[*keys, "metric", "value"])
    return pd.concat([table, _over_parameters(table, fixed)], ignore_index=True)


def no_r2(metrics: pd.DataFrame) -> str:
    """Why a run has no R2 on a domain, in words, from its metrics of single parameters there."""
    errors = metrics[(metrics.metric == "mae") & (metrics.parameter != MEAN_PARAMETER)].value
    return FIXED if errors.notna().all() else "not a number"


def _over_parameters(table: pd.DataFrame, fixed: Collection[tuple]) -> pd.DataFrame:
    """Means over the parameters, where there are several; NaN where a parameter's value is, or where all are `fixed`."""
    if table.parameter.nunique() < 2:
        return table.iloc[:0]
    table = pd.concat([table, _with_plain_errors(table)], ignore_index=True)
    keys = table[["seed", "domain", "statistics", "parameter"]].itertuples(index=False, name=None)
    table["counts"] = [key not in fixed for key in keys]
    table = table[table.metric.isin([*OVER_PARAMETERS, CIRCULAR])]
    by = ["seed", "domain", "statistics", "metric"]
    means = table[table.counts].groupby(by, sort=False).value.agg(lambda values: values.mean(skipna=False))
    means = means.reindex(table.groupby(by, sort=False).size().index).reset_index()
    return means.assign(parameter=MEAN_PARAMETER)[[*by[:3], "parameter", "metric", "value"]]


def _with_plain_errors(table: pd.DataFrame) -> pd.DataFrame:
    """The mean absolute errors of parameters that are no angles as their circular ones; none where nothing is an angle."""
    angles = set(table.parameter[table.metric == CIRCULAR])
    plain = table[(table.metric == "mae") & ~table.parameter.isin(angles)]
    return plain.assign(metric=CIRCULAR) if angles else table.iloc[:0]

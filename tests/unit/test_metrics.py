"""Metrics against numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from sim2sky.evaluate.metrics import METRICS, fractional_residual, run_metrics, scatter

TRUE = np.array([1.0, 2.0, 3.0, 4.0])
PREDICTED = np.array([1.1, 1.9, 3.6, 4.0])  # off by 0.1, -0.1, 0.6, 0; that is 10, 5, 20 and 0 %
BY_HAND = {
    "r2": 1 - 0.38 / 5,
    "rmse": np.sqrt(0.38 / 4),
    "mae": 0.2,
    "bias": 0.15,
    "scatter": 1.4826022 * 0.1,  # median 0.05, deviations from it 0.05, 0.15, 0.55, 0.05
    "outlier_fraction": 0.25,
}


@pytest.mark.parametrize("name", METRICS)
def test_metric_by_hand(name):
    assert METRICS[name](TRUE, PREDICTED) == pytest.approx(BY_HAND[name], rel=1e-6)


def test_r2_of_the_mean_is_zero_and_of_worse_is_negative():
    assert METRICS["r2"](TRUE, np.full(4, TRUE.mean())) == 0
    assert METRICS["r2"](TRUE, -TRUE) < 0


def test_scatter_is_the_deviation_without_the_outliers():
    generator = np.random.default_rng(0)
    residual = generator.normal(0.3, 0.2, 20000)
    residual[:100] += 50
    assert scatter(np.zeros_like(residual), residual) == pytest.approx(0.2, rel=0.03)


def test_outliers_of_a_parameter_with_both_signs():
    assert METRICS["outlier_fraction"](np.array([-1.0, -1.0]), np.array([-1.1, -1.2])) == 0.5


def test_fractional_residual_by_either_denominator():
    true, predicted = np.array([2.0, 2.0]), np.array([1.0, 4.0])
    np.testing.assert_allclose(fractional_residual(true, predicted), [-0.5, 1.0])
    np.testing.assert_allclose(fractional_residual(true, predicted, "predicted"), [-1.0, 0.5])
    with pytest.raises(ValueError, match="'median'"):
        fractional_residual(true, predicted, "median")


def test_run_metrics_keep_seeds_domains_and_statistics_apart():
    good = pd.DataFrame(
        {
            "true": TRUE,
            "predicted": PREDICTED,
            "parameter": "theta_E",
            "domain": "des",
            "seed": 3,
            "statistics": "batch",
        }
    )
    diverged = good.assign(seed=4, predicted=[1.0, 2.0, 3.0, np.nan])
    table = run_metrics(pd.concat([good, diverged, good.assign(statistics="running", predicted=TRUE)]))
    assert list(table.columns) == ["seed", "domain", "statistics", "parameter", "metric", "value"]
    values = table.set_index(["seed", "domain", "statistics", "metric"]).value.sort_index()
    assert len(values) == 3 * len(METRICS)
    assert values[3, "des", "batch"].to_dict() == pytest.approx(BY_HAND, rel=1e-6)
    assert values[3, "des", "running", "r2"] == 1
    assert values[4].isna().all(), "a network that diverged has no score over the lenses that are left"

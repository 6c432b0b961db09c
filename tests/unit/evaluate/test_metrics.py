"""Metrics against numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import Angle
from scipy import stats
from sklearn.metrics import mean_absolute_error, mean_squared_error

from sim2sky.config.published import OF_BATCHES, OF_PREDICTIONS
from sim2sky.evaluate.aggregate import GAP_CLOSED
from sim2sky.evaluate.distances import DISTANCES
from sim2sky.evaluate.metrics import (
    CIRCULAR,
    METRICS,
    OVER_PARAMETERS,
    fractional_residual,
    nearest,
    no_r2,
    run_metrics,
    scatter,
)
from sim2sky.evaluate.stuck import STUCK

TRUE = np.array([1.0, 2.0, 3.0, 4.0])
PREDICTED = np.array([1.1, 1.9, 3.6, 4.0])  # off by 0.1, -0.1, 0.6, 0; that is 10, 5, 20 and 0 %
BY_HAND = {
    "r2": 1 - 0.38 / 5,
    "rmse": np.sqrt(0.38 / 4),
    "mae": 0.2,
    "bias": 0.15,
    "scatter": 1.4826022 * 0.1,  # median 0.05, deviations from it 0.05, 0.15, 0.55, 0.05
    "outlier_fraction": 0.25,
    "mse": 0.38 / 4,
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


def predictions(true: dict[str, np.ndarray], predicted: dict[str, np.ndarray]) -> pd.DataFrame:
    about = {"domain": "test", "seed": 0, "statistics": "running"}
    frames = [pd.DataFrame({"true": true[n], "predicted": predicted[n], "parameter": n}).assign(**about) for n in true]
    return pd.concat(frames)


def test_mean_over_parameters_is_the_error_over_all_outputs():
    generator = np.random.default_rng(1)
    true = {name: generator.uniform(0, size, 50) for name, size in (("x", 100), ("R_E", 45), ("theta", 180))}
    predicted = {name: values + generator.normal(0, 3, 50) for name, values in true.items()}
    table = run_metrics(predictions(true, predicted)).set_index(["parameter", "metric"]).value
    both = [np.stack(list(values.values()), axis=1) for values in (true, predicted)]
    assert table["mean", "mae"] == pytest.approx(mean_absolute_error(*both))
    assert table["mean", "mse"] == pytest.approx(mean_squared_error(*both))
    assert table["mean", "r2"] == pytest.approx(table.xs("r2", level="metric")[list(true)].mean())
    short = (np.abs(predicted["x"] - true["x"]).mean() + table["R_E", "mae"] + table["theta", CIRCULAR]) / 3
    assert CIRCULAR not in table["x"] and table["mean", CIRCULAR] == pytest.approx(short)

    predicted["x"][3] = np.nan
    table = run_metrics(predictions(true, predicted)).set_index(["parameter", "metric"]).value
    assert np.isnan(table["mean", "mae"]), "a parameter without a score is not left out of the mean"
    assert table["theta", "mae"] > 0


@pytest.mark.parametrize("value", [0.0, 0.1, 5.0])
@pytest.mark.parametrize("right", [True, False])
def test_parameter_that_does_not_vary_has_no_r2_and_is_in_no_mean(value, right):
    generator = np.random.default_rng(4)
    true = {name: generator.uniform(0, size, 50) for name, size in (("x", 100), ("theta", 180))}
    predicted = {name: values + generator.normal(0, 3, 50) for name, values in true.items()}
    without = run_metrics(predictions(true, predicted))
    true["gamma1"], noise = np.full(50, value), 0 if right else generator.normal(0, 3, 50)
    predicted["gamma1"] = true["gamma1"] + noise
    table = run_metrics(predictions(true, predicted))
    fixed = table[table.parameter == "gamma1"].set_index("metric").value
    assert np.isnan(fixed["r2"]) and fixed.drop("r2").notna().all()
    pd.testing.assert_frame_equal(table[table.parameter != "gamma1"].reset_index(drop=True), without)
    assert no_r2(table[table.parameter == "gamma1"]) == "does not vary"


def test_means_are_nan_where_nothing_varies_in_one_domain():
    varied, fixed = (
        predictions(dict.fromkeys("xy", true), dict.fromkeys("xy", PREDICTED)) for true in (TRUE, np.ones(4))
    )
    table = run_metrics(pd.concat([varied, fixed.assign(domain="other")]))
    means = table[table.parameter == "mean"].set_index(["domain", "metric"]).value.sort_index()
    assert means["test"].notna().all() and means["other"].isna().all() and len(means["other"]) == len(OVER_PARAMETERS)


@pytest.mark.parametrize("true", [np.array([2.0]), np.full(4, 0.1), np.array([1.0, 1.0 + 1e-9])])
def test_r2_of_one_value_is_not_a_number(true, recwarn):
    assert np.isnan(METRICS["r2"](true, true + 1)) and np.isnan(METRICS["r2"](true, true))
    assert not recwarn.list


@pytest.mark.parametrize("period", [180.0, 360.0])
def test_circular_error_is_the_short_way_round(period):
    assert nearest(np.array([0.0]), np.array([period - 1]), period) == pytest.approx(-1)
    assert nearest(np.array([0.0]), np.array([-7 * period - 1]), period) == pytest.approx(-1)
    generator = np.random.default_rng(2)
    true, predicted = generator.uniform(0, period, 1000), generator.uniform(-2 * period, 2 * period, 1000)
    turns = 360 / period  # astropy wraps a full turn to [-180, 180)
    short = Angle((predicted - true) * turns, "deg").wrap_at("180d").deg / turns
    error = np.abs(nearest(true, predicted, period) - true)
    np.testing.assert_allclose(error, np.abs(short), atol=1e-9)
    assert error.mean() == pytest.approx(period / 4, rel=0.1), "guesses at random"


def test_scores_of_an_angle_do_not_depend_on_where_its_range_begins():
    """Predictions within [0, 180) of a network that knows the angle to 3 degrees; published errors do depend on it."""
    generator = np.random.default_rng(3)
    true = generator.uniform(0, 180, 500)
    predicted = true + generator.normal(0, 3, 500)
    tables = [
        run_metrics(predictions({"theta": true}, {"theta": values})).set_index("metric").value
        for values in (predicted, predicted % 180)
    ]
    for name in ("r2", CIRCULAR):
        assert tables[0][name] == pytest.approx(tables[1][name])
    assert tables[1]["mae"] > 1.5 * tables[0]["mae"]


def test_metrics_that_may_be_published_are_those_computed():
    assert set(OF_PREDICTIONS) == {*METRICS, CIRCULAR, GAP_CLOSED}
    assert set(OF_BATCHES) == {STUCK, *DISTANCES}


def test_metrics_of_an_angle_take_the_short_way_round_but_for_the_published_ones():
    random = np.random.default_rng(1)
    true = random.uniform(0, 180, 4000)
    error = random.normal(2, 5, true.size)
    table = pd.DataFrame(
        {"true": true, "predicted": (true + error) % 180, "domain": "a", "seed": 0, "statistics": "batch"}
    )
    found = run_metrics(table.assign(parameter="theta")).set_index("metric").value
    assert found["bias"] == pytest.approx(error.mean())
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)))
    assert found["scatter"] == pytest.approx(stats.median_abs_deviation(error, scale="normal"))
    assert found["circular_mae"] == pytest.approx(np.abs(error).mean())
    assert found["mae"] == pytest.approx(np.abs(table.predicted - true).mean())
    assert found["mse"] == pytest.approx(np.square(table.predicted - true).mean())
    assert "outlier_fraction" not in found
    nan = run_metrics(table.assign(parameter="theta", predicted=np.nan))
    assert nan.value.isna().all() and set(nan.metric) == set(found.index)

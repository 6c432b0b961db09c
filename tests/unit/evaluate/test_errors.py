"""Scores of errors over samples of known coverage, and the table of a study."""

import numpy as np
import pandas as pd
import pytest
import scoringrules
from scipy import stats

from sim2sky import store
from sim2sky.evaluate import ERROR_COLUMNS
from sim2sky.evaluate.errors import BINS, ERRORS, PIT_BINS, Measured, error_scores, evaluate_errors, read_measured
from sim2sky.measure.quantiles import write_quantiles
from sim2sky.models.calibration import CENTRAL, LEVELS, MEDIAN
from sim2sky.models.measuring import Estimates
from sim2sky.provenance.stale import stale_table
from tests.unit.report.adaptation_results import small_study

IMAGES = 4000
SCORES = stats.norm.ppf(LEVELS)


def measured(images=IMAGES, told=0.5, seed=0, **more) -> Measured:
    """Normal errors, told `told` times as large as they are before calibration and as they are after it."""
    generator = np.random.default_rng(seed)
    true, std = generator.uniform(0.5, 3, images), generator.uniform(0.05, 0.4, images)
    median = (true + generator.normal(0, std))[:, None]
    right = median + std[:, None] * SCORES
    conformal = {each: median + std[:, None] * stats.norm.interval(each) for each in CENTRAL}
    quantiles = {"before": median + told * (right - median), "after": right}
    return Measured(true, quantiles, conformal, {"signal_to_noise": 5 / std}, **more)


def value(table, metric, errors="after", level=None, by="all") -> float:
    rows = table[(table.metric == metric) & (table.errors == errors) & (table.by == by)]
    rows = rows[rows.level.isna()] if level is None else rows[rows.level == level]
    return rows.value.item()


def test_right_errors_cover_what_they_say_and_others_do_not():
    table = error_scores(measured())
    for level in CENTRAL:
        expected = {"before": 2 * stats.norm.cdf(0.5 * stats.norm.ppf((1 + level) / 2)) - 1}
        for errors in ERRORS:
            rows = table[(table.metric == "coverage") & (table.level == level) & (table.errors == errors)]
            row = rows[rows.by == "all"].iloc[0]
            assert row.value == pytest.approx(expected.get(errors, level), abs=4 * row.scatter)
            assert row.scatter == pytest.approx(np.sqrt(level * (1 - level) / IMAGES))
    pit = table[(table.metric == "pit") & (table.by == "all")].pivot(index="level", columns="errors", values="value")
    assert len(pit) == PIT_BINS
    np.testing.assert_allclose(pit.sum(), 1)
    np.testing.assert_allclose(pit.after, 1 / PIT_BINS, atol=4 * np.sqrt(0.05 * 0.95 / IMAGES))
    assert pit.before.iloc[[0, -1]].min() > 3 / PIT_BINS


def test_scores_are_those_of_scoringrules_and_scipy():
    sample = measured()
    table = error_scores(sample)
    for errors, told in {"before": 0.5, "after": 1.0}.items():
        quantiles = sample.quantiles[errors]
        median = quantiles[:, MEDIAN]
        std = told * 5 / sample.conditions["signal_to_noise"]
        half = std * stats.norm.ppf(0.84)
        assert value(table, "nll", errors) == pytest.approx(-stats.norm.logpdf(sample.true, median, half).mean())
        crps = scoringrules.crps_normal(sample.true, median, std).mean()
        assert value(table, "crps", errors) == pytest.approx(crps, rel=3e-3)
        assert value(table, "width", errors, 0.68) == pytest.approx(2 * half.mean())
        assert value(table, "claimed", errors) == pytest.approx(np.sqrt((half**2).mean()))
        assert value(table, "bias", errors) == pytest.approx((median - sample.true).mean())
        assert value(table, "rmse", errors) == pytest.approx(np.sqrt(((median - sample.true) ** 2).mean()))
        outliers = np.abs(median - sample.true) > 0.15 * sample.true
        assert value(table, "outlier_fraction", errors) == outliers.mean()


def test_scatter_is_that_of_repeated_samples():
    tables = [error_scores(measured(300, seed=seed)).assign(seed=seed) for seed in range(40)]
    table = pd.concat(tables)
    table = table[(table.by == "all") & (table.errors == "after")]
    for metric, level in {"coverage": 0.68, "crps": None, "rmse": None, "width": 0.9}.items():
        rows = table[(table.metric == metric) & ((table.level == level) if level else table.level.isna())]
        assert rows.scatter.mean() == pytest.approx(rows.value.std(), rel=0.4)


def test_bins_hold_all_images_and_say_where_they_are():
    sample = measured()
    table = error_scores(sample)
    rows = table[(table.metric == "coverage") & (table.level == 0.68) & (table.errors == "after")]
    assert set(rows.by) == {"all", "true", "predicted", "signal_to_noise"}
    for by, bins in rows[rows.by != "all"].groupby("by"):
        assert len(bins) == BINS
        assert bins.images.sum() == IMAGES
        assert np.average(bins.value, weights=bins.images) == pytest.approx(rows[rows.by == "all"].value.item())
        assert ((bins.low <= bins["at"]) & (bins["at"] <= bins.high)).all(), by
    rmse = table[(table.metric == "rmse") & (table.errors == "after") & (table.by == "signal_to_noise")]
    assert rmse.value.is_monotonic_decreasing
    assert rmse["at"].is_monotonic_increasing


def test_few_images_are_in_one_bin_and_unknown_conditions_in_none():
    sample = measured(60)._replace(conditions={"signal_to_noise": np.full(60, np.nan), "seeing": np.ones(60)})
    table = error_scores(sample)
    assert set(table.by) == {"all", "true", "predicted"}
    assert set(table.images) == {60}


def test_the_limit_is_beside_the_error():
    limit = np.where(np.arange(IMAGES) < 500, 0.1, np.nan)
    assert value(error_scores(measured(limit=limit)), "limit") == pytest.approx(0.1)
    assert "limit" not in set(error_scores(measured()).metric)


def test_angles_have_no_outliers_and_no_far_errors():
    sample = measured(period=180.0)
    turned = sample._replace(true=(sample.true + 90) % 180, quantiles={k: q + 90 for k, q in sample.quantiles.items()})
    around = sample._replace(
        true=(sample.true - 1.5) % 180, quantiles={k: q - 1.5 for k, q in sample.quantiles.items()}
    )
    far, near = (error_scores(each._replace(conformal={})) for each in (turned, around))
    assert "outlier_fraction" not in set(far.metric)
    for metric, level in {"coverage": 0.68, "crps": None, "nll": None, "rmse": None}.items():
        assert value(near, metric, level=level) == pytest.approx(value(far, metric, level=level))


def test_a_network_without_errors_covers_nothing_and_has_no_likelihood():
    table = error_scores(measured(told=0))
    assert value(table, "coverage", "before", 0.95) == 0
    assert value(table, "nll", "before") == np.inf
    assert value(table, "crps", "before") > value(table, "crps", "after")


def test_an_image_without_numbers_is_not_left_out():
    sample = measured(1000)
    sample.quantiles["after"][:100] = np.nan
    table = error_scores(sample)
    assert value(table, "coverage", "after", 0.99) == pytest.approx(0.9 * 0.99, abs=0.02)
    assert np.isnan(value(table, "crps"))
    assert np.isfinite(value(table, "crps", "before"))


def write(path, sample):
    """The file of a network of one parameter."""
    quantiles = {name: each[:, None] for name, each in sample.quantiles.items()}
    one = np.zeros((len(sample.true), 1))
    estimates = Estimates(
        parameters=("theta_E",),
        quantiles=quantiles["after"],
        raw_quantiles=quantiles["before"],
        conformal={each: ends[:, None] for each, ends in sample.conformal.items()},
        std=one,
        std_aleatoric=one,
        std_epistemic=one,
        distance=one[:, 0],
        agreement=one[:, 0],
    )
    parameters = {"theta_E": {"units": "arcsec", "long_name": "Einstein radius"}}
    limits = {} if sample.limit is None else {"theta_E": sample.limit}
    write_quantiles(path, estimates, {"theta_E": sample.true}, parameters, {}, sample.conditions, limits)


@pytest.mark.parametrize("limit", [None, np.full(IMAGES, 0.1)])
def test_the_file_of_a_dataset_gives_the_same_scores(tmp_path, limit):
    sample = measured(limit=limit)
    write(tmp_path / "des_quantiles.zarr.zip", sample)
    read = read_measured(tmp_path / "des_quantiles.zarr.zip")["theta_E"]
    columns = ["errors", "by", "metric", "level"]
    theirs, ours = error_scores(read), error_scores(sample)
    pd.testing.assert_frame_equal(theirs[columns], ours[columns])
    overall = ours.by == "all"
    np.testing.assert_allclose(theirs[overall].value, ours[overall].value, atol=2e-3)
    assert list(ours.columns) == list(ERROR_COLUMNS[3:])


def test_quantiles_at_other_levels_are_refused(tmp_path):
    store.write_shard(tmp_path / "old.zarr.zip", {"true_x": store.Variable(np.zeros(3))}, {"levels": [0.1, 0.5]})
    with pytest.raises(store.StoreError, match=r"old\.zarr\.zip: holds quantiles at other levels"):
        read_measured(tmp_path / "old.zarr.zip")


def test_the_table_of_a_study_says_what_it_is_of(tmp_path):
    asked = {"runs": ["paper-none", "paper-dann"], "datasets": ["noise_free", "des"]}
    study = small_study({"measurement": asked})
    files = [tmp_path / f"{run}-{domain}.zarr.zip" for run, domain in study.error_scores]
    for number, path in enumerate(files):
        limit = np.array([0.1, 0.2, 0.2, *[np.nan] * 397]) if "-des." in path.name else None
        write(path, measured(400, seed=number, limit=limit))
    outputs = {"errors": tmp_path / "errors.csv", "provenance": tmp_path / "errors.json"}
    made_of = {"surveys": {}, "cutouts": {"des_coadd_g": "1234"}, "fingerprint": {"a": "b"}}
    evaluate_errors(study, files, **outputs, **made_of)
    table = pd.read_csv(outputs["errors"])
    assert list(table.columns) == list(ERROR_COLUMNS)
    assert list(table[["run", "domain"]].drop_duplicates().itertuples(index=False, name=None)) == study.error_scores
    known = table[(table.metric == "limit") & (table.by == "all")]
    assert set(known.domain) == {"des"} and known.value.to_numpy() == pytest.approx(np.sqrt(0.03))
    arguments = outputs["provenance"], [outputs["errors"]]
    assert not stale_table(*arguments, study, "error_scores", {}, {"des_coadd_g": "1234"})
    changed = study.model_copy(update={"targets": ["theta_E", "e1"]})
    assert "targets" in str(stale_table(*arguments, changed, "error_scores", {}, {}))
    assert "cutouts.des_coadd_g" in str(stale_table(*arguments, study, "error_scores", {}, {"des_coadd_g": "5"}))

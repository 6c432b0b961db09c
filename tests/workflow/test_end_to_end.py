"""The whole DAG at a tiny size: what it leaves behind, what it does not do again, and what happens when a run fails."""

import shutil

import pandas as pd
import pytest
import xarray
import zarr

from tests.workflow.conftest import TINY_RUN, planned

pytestmark = pytest.mark.slow
DRY = (*TINY_RUN, "--dry-run", "--quiet", "rules")
STUDY = "results/evaluate/einstein_radius"


def test_tables_hold_every_run_domain_and_statistics(finished):
    metrics = pd.read_csv(finished.folder / STUDY / "metrics.csv", keep_default_na=False)
    assert metrics.run.nunique() == 15
    assert set(metrics.statistics) == {"running", "batch", "adabn"}
    assert {"r2", "rmse", "mae", "bias", "scatter", "outlier_fraction", "mmd", "proxy_a_distance"} <= set(
        metrics.metric
    )
    summary = pd.read_csv(finished.folder / STUDY / "summary.csv")
    expected = "study method recipe domain statistics parameter metric mean std n_seeds published_mean published_std published_source"
    assert list(summary.columns)[:13] == expected.split()
    assert (summary.published_mean.notna()).sum() == 6


def test_shards_are_labelled_data_sets(finished):
    for path in (finished.folder / "results/observe").glob("*/*.zarr.zip"):
        with xarray.open_zarr(zarr.storage.ZipStore(path, mode="r")) as data:
            assert data.image.dims == ("lens", "band", "y", "x")
            assert (data.image.units, data.theta_E.units) == ("counts/s", "arcsec")
            assert data.attrs["config"] and data.attrs["fingerprint"]


def test_report_shows_every_figure_and_misses_nothing(finished):
    page = (finished.folder / "results/report/report.html").read_text()
    figures = list((finished.folder / "results/report/einstein_radius").glob("*.png"))
    assert len(figures) > 15
    assert page.count("data:image/png;base64,") == len(figures)
    assert "missing" not in page.lower().split("</style>")[1]


def test_logs_and_benchmarks_of_every_rule(finished):
    for folder in ("logs", "benchmarks"):
        rules = {
            path.name.removesuffix("_einstein_radius") for path in (finished.folder / "results" / folder).iterdir()
        }
        assert {"simulate_shard", "inject_noise", "train_source_only", "adapt", "predict", "evaluate_run"} <= rules
    log = (finished.folder / "results/logs/adapt/einstein_radius/paper-mmd/0-0.log").read_text()
    assert "epoch 1/1" in log


def test_second_call_does_nothing(finished):
    result = finished.snakemake(*TINY_RUN)
    assert result.returncode == 0
    assert "Nothing to be done" in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("file", "old", "new", "rules"),
    [
        ("workflow/src/sim2sky/lensing/mass.py", '"""', '"""A comment. ', set()),
        (
            "config/studies/einstein_radius.yaml",
            "abstract: >-\n  A network",
            "abstract: >-\n  A neural network",
            {"write_report", "draw"},
        ),
        ("workflow/src/sim2sky/report/captions.py", "Look", "Watch", {"write_report"}),
        (
            "config/studies/einstein_radius.yaml",
            "mean: 0.94",
            "mean: 0.95",
            {"aggregate_metrics", "draw", "write_report"},
        ),
        (
            "config/studies/einstein_radius.yaml",
            "adaptation: mmd, weight: 1.4",
            "adaptation: mmd, weight: 1.5",
            {"adapt", "predict", "evaluate_run", "aggregate_metrics", "draw", "write_report"},
        ),
    ],
)
def test_edit_reruns_what_depends_on_it(finished, file, old, new, rules):
    path = finished.folder / file
    before = path.read_text()
    finished.edit(file, old, new)
    try:
        jobs = planned(finished.snakemake(*DRY))
    finally:
        path.write_text(before)
    assert {rule.removesuffix("_figures_einstein_radius") for rule in jobs} == rules


def test_failed_run_is_named_and_the_report_still_written(finished):
    report = finished.folder / "results/report/report.html"
    script = "workflow/src/sim2sky/adapt/mmd.py"
    before = (finished.folder / script).read_text()
    for path in (report, finished.folder / STUDY / "summary.csv", finished.folder / STUDY / "metrics.csv"):
        path.unlink()
    shutil.rmtree(finished.folder / "results/adapt/einstein_radius/tuned-mmd")
    shutil.rmtree(finished.folder / STUDY / "tuned-mmd")
    finished.edit(script, "n = len(source)", "raise RuntimeError('no MMD today')")
    try:
        result = finished.snakemake(*TINY_RUN, "--rerun-triggers", "mtime")
    finally:
        (finished.folder / script).write_text(before)
    assert result.returncode == 1
    log = (finished.folder / "results/logs/adapt/einstein_radius/tuned-mmd/0-0.log").read_text()
    assert "RuntimeError: no MMD today" in log
    page = report.read_text().split("</style>")[1]
    assert "tuned-mmd" in page[page.lower().index("missing") :][:600]

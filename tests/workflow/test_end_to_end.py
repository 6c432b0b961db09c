"""The whole DAG at a tiny size: what it leaves behind, what it does not do again, and what happens when a run fails."""

import shutil
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import xarray
import zarr
from astropy.table import Table
from astropy.units import Unit

from tests.workflow.conftest import TINY_RUN

pytestmark = pytest.mark.slow
STUDY = "results/evaluate/einstein_radius"


def test_tables_hold_every_run_domain_and_statistics(finished):
    metrics = pd.read_csv(finished.folder / STUDY / "metrics.csv", keep_default_na=False)
    assert metrics.run.nunique() == 8
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


def test_every_parquet_table_has_units_for_pandas_and_astropy(finished):
    paths = sorted((finished.folder / "results").rglob("*.parquet"))
    assert len(paths) == 8
    for path in paths:
        table, found = pd.read_parquet(path), Table.read(path)
        units = table.attrs["units"]
        assert {"true", "predicted", "seeing", "sky_brightness"} <= units.keys()
        assert {name: found[name].unit for name in units} == {name: Unit(unit) for name, unit in units.items()}
        assert found.colnames == list(table.columns) and len(found) == len(table)
        assert set(table.unit) == {"arcsec"} and table.attrs["parameters"]["theta_E"]["long_name"]


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


def test_snakemake_makes_its_own_report(finished, tmp_path):
    report = tmp_path / "report.zip"
    result = finished.snakemake(*TINY_RUN, "--report", str(report))
    assert result.returncode == 0, result.stderr
    with zipfile.ZipFile(report) as archive:
        names = [Path(name).name for name in archive.namelist()]
    figures = (finished.folder / "results/report/einstein_radius").glob("*.png")
    assert {"report.html", "summary.csv"} | {path.name for path in figures} <= set(names)


def test_failed_run_is_named_and_the_report_still_written(finished, tmp_path):
    project = finished.copy(tmp_path / "project")
    report = project.folder / "results/report/report.html"
    for path in (report, project.folder / STUDY / "summary.csv", project.folder / STUDY / "metrics.csv"):
        path.unlink()
    shutil.rmtree(project.folder / "results/adapt/einstein_radius/tuned-mmd")
    shutil.rmtree(project.folder / STUDY / "tuned-mmd")
    project.edit("workflow/src/sim2sky/adapt/mmd.py", "n = len(source)", "raise RuntimeError('no MMD today')")
    result = project.snakemake(*TINY_RUN, "--rerun-triggers", "mtime")
    assert result.returncode == 1
    log = (project.folder / "results/logs/adapt/einstein_radius/tuned-mmd/0-0.log").read_text()
    assert "RuntimeError: no MMD today" in log
    page = report.read_text().split("</style>")[1]
    assert "tuned-mmd" in page[page.lower().index("missing") :][:600]


def test_results_of_another_configuration_are_left_out_of_a_partial_report(finished, tmp_path):
    project = finished.copy(tmp_path / "project")
    project.edit("config/studies/einstein_radius.yaml", "lr: 3.0e-4}\n    schedule", "lr: 4.0e-4}\n    schedule")
    project.edit("config/studies/einstein_radius.yaml", "seed: 4", "seed: 5")
    result = project.snakemake(*TINY_RUN, "partial=true")
    assert result.returncode == 0, result.stdout + result.stderr
    log = (project.folder / "results/logs/aggregate_metrics/einstein_radius.log").read_text()
    assert "tuned-none/0-0/model.safetensors\n  recipe.optimiser.lr: 0.0003 -> 0.0004" in log
    assert "datasets.des_sky.seed: 4 -> 5" in log
    runs = set(pd.read_csv(project.folder / STUDY / "metrics.csv").run)
    assert "paper-mmd" in runs and not any(run.startswith("tuned") for run in runs)
    products = (finished.folder, project.folder)
    drawn = [(folder / "results/report/einstein_radius/predictions_tuned_des.png").read_bytes() for folder in products]
    assert drawn[0] != drawn[1], "the figure says that there are none"

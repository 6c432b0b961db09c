"""The report in a real browser: every figure is loaded, and the console has nothing to say."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from sim2sky.config import Study
from sim2sky.evaluate.aggregate import aggregate
from sim2sky.evaluate.run_metrics import RUN_COLUMNS
from sim2sky.paths import Paths
from sim2sky.report.figures import style
from sim2sky.report.figures.draw import draw_figures
from sim2sky.report.results import Results
from tests.unit.report.files import Made, inputs_of, outputs_of, page

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    """A report of one finished run; every other one is missing, so the figures mostly say so."""
    study = Study.model_validate(yaml.safe_load((ROOT / "config/studies/einstein_radius.yaml").read_text()))
    runs = {name: run for name, run in study.runs.items() if run.recipe == "paper"}
    study, folder = study.model_copy(update={"seeds": 1, "runs": runs}), tmp_path_factory.mktemp("report")
    paths, path = Paths(str(folder / "results")), folder / "report.html"
    rows = [("paper-none", "none", "paper", "noise_free", "", 0, "des", "batch", "theta_E", "r2", 0.5)]
    run, where = folder / "run.csv", {"study": "toy"}
    pd.DataFrame(rows, columns=RUN_COLUMNS).to_csv(run, index=False)
    tables = paths.metrics.format(**where), paths.summary.format(**where)
    aggregate("toy", study, [run], *tables)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "DPI", 60)
        inputs, figures = inputs_of(study, paths), outputs_of(study, paths)
        draw_figures(study, inputs, figures)
    page(Made(study, paths, Results(study, inputs), figures), path)
    return path


def check(browser, page: Path, figures: int) -> None:
    """Every figure is loaded, every link within the page leads somewhere, and the console has nothing to say."""
    browser.get(page.as_uri())
    widths = browser.execute_script("return [...document.images].map(image => image.naturalWidth)")
    assert len(widths) == figures
    assert all(width > 500 for width in widths)
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    broken = browser.execute_script(
        "return [...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.getAttribute('href').slice(1))"
        ".filter(id => !document.getElementById(id))"
    )
    assert broken == []


def test_report_opens_offline_with_every_figure(browser, report):
    check(browser, report, 9)
    missing = browser.find_element("css selector", ".box.missing").text
    assert "paper-mmd" in missing and "paper-none" not in missing


@pytest.mark.slow
def test_report_of_a_finished_study_opens_offline(browser, finished):
    figures = list((finished.folder / "results/report/einstein_radius").glob("*.png"))
    check(browser, finished.folder / "results/report/report.html", len(figures))


def test_report_fits_a_laptop(browser, report):
    browser.set_window_size(1366, 900)
    browser.get(report.as_uri())
    page, window = browser.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert page <= window

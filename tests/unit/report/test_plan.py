"""Registered figures, their captions and the plan of every study agree, and none needs a heavy import to be known."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from sim2sky import registry
from sim2sky.config.load import load
from sim2sky.report.comparisons import comparisons
from sim2sky.report.figures import list_figures
from sim2sky.report.figures import registry as figures
from sim2sky.report.page.captions import read_captions
from sim2sky.report.plan import figure_plan, inputs_of
from sim2sky.report.results import Results
from tests.unit.report.adaptation_results import small_study
from tests.unit.report.files import CAPTIONS, ROOT
from tests.unit.report.regression_results import STUCK, regression_study

KINDS = {"history", "predictions", "latents", "models", "first_shards", "cutouts", "catalogues", "measured_shards"}
KINDS |= {"metrics", "error_scores", "cross_validation", "degeneracy", "reconstruction"}
NO_FIGURE = {"summary"}  # a table, which Snakemake's own report shows


@pytest.fixture(scope="module")
def studies():
    raw = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    names = sorted(path.stem for path in (ROOT / "config/studies").glob("*.yaml"))
    shipped = load(raw | {"studies": names}, ROOT)[1]
    measured = small_study({"measurement": {"runs": ["paper-none"], "datasets": ["noise_free"]}})
    return [*shipped.values(), small_study(), measured, regression_study(), regression_study(STUCK)]


def test_registry_captions_and_plan_agree(studies):
    planned = {figure.kind for study in studies for figure in figure_plan(study).values()}
    assert planned == set(list_figures()) == set(registry.inputs("report/figures"))
    assert {path.stem for path in CAPTIONS} == planned | NO_FIGURE


def test_figures_read_known_kinds_of_files(studies):
    assert {kind for kinds in registry.inputs("report/figures").values() for kind in kinds} == KINDS
    for study in studies:
        needed = {figure.kind for figure in figure_plan(study).values()}
        assert inputs_of(study) == sorted({kind for name in needed for kind in registry.inputs("report/figures")[name]})
    assert "models" not in inputs_of(small_study()) and "latents" not in inputs_of(regression_study())


def test_a_figure_sees_the_files_that_it_is_registered_with_alone():
    results = Results(small_study(), {kind: {} for kind in KINDS})
    with pytest.raises(KeyError, match="metrics"):
        results.only(["history"]).metrics()
    assert results.only(["history"]).history("paper-none") is None


def test_a_figure_that_reads_what_it_is_not_registered_with_fails(monkeypatch):
    study = small_study()
    results, comparison = Results(study, {kind: {} for kind in KINDS}), comparisons(study)[0]
    monkeypatch.setitem(figures._FIGURES, "learning_curves", lambda results, comparison: results.latents("paper-none"))
    with pytest.raises(KeyError, match="latents"):
        figures.draw("learning_curves", results, comparison)


def test_the_result_comes_first():
    assert next(iter(figure_plan(small_study()))).startswith("scores_")


def test_captions_are_plain_text():
    for kind, caption in read_captions(CAPTIONS).items():
        assert len(caption.title) < 60 and "\n" not in caption.title, kind
        assert not {"`", "\\", "*", "\n"} & set(caption.title + caption.text), kind


def test_a_caption_that_cannot_be_read_is_named(tmp_path):
    for text, problem in (
        ("Title alone\n", "a title, an empty line and a text"),
        ("T\n\n:math:`\\frac`", "no plain form"),
    ):
        path = tmp_path / "figure.rst"
        path.write_text(text)
        with pytest.raises(ValueError, match=rf"figure\.rst: .*{problem}"):
            read_captions([path])


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("sim2sky.report.plan", {"torch", "matplotlib", "pandas", "numpy", "zarr"}),
        ("sim2sky.report.page.write", {"torch", "matplotlib"}),
    ],
)
def test_what_needs_no_heavy_import(module, heavy):
    program = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not heavy & set(done.stdout.split())

"""Figures and table of errors, from scores of made-up measurements."""

import numpy as np
import pandas as pd
import pytest

from sim2sky.evaluate import ERROR_COLUMNS
from sim2sky.evaluate.errors import error_scores
from sim2sky.models.calibration import LEVELS, MEDIAN
from sim2sky.paths import Paths
from sim2sky.report.figures import errors as figures
from sim2sky.report.figures import style
from sim2sky.report.plan import OF_ERRORS, figure_plan
from sim2sky.report.results import Results
from sim2sky.report.tables.errors import errors
from tests.unit.evaluate.test_errors import measured
from tests.unit.report.adaptation_results import make_results, small_study
from tests.unit.report.files import Made, page

RUNS, DOMAINS = ["paper-none", "paper-dann"], ["noise_free", "des"]
ASKED = {"runs": RUNS, "datasets": DOMAINS, "coverage_within": {"des": 0.05}}


@pytest.fixture(scope="module")
def study():
    return small_study({"measurement": ASKED})


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Scores of all but one run on one domain; there is a limit on one domain, and no signal-to-noise on the other."""
    parts = []
    for run, domain in [(run, domain) for run in RUNS for domain in DOMAINS][:-1]:
        sample = measured(600, limit=np.full(600, 0.03) if domain == "des" else None)
        if domain == "noise_free":
            sample = sample._replace(conditions={"signal_to_noise": np.full(600, np.inf)})
        parts.append(error_scores(sample).assign(run=run, domain=domain, parameter="theta_E")[list(ERROR_COLUMNS)])
    path = tmp_path_factory.mktemp("errors") / "errors.csv"
    pd.concat(parts).to_csv(path, index=False)
    return path


def texts(figure) -> list[str]:
    return [text.get_text() for ax in figure.axes for text in ax.texts]


def lines(figure, label: str) -> list[np.ndarray]:
    """What is drawn under a label, by lines alone or with errors."""
    found = [line for ax in figure.axes for line in ax.lines if line.get_label() == label]
    found += [bar.lines[0] for ax in figure.axes for bar in ax.containers if bar.get_label() == label]
    return [line.get_xydata() for line in found if len(line.get_xydata())]


def test_studies_that_measure_have_the_figures(study):
    assert set(OF_ERRORS) <= set(figure_plan(study))
    assert not set(OF_ERRORS) & set(figure_plan(small_study()))


@pytest.mark.parametrize("kind", OF_ERRORS)
def test_figures_name_what_was_not_run(study, table, kind, tmp_path):
    for files, count in ({"table": table}, 1), ({}, 4 if kind != "error_coverage" else 6):
        with style.style():
            figure = getattr(figures, kind)(Results(study, {"error_scores": files}))
            figure.savefig(tmp_path / "figure.png", dpi=40)
        assert sum("not run" in text for text in texts(figure)) == count


def test_the_figure_of_coverage_shows_the_scores(study, table):
    with style.style():
        figure = figures.error_calibration(Results(study, {"error_scores": {"table": table}}))
    scores = pd.read_csv(table)
    scores = scores[(scores.by == "all") & (scores.metric == "coverage") & (scores.errors == "before")]
    before = lines(figure, "before calibration")
    assert len(before) == 3
    for drawn, (_, rows) in zip(before, scores.groupby(["run", "domain"], sort=False), strict=True):
        np.testing.assert_allclose(drawn[1:-1], rows.sort_values("level")[["level", "value"]])


def test_the_limit_is_drawn_where_it_is_known(study, table):
    with style.style():
        figure = figures.error_sizes(Results(study, {"error_scores": {"table": table}}))
    limits = lines(figure, "Cramér–Rao bound")
    assert len(limits) == 1
    np.testing.assert_allclose(limits[0][:, 1], 0.03)
    assert len(lines(figure, "RMS error")) == 3


def test_the_table_has_a_row_per_run_and_domain(study, table):
    shown = errors(study, table)
    assert [row[1] for row in shown.rows] == [study.datasets[domain].title for domain in DOMAINS] * 2
    assert all(len(row) == len(shown.columns) == sum(span for _, span in shown.groups) for row in shown.rows)
    cells = dict(zip(shown.columns, shown.rows[1], strict=True))
    scores = pd.read_csv(table)
    rows = scores[(scores.run == RUNS[0]) & (scores.domain == "des") & (scores.by == "all") & (scores.level == 0.68)]
    share = rows[rows.metric == "coverage"].set_index("errors").loc["conformal"]
    assert cells["conformal"] == f"{100 * share.value:.1f} ± {100 * share.scatter:.1f}"
    assert cells["asked for"] == "68 ± 5"
    assert cells["bound"] == "0.030"
    assert shown.rows[0][shown.columns.index("bound")] == shown.rows[0][shown.columns.index("asked for")] == "–"
    assert set(shown.rows[-1][2:]) == {"–"}


def test_errors_that_are_no_numbers_are_said_to_be_none(study, tmp_path):
    sample = measured(100, told=0)
    sample.quantiles["after"][:] = np.nan
    scores = error_scores(sample).assign(run=RUNS[0], domain="des", parameter="theta_E")
    scores.to_csv(tmp_path / "errors.csv", index=False)
    shown = errors(study, tmp_path / "errors.csv")
    cells = shown.rows[1]
    nll = [index for index, (name, span) in enumerate(shown.groups) if name == "NLL"][0]
    start = sum(span for _, span in shown.groups[:nll])
    assert cells[start : start + 2] == ["∞", "–"]
    assert LEVELS[MEDIAN] == 0.5 and cells[3] == "0.0 ± 4.7"


def test_the_page_has_a_section_of_errors(study, table, tmp_path):
    paths, few = Paths(str(tmp_path)), study.model_copy(update={"cross_validation": None})
    make_results("toy", few, paths, skip=tuple(run for run in few.runs if run not in RUNS))
    made = Made(few, paths, Results(few, {}), {})
    text = page(made, tmp_path / "report.html", tables={"error_scores": {"files": [table]}})
    assert '<a href="#toy-errors">errors</a>' in text
    section = text[text.index('<h3 id="toy-errors">') : text.index('<h3 id="toy-figures">')]
    assert "68 ± 5" in section and "split" not in section and few.datasets["des"].title in section
    assert "arxiv.org/abs/2501.08524" in text
    assert "toy-errors" not in page(made, tmp_path / "report.html")

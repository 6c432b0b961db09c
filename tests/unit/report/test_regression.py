"""The report's chapter of a study that regresses several parameters, from small made-up results."""

from __future__ import annotations

import re

import numpy as np
import pytest
from matplotlib import image

from sim2sky.paths import Paths
from sim2sky.report import plan
from sim2sky.report.comparisons import settings
from sim2sky.report.figures import losses as figures_losses
from sim2sky.report.figures import parameters as figures_parameters
from sim2sky.report.figures import style
from sim2sky.report.figures.draw import draw_figures
from sim2sky.report.page.captions import read_captions
from sim2sky.report.results import Results
from sim2sky.report.tables import regression as tables_regression
from sim2sky.report.tables.summary import Summary
from tests.unit.report.files import CAPTIONS, Made, inputs_of, outputs_of, page
from tests.unit.report.regression_results import RANGES, STUCK, make_regression, regression_study

MISSING = "alexnet"


def build(folder, change=None, skip=()) -> Made:
    study, paths = regression_study(change), Paths(str(folder))
    make_regression("toy", study, paths, skip)
    inputs, figures = inputs_of(study, paths), outputs_of(study, paths)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "DPI", 40)
        draw_figures(study, inputs, figures)
    return Made(study, paths, Results(study, inputs), figures)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Results with one run missing, and all figures of them."""
    return build(tmp_path_factory.mktemp("regression"), skip=(MISSING,))


@pytest.fixture(scope="module")
def stuck(tmp_path_factory):
    return build(tmp_path_factory.mktemp("stuck"), STUCK)


def summary_of(made) -> Summary:
    return Summary(made.paths.summary.format(study="toy"))


def test_every_figure_is_drawn_and_has_a_caption(made, stuck):
    for study, _, _, figures in (made, stuck):
        planned = plan.figure_plan(study)
        assert list(figures) == list(planned)
        assert {figure.kind for figure in planned.values()} <= set(read_captions(CAPTIONS))
        for name, path in figures.items():
            pixels = image.imread(path)[..., :3]
            assert 0.005 < (pixels < 0.9).any(axis=2).mean() < 0.95, name


def test_histograms_of_many_runs_are_shared_out():
    study = regression_study()
    more = {f"{name}-{number}": run for number in range(2) for name, run in study.runs.items()}
    planned = plan.figure_plan(study.model_copy(update={"runs": more}))
    first, second = (planned[f"errors_noise_free_{number}"].comparison.runs for number in (1, 2))
    assert first + second == tuple(more)
    assert len(first) == plan.RUNS_PER_FIGURE


def test_a_run_that_goes_on_is_shown_behind_the_one_it_started_from(made):
    table = figures_losses._history(made.results, "inception_v3-pretrained-longer")
    assert sorted(table.epoch.unique()) == list(range(1, 13))
    assert set(table.start) == {6}
    assert set(figures_losses._history(made.results, "mnasnet").start) == {0}


def test_losses_of_different_kinds_do_not_share_an_axis(made):
    figure = figures_losses.loss_log(made.results)
    panels = {ax.get_title().split("\n")[0]: ax for ax in figure.axes}
    assert panels["mnasnet"].get_ylim() == panels["inception_v3-pretrained"].get_ylim()
    assert panels["vgg19_bn-ours"].get_ylim() != panels["mnasnet"].get_ylim()
    assert panels["mnasnet"].get_yscale() == "log"
    assert "not run" in [text.get_text() for text in panels[MISSING].texts]


def test_errors_are_of_the_median_network_in_every_parameter(made):
    table = figures_parameters._errors_of_one_seed(made.results, "mnasnet", "noise_free")
    assert list(table) == list(RANGES)
    metrics = made.results.metrics().query("run == 'mnasnet' and metric == 'mae' and statistics == 'running'")
    means = metrics[metrics.parameter == "mean"].set_index("seed").value.sort_values()
    assert table.attrs["seed"] == means.index[1]
    assert np.abs(table).mean().mean() == pytest.approx(means.iloc[1])


def test_size_of_a_network_is_of_what_is_trained(made):
    assert made.results.network_size("mnasnet") == 400_000
    assert made.results.network_size(MISSING) is None


def test_table_of_scores_holds_published_values(made):
    summary = summary_of(made)
    table = tables_regression.scores(made.study, summary, "noise_free")
    rows = {row[0]: row for row in table.rows}
    assert sum(span for _, span in table.groups) == len(table.columns) == len(rows["mnasnet"])
    assert rows[MISSING][1:4] == ["0", "–", "2.91"]
    ours = summary.get("inception_v3-pretrained", "noise_free", "running", "mae", "mean")
    assert rows["inception_v3-pretrained"][2:4] == [f"{ours.mean:.2f} ± {ours.std:.2f}", "1.03"]
    published = tables_regression.published(made.study, summary).rows
    assert [row[:5] for row in published if row[0] == MISSING] == [[MISSING, "Clean images", "mean", "MAE", "not run"]]
    assert ["θ", "MSE"] in [row[2:4] for row in published]


def test_page_of_a_regression(made, tmp_path):
    text = page(made, tmp_path / "report.html")
    assert "Best mean absolute error: vgg19_bn-ours" in text
    assert "short way round, before" in text
    assert "starts from inception v3-pretrained" in text
    assert "gap to the oracle" not in text
    assert re.search(r"<code>alexnet</code>: all seeds", text)


def test_stuck_networks_are_counted_by_setting_batch_and_epoch(stuck, tmp_path):
    assert list(settings(stuck.study)) == ["default", "rmsprop", "mae"]
    rows = tables_regression.stuck(stuck.study, summary_of(stuck)).rows
    assert [row[:3] for row in rows[:4]] == [["default", size, epoch] for epoch in "36" for size in ("10", "100")]
    history = stuck.results.history("default-batch_100")
    last = history[history.epoch == 6]
    count = int((last.loss > last.guess_loss).sum())
    assert rows[3][3:] == ["12", str(count), f"{100 * count / 12:.0f}", "–"]
    assert rows[1][-1] == "72"
    assert rows[2][-1] == "19"
    titles = [ax.get_title() for ax in figures_losses.stuck_at_mean(stuck.results).axes]
    assert f"{count} of 12 (100)" in titles[0]
    text = page(stuck, tmp_path / "report.html")
    assert f"default, batches of 100: {count} of 12 networks after 6 epochs." in text


def test_nothing_run_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr(style, "DPI", 40)
    for change in (None, STUCK):
        study, paths = regression_study(change), Paths(str(tmp_path))
        drawn = outputs_of(study, paths)
        draw_figures(study, inputs_of(study, paths), drawn)
        assert all(path.stat().st_size > 1000 for path in drawn.values())

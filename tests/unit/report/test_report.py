"""Figures and page of the report, from small made-up results."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from astropy.io import fits
from matplotlib import image

from sim2sky import store
from sim2sky.config import CrossValidation, Published, Survey, merge
from sim2sky.evaluate.metrics import r2
from sim2sky.paths import Paths
from sim2sky.provenance import record
from sim2sky.report import comparisons, plan, results
from sim2sky.report.figures import domains as figures_domains
from sim2sky.report.figures import images as figures_images
from sim2sky.report.figures import predictions as figures_predictions
from sim2sky.report.figures import scores as figures_scores
from sim2sky.report.figures import style
from sim2sky.report.figures import training as figures_training
from sim2sky.report.figures.draw import draw_figures
from sim2sky.report.results import Results, current
from sim2sky.report.tables import adaptation, analyses, runs
from sim2sky.report.tables.sizes import extent, sizes
from sim2sky.report.tables.summary import Summary
from sim2sky.report.tables.table import mean_std, number, score
from tests.unit.report.adaptation_results import MISSING, ROOT, make_results, small_study
from tests.unit.report.files import Made, inputs_of, outputs_of, page


def survey(name: str) -> Survey:
    return Survey.model_validate(yaml.safe_load((ROOT / f"resources/surveys/{name}.yaml").read_text()))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    """Results with one run missing, and all figures of them."""
    folder = tmp_path_factory.mktemp("report")
    study, paths = small_study(), Paths(str(folder))
    make_results("toy", study, paths, skip=MISSING)
    cutouts = {"des_coadd_g": folder / "cutouts.fits"}
    sky = np.random.default_rng(1).normal(0, 3, (10, 40, 40))
    fits.PrimaryHDU(sky.astype(np.float32)).writeto(cutouts["des_coadd_g"])
    inputs, figures, surveys = inputs_of(study, paths, cutouts), outputs_of(study, paths), {"des": survey("des")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures_domains, "EMBEDDED", 25)
        patch.setattr(style, "DPI", 50)
        draw_figures(study, inputs, figures, surveys)
    return Made(study, paths, Results(study, inputs, surveys), figures)


def texts(figure) -> list[str]:
    return [text.get_text() for ax in figure.axes for text in ax.texts]


def test_names_need_no_heavy_import():
    program = f"""
import sys, yaml
from sim2sky.config import Study
from sim2sky.report.plan import figure_plan
study = Study.model_validate(yaml.safe_load(open({str(ROOT / "config/studies/einstein_radius.yaml")!r})))
print(*figure_plan(study))
assert not {{"torch", "matplotlib", "pandas", "numpy", "zarr"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = done.stdout.split()
    assert {"examples", "sky_scatter", "scores_des", "predictions_paper_des", "latent_space_tuned_des_sky"} <= set(
        found
    )
    assert len(found) == len(set(found))


def test_names_follow_the_study():
    renamed = small_study(rename={"des_sky": "heaven", "tuned": "mine", "noise_free": "clean"})
    assert "predictions_mine_heaven" in plan.figure_plan(renamed)
    comparison = next(item for item in comparisons.comparisons(renamed) if item.last == "heaven")
    assert comparison.runs == ("mine-none", "mine-dann-sky", "mine-mmd-sky", "mine-oracle-sky")
    alone = renamed.runs["mine-none"].model_copy(update={"evaluate_on": ["clean"]})
    single = renamed.model_copy(update={"runs": {"mine-none": alone}})
    assert "predictions_mine" in plan.figure_plan(single)
    assert not any("domain_distance" in name for name in plan.figure_plan(single))


def test_no_figure_is_lost_to_another_of_its_name():
    """Recipe `a` on `sky_des`, and recipe `a_sky` on `des`."""
    study = small_study(rename={"des_sky": "sky_des", "tuned": "a", "paper": "a_sky"})
    found = plan.figure_plan(study)
    assert [figure.kind for figure in found.values()].count("predictions") == len(comparisons.comparisons(study))
    first, second = (found[name].comparison for name in ("predictions_a_sky_des", "predictions_a_sky_des_2"))
    assert {(item.recipe, item.target) for item in (first, second)} == {("a", "sky_des"), ("a_sky", "des")}


def test_every_figure_is_drawn_and_not_blank(made):
    assert list(made.figures) == list(plan.figure_plan(made.study))
    for name, path in made.figures.items():
        pixels = image.imread(path)[..., :3]
        assert min(pixels.shape[:2]) > 100, name
        assert 0.005 < (pixels < 0.9).any(axis=2).mean() < 0.9, name


def test_a_report_takes_no_figure_of_another_study_and_no_changed_table(made, tmp_path):
    with pytest.raises(ValueError, match=r"\.png: made for another configuration(.|\n)*seeds: \d -> 7"):
        page(made._replace(study=made.study.model_copy(update={"seeds": 7})), tmp_path / "report.html")
    about = tmp_path / "provenance.json"
    tables = [Path(pattern.format(study="toy")) for pattern in (made.paths.metrics, made.paths.summary)]
    tables = [Path(shutil.copy(table, tmp_path)) for table in tables]
    given = {"tables": {"metrics": {"files": tables, "provenance": about}}}
    config = made.study.tabulated().params()
    record.write_provenance(about, tables, {"config": config | {"seeds": 7}})
    with pytest.raises(ValueError, match=r"provenance\.json: made for another configuration(.|\n)*seeds: 7 -> "):
        page(made, tmp_path / "report.html", **given)
    record.write_provenance(about, tables, {"config": config, "versions": {"torch": "0.0.7"}})
    assert "0.0.7" in page(made, tmp_path / "report.html", **given)
    tables[0].write_text(tables[0].read_text() + "\n")
    with pytest.raises(store.StoreError, match=r"metrics\.csv: changed since it was made"):
        page(made, tmp_path / "report.html", **given)


def test_partial_figures_leave_out_tables_of_another_configuration(made, tmp_path):
    study, paths = made.study, Paths(str(tmp_path))
    table, about = (
        Path(pattern.format(study="toy")) for pattern in (paths.cross_validation, paths.cross_validation_provenance)
    )
    store.write_table(made.results.cross_validation(), table)
    wanted = study.made_with("cross_validation")
    other = merge(wanted, {"cross_validation": {"folds": 77}})
    inputs = {"cross_validation": {"table": table, "provenance": about}}
    for config, partial, there in ((wanted, True, True), (other, True, False), (other, False, True)):
        record.write_provenance(about, [table], {"config": config})
        found = Results(study, current(inputs, study, {}) if partial else inputs).cross_validation()
        assert (found is not None) is there, (config, partial)
    given = {"cross_validation": {"files": [table], "provenance": about}}
    with pytest.raises(ValueError, match=r"provenance\.json: made for another configuration(.|\n)*folds: 77 -> "):
        page(made, tmp_path / "report.html", tables=given)


def test_partial_figures_leave_out_runs_of_another_configuration(made, monkeypatch):
    changed = {Path("old"): ["recipe.optimiser.lr: 1 -> 2"], Path("new"): []}
    monkeypatch.setattr(results, "stale", lambda models, study, run, seeds, *_: changed[models[run, seeds]])
    blocks = {("paper-none", "0-1"): Path("old"), ("paper-none", "2-2"): Path("new")}
    inputs = {"models": blocks, "history": dict.fromkeys(blocks, Path("history.csv"))}
    kept = current(inputs, made.study, {})
    assert list(kept["models"]) == list(kept["history"]) == [("paper-none", "2-2")]


def test_a_report_names_networks_of_other_code(made, tmp_path):
    about = tmp_path / "provenance.json"
    tables = [Path(pattern.format(study="toy")) for pattern in (made.paths.metrics, made.paths.summary)]
    networks = {path: {"fingerprint": f"code of {path}"} for path in ("first.safetensors", "second.safetensors")}
    of = {"config": made.study.made_with("metrics"), "networks": networks}
    record.write_provenance(about, tables, of)
    given = {"tables": {"metrics": {"files": tables, "provenance": about}}}
    now = {
        "first.safetensors": "code of first.safetensors",
        "second.safetensors": "newer",
        "third.safetensors": "newer",
    }
    report = page(made, tmp_path / "report.html", code_of_networks=now, **given)
    named = report.split("Networks of other code.")[1].split("</div>")[0]
    assert re.findall(r"\w+\.safetensors", named) == ["second.safetensors"]
    now |= {"second.safetensors": "code of second.safetensors"}
    report = page(made, tmp_path / "report.html", code_of_networks=now, **given)
    assert "Networks of other code" not in report


def test_nothing_run_is_no_error(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(style, "DPI", 50)
    study, paths = small_study(), Paths(str(tmp_path))
    drawn = outputs_of(study, paths)
    draw_figures(study, inputs_of(study, paths), drawn)
    assert all(path.stat().st_size > 1000 for path in drawn.values())
    assert f"figure {len(drawn)} of {len(drawn)}" in capsys.readouterr().out


def test_predictions_show_the_median_seed_and_what_is_missing(made):
    comparison = comparisons.comparisons(made.study)[0]
    table = made.results.predictions("paper-dann", "des", "batch", ["true", "predicted"])
    scores = {seed: r2(rows.true, rows.predicted) for seed, rows in table.groupby("seed")}
    assert len(scores) == 3  # seeds of both blocks
    median = sorted(scores, key=scores.get)[1]
    found = texts(figures_predictions.predictions(made.results, comparison))
    assert any(text.startswith(f"$R^2$ = {scores[median]:.3f} (seed {median})") for text in found)
    assert found.count("not run") == 2  # paper-mmd on both domains
    figure = figures_predictions.residuals(made.results, comparison)
    assert "not run: MMD" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_where_nothing_varies_tables_and_figures_say_so(tmp_path):
    """There is no R2 then; a dash, an empty panel or a zero would be taken for a result."""
    study, paths = small_study(), Paths(str(tmp_path))
    make_results("toy", study, paths, true=1.2)
    made, summary = Results(study, inputs_of(study, paths)), Summary(paths.summary.format(study="toy"))
    (_, table), *_ = adaptation.headline(study, summary)
    assert {row[1] for row in table.rows} == {row[2] for row in table.rows} == {"does not vary"}
    assert {row[3] for row in table.rows} == {row[4] for row in table.rows} == {"–"}
    assert {row[5] for row in adaptation.published(study, summary).rows} == {"does not vary"}
    rows = runs.metrics(study, summary).rows
    assert rows and all(row[3] == "does not vary" and float(row[5][:5]) > 0 for row in rows), "errors are numbers"
    comparison = comparisons.comparisons(study)[0]
    panels = 2 * len(comparison.runs)
    said = texts(figures_predictions.predictions(made, comparison))
    assert said.count("no $R^2$: the true value does not vary") == panels
    said = texts(figures_scores.scores(made, comparisons.overviews(study)[0]))
    assert said.count("no $R^2$: does not vary") == 2 * len(comparisons.overviews(study)[0].runs)
    assert texts(figures_training.learning_curves(made, comparison)).count("no $R^2$ was measured") == 2


def test_points_outside_are_counted():
    values, outside = style.clip(np.array([0.5, -3, np.nan, np.inf, 1]), 0, 1)
    assert outside == 3
    np.testing.assert_array_equal(values, [0.5, 0, 0, 1, 1])
    assert style.percent(1, 10_000) == "1 of 10,000"
    assert style.percent(2000, 10_000) == "20 %"


def test_learning_curves_belong_to_their_domain(made):
    history = made.results.history("tuned-none")
    run = made.study.runs["tuned-none"]
    followed = figures_training._curves(history, run, "des")
    assert followed.shape == (4, 3)
    np.testing.assert_allclose(followed.loc[4], history[history.epoch == 4].target_r2)
    assert figures_training._curves(history, run, "des_sky").empty  # its target column is of another domain
    oracle = made.results.history("paper-oracle")
    curve = figures_training._curves(oracle, made.study.runs["paper-oracle"], "des")
    np.testing.assert_allclose(curve.loc[4], oracle[oracle.epoch == 4].source_r2)


def test_scores_stand_beside_the_published_ones(made):
    figure = figures_scores.scores(made.results, comparisons.overviews(made.study)[0])
    target = figure.axes[1]
    diamonds = sorted(float(bar.lines[0].get_xdata()[0]) for bar in target.containers)
    assert diamonds == [0.5, 0.94, 0.95]
    assert target.get_title() == "Target (DES noise)"


def test_sky_scatter_is_measured_and_computed(made):
    figure = figures_images.sky_scatter(made.results)
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    found = [float(re.search(r"median ([\d.]+)", text)[1]) for text in labels]
    assert found[0] == pytest.approx(3 * 10 ** (0.4 * (26.58 - 30)), rel=0.05)  # cutouts of scatter 3 at zero point 30
    assert found[1] == pytest.approx(0.126, abs=0.002)
    assert found[2] == pytest.approx(0.076, abs=0.001)


def test_report_is_complete_and_self_contained(made, tmp_path):
    text = page(made, tmp_path / "report.html")
    for path in made.figures.values():
        assert base64.b64encode(path.read_bytes()).decode() in text
    assert not re.findall(r'src="(?!data:)', text)
    links = re.findall(r'<(\w+)[^>]* href="([^"]*)"', text)
    assert all(tag == "a" or target == "data:," for tag, target in links)
    assert "@import" not in text and "url(" not in text and "<script" not in text
    assert re.search(r"<code>paper-mmd</code>: all seeds", text)
    assert "not the full study" not in text
    assert text == page(made, tmp_path / "again.html")  # equal content is equal bytes
    assert list(tmp_path.glob(".*")) == []


def test_report_says_that_a_demo_is_one_and_what_was_not_drawn(made, tmp_path):
    full = small_study({"seeds": 10, "recipes": {"tuned": {"epochs": 99}}})
    left = {name: path for name, path in made.figures.items() if name != "examples"}
    text = page(made._replace(figures=left), tmp_path / "report.html", full=full)
    assert "not the full study" in text
    assert re.search(r"epochs \(recipe tuned\)</td><td[^>]*>4</td><td[^>]*>99", text)
    assert "figure <code>examples</code> was not made" in text
    text = page(made, tmp_path / "seeds.html", full=small_study({"seeds": 10}))
    assert "not the full study" not in text
    assert "full study with fewer networks" in text


def test_the_first_table_is_the_result_and_no_section_is_empty(made, tmp_path):
    text = page(made, tmp_path / "report.html", full=small_study({"seeds": 10}))
    first = text[text.index("<table>") : text.index("</table>")]
    assert "share of the oracle" in first and summary_of(made).text("paper-dann", "des", "batch", "r2") in first
    whole, *parts = _sections(text)
    assert "Beside the published numbers" in whole and all(parts)

    table = pd.read_csv(made.paths.summary.format(study="toy"), keep_default_na=False)
    table = table[table.run == "tuned-none"].assign(published_mean="", published_std="", published_source="")
    table.to_csv(tmp_path / "summary.csv", index=False)
    one = made.study.model_copy(update={"runs": {"tuned-none": made.study.runs["tuned-none"]}})
    tables = {"metrics": {"files": [made.paths.metrics.format(study="toy"), tmp_path / "summary.csv"]}}
    whole, *parts = _sections(page(made._replace(study=one, figures={}), tmp_path / "one.html", tables=tables))
    assert "Beside the published numbers" not in whole and "Controls" not in whole and all(parts)


def _sections(text: str) -> list[str | bool]:
    """The page, and of each of its sections whether it has a table or a figure; links lead to places that are there."""
    assert set(re.findall('href="#([^"]+)"', text)) <= set(re.findall(' id="([^"]+)"', text))
    return [text, *("<table>" in section or "<figure" in section for section in re.split("<h3", text)[1:])]


def summary_of(made) -> Summary:
    return Summary(made.paths.summary.format(study="toy"))


def test_tables_compute_differences(made):
    study, summary = made.study, Summary(made.paths.summary.format(study="toy"))
    ours = summary.get("paper-dann", "des", "batch", "r2")
    row = next(
        row for row in adaptation.published(study, summary).rows if row[0] == "DANN" and row[2].startswith("Target")
    )
    assert row[5] == f"{ours.mean:.3f} ± {ours.std:.3f}"
    assert row[6:8] == ["3", "0.94 ± 0.011"]
    assert row[9] == f"{(ours.mean - 0.94) / 0.011:+.1f}".replace("-", "−")
    absent = [row for row in adaptation.published(study, summary).rows if row[0] == "MMD"]
    assert [row[5:7] for row in absent] == [["not run", "0"]] * 2

    none, source = (summary.get("paper-none", domain, "batch", "r2").mean for domain in ("des", "noise_free"))
    heading, table = adaptation.headline(study, summary)[0]
    assert heading == "Recipe paper: Source (noise-free) → Target (DES noise)"
    rows = {row[0]: row[1:] for row in table.rows}
    shown = {run: summary.text(run, "des", "batch", "r2") for run in ("paper-none", "paper-dann", "paper-oracle")}
    assert rows["No adaptation"] == [
        summary.text("paper-none", "noise_free", "batch", "r2"),
        shown["paper-none"],
        "–",
        "–",
        "3",
    ]
    best = summary.get("paper-oracle", "des", "batch", "r2").mean
    share = 100 * (ours.mean - none) / (best - none)
    assert rows["DANN"][1:] == [shown["paper-dann"], f"+{ours.mean - none:.3f}", f"{share:.0f} %", "3"]
    assert rows["MMD"] == ["–", "–", "–", "–", "0"]
    assert rows["Oracle (target labels)"][1:4] == [shown["paper-oracle"], f"+{best - none:.3f}", "100 %"]
    assert source > none


def test_controls_differ_in_one_setting(made):
    rows = runs.controls(made.study, Summary(made.paths.summary.format(study="toy"))).rows
    changes = {(row[0], row[1]): row[2] for row in rows}
    assert changes["paper-none", "matched_lr-none"] == "optimiser.lr: 1e-05 → 6e-05"
    assert ("paper-none", "tuned-none") not in changes
    assert not any("mmd" in first for first, _ in changes if first.startswith("paper"))


def test_tables_say_how_many_seeds_their_means_are_of(made):
    summary = Summary(made.paths.summary.format(study="toy"))
    for make in (runs.metrics, runs.controls, adaptation.distances, adaptation.scores, adaptation.published):
        table = make(made.study, summary)
        seeds = [number for number, name in enumerate(table.columns) if name == "seeds"]
        assert seeds, make
        finished = [row for row in table.rows if "paper-mmd" not in row and "MMD" not in row]
        assert {row[number] for row in finished for number in seeds} <= {"3", "2", "–"}
        assert all(len(row) == len(table.columns) for row in table.rows)
    row = next(row for row in adaptation.distances(made.study, summary).rows if row[0] == "paper-dann")
    assert (row[4], row[-1]) == ("2", "3")  # the first seed of each of two blocks; all seeds


def test_numbers_have_a_true_sign():
    assert number(-0.0001, signed=True) == "+0.000"
    assert number(-1.25, 2) == "−1.25"
    assert mean_std(0.5, float("nan")) == "0.500"


@pytest.mark.parametrize(
    ("metric", "mean", "std", "text"),
    [
        ("r2", 0.00004, 0.00001, "0.000 ± 0.000"),
        ("rmse", 0.00412, 0.0003, "0.0041 ± 0.0003"),
        ("mse", 0.000016, float("nan"), "0.000016"),
        ("mae", 3.2e-12, 1e-12, "3.2e−12 ± 1.0e−12"),
        ("bias", -0.00001, 0.012, "0.000 ± 0.012"),
        ("mae", 0.0, 0.0, "0.000 ± 0.000"),
        ("mae", 12.3456, 0.5, "12.346 ± 0.500"),
    ],
)
def test_small_error_does_not_look_like_none(metric, mean, std, text):
    assert score(metric, mean, std) == text


def test_reconstructed_parameter_below_one_has_more_than_one_digit(tmp_path):
    study = small_study({"targets": ["theta_E"]})
    numbers = {"lens": 1, "rms": 1.0, "rms_image": 2.0, "rms_source": 1.0}
    store.write_table(pd.DataFrame([numbers | {"true_theta_E": 0.46, "predicted_theta_E": 0.543}]), tmp_path / "t.csv")
    assert analyses.reconstruction(study, tmp_path / "t.csv").rows[0][-1] == "0.54 (0.46)"


def test_null_in_a_grid_is_a_point_of_its_own(made, tmp_path):
    grid = {"network_options.input_pixels": [None, 64], "standardise": [True, False]}
    cross = CrossValidation(recipe="tuned", dataset="des", lenses=100, folds=2, grid=grid)
    table = pd.DataFrame(
        [point | {"fold": fold, "r2": 0.5, "rmse": 1} for point in cross.points for fold in range(2)], dtype=object
    )
    store.write_table(table, tmp_path / "t.csv")
    assert {tuple(row[:2]) for row in analyses.cross_validation(cross, tmp_path / "t.csv").rows} == {
        (pixels, switch) for pixels in ("null", "64") for switch in ("True", "False")
    }
    study = made.study.model_copy(update={"cross_validation": cross})
    figure = figures_training.cross_validation(Results(study, {"cross_validation": {"table": tmp_path / "t.csv"}}))
    labels = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert labels == ["null, True", "null, False", "64, True", "64, False"]


def test_published_numbers_of_a_figure_are_those_of_its_parameter():
    study = small_study({"targets": ["theta_E", "e1"]})
    rows = [
        {"run": "tuned-none", "parameter": "mean", "mean": 0.1},
        {"run": "tuned-dann", "parameter": "mean", "mean": 0.2},
        {"method": "none", "recipe": "tuned", "parameter": "theta_E", "mean": 0.3},
        {"method": "none", "recipe": "tuned", "mean": 0.4, "statistics": "running"},
    ]
    about = {"domain": "des", "statistics": "batch", "metric": "r2", "source": "A"}
    study = study.model_copy(update={"published": [Published(**about | row) for row in rows]})

    def means(parameter):
        return [item.mean for item in comparisons.published_of(study, "tuned-none", "des", "r2", parameter)]

    assert means("mean") == [0.1]
    assert means("theta_E") == [0.3, 0.4]
    assert means("e1") == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({}, "full"),
        ({"seeds": 1}, "seeds"),
        ({"published": [], "title": "another"}, "full"),
        ({"simulations": {"galaxy_lenses": {"shard_size": 7}}}, "full"),
        ({"recipes": {"tuned": {"batch_size": 8}}}, "demo"),
        ({"runs": {"paper-none": {"change": {"epochs": 1}}}}, "demo"),
        ({"datasets": {"des": {"seed": 77}}}, "demo"),
        ({"simulations": {"galaxy_lenses": {"population": {"lens_mass": {"e1": 0.1}}}}}, "demo"),
    ],
    ids=str,
)
def test_a_study_with_another_setting_is_not_the_full_one(change, what):
    full = small_study()
    raw = merge(full.model_dump(exclude_unset=True), change)
    study = type(full).model_validate(raw)
    assert extent(sizes(study, full)) == what


def test_a_run_that_is_not_wanted_changes_no_setting():
    full = small_study()
    some = {name: run for name, run in full.runs.items() if name.startswith("tuned")}
    assert extent(sizes(full.model_copy(update={"runs": some}), full)) == "full"


def test_predicted_angles_are_taken_the_short_way_round(made, tmp_path):
    study = made.study.model_copy(update={"targets": ["theta"]})
    table = pd.DataFrame({"true": [1.0, 90.0, 179.0], "predicted": [179.0, 91.0, 1.0], "lens": range(3)})
    table = table.assign(domain="des", statistics="batch", seed=0, parameter="theta")
    table.to_parquet(tmp_path / "p.parquet")
    results = Results(study, {"predictions": {("tuned-none", "0-0"): tmp_path / "p.parquet"}})
    shown = figures_predictions._predictions(results, "tuned-none", "des", ["true", "predicted"])
    np.testing.assert_allclose(shown.predicted, [-1, 91, 181])

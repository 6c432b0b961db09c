"""What a report shows of real images: some of them, where they are from, and the runs that adapted to them where they are scored."""

import numpy as np
import pytest
import yaml
from matplotlib import pyplot

from sim2sky import store
from sim2sky.config import Study, Survey, merge
from sim2sky.paths import Paths
from sim2sky.report.comparisons import comparisons, overviews
from sim2sky.report.figures.images import COLUMNS, examples
from sim2sky.report.figures.parameters import parameter_examples
from sim2sky.report.plan import figure_plan
from sim2sky.report.results import Results
from sim2sky.report.tables import runs
from sim2sky.report.tables.sizes import extent, sizes
from tests.unit.report.adaptation_results import ROOT, _make_shards, small_study

DES = Survey.model_validate(yaml.safe_load((ROOT / "resources/surveys/des.yaml").read_text()))


@pytest.fixture(scope="module")
def study() -> Study:
    """Two runs adapt to real images; these come first, and last is a dataset that is as the others."""
    raw = small_study().model_dump(mode="json")
    images = {"folder": "mine", "like": "des", "lenses": 30}
    real = {"real": {"title": "Real", "images": images, "split": {"train": 1, "validation": 0, "test": 0}}}
    for method in ("mmd", "dann"):
        run = {"method": method, "recipe": "paper", "source": "noise_free", "target": "real"}
        raw["runs"][f"real-{method}"] = run | {"evaluate_on": ["noise_free", "des"]}
    return Study.model_validate(raw | {"datasets": real | raw["datasets"]})


def drawn(study, folder, measured, figure=examples):
    """The axes of the figure of examples, with as many real images that could be used as `measured` says."""
    paths = Paths(str(folder))
    shards = {name: paths.observed.format(dataset=name, shard="0000000-0000099") for name in study.datasets}
    for name, dataset in study.datasets.items():
        if not dataset.images:
            _make_shards(study, name, paths)
    image = np.random.default_rng(0).normal(size=(30, 1, 24, 24)).astype("f4")
    variables = {"image": store.Variable(image, store.IMAGE_DIMS, "counts/s"), "lens": store.Variable(np.arange(30))}
    variables |= {"measured": store.Variable(np.arange(30) < measured)}
    variables |= {"sigma_background": store.Variable(np.full((30, 1), np.nan), ("lens", "band"))}
    store.write_shard(shards["real"], variables, {"pixel_scale": 0.263, "bands": ["g"]})
    made = figure(Results(study, {"first_shards": shards}))
    pyplot.close(made)
    return made


@pytest.mark.parametrize(("measured", "shown"), [(30, COLUMNS), (3, 3), (0, 0)])
def test_examples_show_real_images_that_could_be_used(study, tmp_path, measured, shown):
    axes = [
        ax
        for ax in drawn(study, tmp_path, measured).axes
        if ax.get_subplotspec() and not ax.get_label().startswith("<color")
    ]
    rows = [axes[start : start + COLUMNS] for start in range(0, COLUMNS * len(study.datasets), COLUMNS)]
    assert [len(row) for row in rows] == [COLUMNS] * len(study.datasets)
    assert sum(bool(ax.images) for ax in rows[0]) == shown
    assert not any(ax.get_title() for ax in rows[0]), "nothing is known of them"
    assert all("\\theta" in ax.get_title() for ax in rows[1])
    assert ("no image could be used" in [text.get_text() for text in rows[0][0].texts]) is (measured == 0)


def test_examples_of_parameters_show_real_images_without_any(study, tmp_path):
    figure = drawn(study, tmp_path, 5, parameter_examples)
    titles = {part.get_suptitle(): [ax.get_title() for ax in part.axes if ax.images] for part in figure.subfigs}
    assert titles["Real"] == [""] * 5 and all(titles[study.datasets["des"].title])


def test_runs_that_adapt_to_real_images_are_compared_where_they_are_scored(study):
    for found in (comparisons(study), overviews(study)):
        assert not any("real" in item.domains for item in found)
        compared = next(item for item in found if item.target == "des" and item.recipe in (None, "paper"))
        assert {"real-mmd", "real-dann", "paper-none", "paper-dann"} <= set(compared.runs)
    assert not any(name.endswith("_real") for name in figure_plan(study))
    alone = study.runs["real-mmd"].model_copy(update={"evaluate_on": ["noise_free"]})
    (only,) = comparisons(study.model_copy(update={"runs": {"real-mmd": alone}}))
    assert (only.domains, only.runs) == (("noise_free",), ("real-mmd",))


def test_tables_say_where_the_images_are_from(study):
    table = runs.datasets(study, {"des": DES})
    row = dict(zip(table.columns, next(row for row in table.rows if row[0] == "real"), strict=True))
    assert row["survey"] == "real images (mine)" and row["noise"] == "their own"
    assert row["train / validation / test"] == "30 / 0 / 0" and row["frame"] == "cut to that of des"


def test_fewer_images_are_a_size_and_no_setting(study):
    more = Study.model_validate(
        merge(study.model_dump(mode="json"), {"datasets": {"real": {"images": {"lenses": 900}}}})
    )
    table = sizes(study, more)
    assert ["real images (real)", "30", "900"] in table.rows and extent(table) == "demo"
    assert not any("datasets" in row[0] for row in table.rows)

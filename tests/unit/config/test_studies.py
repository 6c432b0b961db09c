"""The shipped studies: all of them can be run, also together and at demo size, and hold their publication's numbers."""

from pathlib import Path

import pytest
import yaml

from sim2sky.config.load import ConfigError, load
from sim2sky.report.plan import figure_plan

ROOT = Path(__file__).parents[3]
NAMES = sorted(path.stem for path in (ROOT / "config/studies").glob("*.yaml"))


def shipped(*configs):
    raw = {}
    for name in configs:
        raw |= yaml.safe_load((ROOT / "config" / name).read_text())
    return load(raw, ROOT)[1]


@pytest.fixture(scope="module")
def studies():
    raw = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    return load(raw | {"studies": NAMES}, ROOT)[1]


def test_all_studies_are_run_by_default_and_have_figures(studies):
    assert sorted(shipped("config.yaml")) == sorted(shipped("config.yaml", "demo-all.yaml")) == NAMES
    for study in studies.values():
        assert figure_plan(study)


def test_demo_changes_no_run_but_its_size(studies):
    """Sizes, the source of the first weights, and one network."""
    for name, small in shipped("config.yaml", "demo-all.yaml").items():
        full = studies[name]
        assert set(small.runs) <= set(full.runs)
        if name in ("stuck_at_mean", "einstein_radius"):
            continue
        for run in small.runs:
            one, other = full.recipe_of(run), small.recipe_of(run)
            options = {"network_options": one.network_options | other.network_options, "epochs": other.epochs}
            assert other == one.model_copy(update=options)


@pytest.mark.parametrize("config", ["two-cores.yaml", "one-gpu.yaml"])
def test_smaller_studies_change_no_loss_optimiser_or_rate(studies, config):
    """Of the runs that the full study has, too; the others are of smaller networks."""
    for name, small in shipped("config.yaml", config).items():
        for run in set(small.runs) & set(studies[name].runs):
            one, other = studies[name].recipe_of(run), small.recipe_of(run)
            assert (one.loss, one.optimiser, one.schedule) == (other.loss, other.optimiser, other.schedule)


def test_table_of_parameters_has_the_means_that_the_text_gives(studies):
    """Tables 4.1 and 4.2 and Section 4.1 of Vegsund & Sukarevicius 2023 agree, but for one misprint."""
    found = {}
    for row in studies["architectures"].published:
        found.setdefault((row.run, row.metric), {})[row.parameter] = row.mean
    for network, mse in (("inception_v3", 12.6), ("vgg19_bn", 10.8)):
        values = found[f"{network}-imagenet-longer", "mse"]
        assert values.pop("mean") == mse == pytest.approx(sum(values.values()) / 6, abs=0.05)
    values = found["inception_v3-imagenet-longer", "mae"]
    assert values.pop("mean") == pytest.approx(sum(values.values()) / 6, abs=0.01)
    values = found["vgg19_bn-imagenet-longer", "mae"]
    assert sum(values.values()) - values["mean"] == pytest.approx(6 * values["mean"] + 1.89 - 1.19, abs=0.13)


def test_training_sets_have_the_published_sizes(studies):
    sizes = {}
    for study in studies.values():
        for name, dataset in study.datasets.items():
            lenses = study.simulations[dataset.simulation].lenses
            sizes[name] = {part: stop - start for part, (start, stop) in dataset.split.bounds(lenses).items()}
    assert (sizes["cosmosim"]["train"], sizes["cosmosim"]["test"]) == (100_000, 10_000)
    assert sizes["cosmosim_2000"]["train"] == 2_000
    assert sizes["cosmosim_10000"]["train"] == 10_000


def test_hard_examples_and_their_control_take_as_many_steps(studies):
    study = studies["hard_examples"]
    worst, control = study.recipe_of("all-then-worst"), study.recipe_of("all-then-all")
    assert study.runs["all-then-worst"].train_on.fraction * worst.epochs == control.epochs


def test_runs_that_are_wanted_bring_those_that_they_start_from_and_their_datasets_alone():
    only = {"overrides": {"architectures": {"only_runs": ["vgg19_bn-imagenet-longer"]}}}
    raw = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    study = load(raw | only, ROOT)[1]["architectures"]
    assert list(study.runs) == ["vgg19_bn-imagenet", "vgg19_bn-imagenet-longer"]
    assert {row.run for row in study.published} == set(study.runs) and study.reconstruction
    only["overrides"]["choices"] = {"only_runs": ["ordered-thesis"]}
    assert list(load(raw | only, ROOT)[1]["choices"].datasets) == ["cosmosim_ordered"]
    only["overrides"]["architectures"]["only_runs"] = ["vgg19"]
    with pytest.raises(ConfigError, match="only_runs.0: unknown run 'vgg19'; did you mean 'vgg19_bn-imagenet'"):
        load(raw | only, ROOT)

"""Mistakes in the configuration are named with their place before anything starts."""

import shutil
from pathlib import Path

import pytest
import yaml

from sim2sky import config
from sim2sky.config import load as configure

ROOT = Path(__file__).parents[3]
STUDY = "config/studies/einstein_radius.yaml"


@pytest.fixture
def project(tmp_path):
    """A copy of the configuration that a test may spoil."""
    for folder in ("config", "resources"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def top(**changes):
    return yaml.safe_load((ROOT / "config/config.yaml").read_text()) | changes


def test_shipped_configuration_is_valid_and_full_size():
    _, studies, surveys = configure.load(top(), ROOT)
    study = studies["einstein_radius"]
    assert study.simulations["galaxy_lenses"].lenses == 50000
    assert study.seeds == 10
    assert set(surveys) == {"des", "euclid_vis", "noise_free"}


def test_without_cutouts_the_third_domain_is_left_out(tmp_path):
    _, studies, _ = configure.load(top(), ROOT)
    assert "des_sky" not in studies["einstein_radius"].datasets
    assert not any("sky" in run for run in studies["einstein_radius"].runs)
    (tmp_path / "cube.fits").write_bytes(b"SIMPLE  =")
    _, studies, _ = configure.load(top(cutouts={"des_coadd_g": str(tmp_path / "cube.fits")}), ROOT)
    assert "tuned-dann-sky" in studies["einstein_radius"].runs


def test_demo_changes_sizes_and_what_is_shown_only():
    demo = yaml.safe_load((ROOT / "config/demo.yaml").read_text())
    sizes = {"lenses", "shard_size", "epochs", "seeds"}
    sizes |= {"lr"}  # of the optimiser: few steps ask for larger ones
    shown = {"only_runs", "cross_validation", "published"} | {
        "runs",
        "datasets",
        "calibrate_on",
    }  # the latter of `measurement`

    def leaves(node):
        for key, value in node.items():
            if isinstance(value, dict):
                yield from leaves(value)
            else:
                yield key

    assert set(leaves(demo["overrides"])) <= sizes | shown
    configure.load(top(**demo), ROOT)


RESNET = {"network": "resnet18", "epochs": 2, "optimiser": {"lr": 0.1}}

# (path into the study, value or `del`, what the error must say)
COSMOSIM = {"engine": "cosmosim", "lenses": 50000, "band": "g"}
STUDY_MISTAKES = [
    ("simulations.galaxy_lenses.lense", 5, ["simulations.galaxy_lenses.lense", "did you mean 'lenses'?"]),
    ("simulations.galaxy_lenses.lenses", 0, ["simulations.galaxy_lenses.lenses", "greater than 0", "got 0"]),
    ("simulations.galaxy_lenses.lenses", "many", ["simulations.galaxy_lenses.lenses", "integer", "many"]),
    ("simulations.galaxy_lenses.lenses", 3, ["datasets.noise_free.split", "of 3 lenses for validation"]),
    ("simulations.galaxy_lenses.pixels", del_ := object(), ["simulations.galaxy_lenses.pixels", "is missing"]),
    ("simulations.galaxy_lenses.pixel_scale", -0.2, ["simulations.galaxy_lenses.pixel_scale", "greater than 0"]),
    ("simulations.galaxy_lenses.pixel_scale", 0.2, ["datasets.noise_free.survey", "0.263 arcsec/pixel"]),
    ("simulations.galaxy_lenses.bands", [], ["simulations.galaxy_lenses.bands", "at least 1"]),
    ("simulations.galaxy_lenses.bands", ["q"], ["datasets.noise_free.survey", "unknown band", "'q'"]),
    ("simulations.galaxy_lenses.population.lens_mass.thetaE", 1, ["lens_mass.thetaE", "did you mean 'theta_E'?"]),
    ("simulations.galaxy_lenses.population.lens_mass.theta_E", {"uniform": [3, 1]}, ["lens_mass.theta_E", "low 3.0 is not below high 1.0"]),
    ("simulations.galaxy_lenses.population.lens_mass.theta_E", {"uniform": [-1, 1]}, ["lens_mass", "theta_E", "not negative"]),
    ("simulations.galaxy_lenses.population.lens_mass.theta_E", {"unifrom": [1, 3]}, ["theta_E.unifrom", "did you mean 'uniform'?"]),
    ("simulations.galaxy_lenses.population.lens_mass.e1", {"uniform": [-0.99, 0]}, ["lens_mass", "e1^2 + e2^2"]),
    ("simulations.galaxy_lenses.population.lens_mass.e1", {"uniform": [0, 1], "normal": [0, 1]}, ["lens_mass.e1", "exactly one"]),
    ("simulations.galaxy_lenses.population.source_light.R_sersic", 0, ["source_light", "R_sersic", "positive"]),
    ("simulations.galaxy_lenses.population.lens_light.colors", {"r": 0.5}, ["lens_light.colors", "unknown band 'r'"]),
    ("datasets.des.survey", "dse", ["resources/surveys", "unknown survey 'dse'", "did you mean 'des'?"]),
    ("datasets.des.simulation", "galaxy_lens", ["datasets.des.simulation", "did you mean 'galaxy_lenses'?"]),
    ("datasets.des.noise", "right", ["datasets.des.noise", "'correct'"]),
    ("datasets.des.split", {"train": 0.9, "validation": 0.1, "test": 0.2}, ["datasets.des.split", "1.2, not 1"]),
    ("datasets.des.split", {"train": 1, "validation": 0, "test": 0}, ["datasets.des.split", "leaves 0 of 50000 lenses for validation"]),
    ("datasets.des.centre_crop", {"pixels": 60}, ["datasets.des.centre_crop.pixels", "cannot keep 60 of 40"]),
    ("datasets.des_sky.background.cutouts", "des_coad_g", ["datasets.des_sky.background.cutouts", "did you mean 'des_coadd_g'?"]),
    ("datasets.des_sky.background.pixel_scale", 0.2, ["datasets.des_sky.background.pixel_scale", "0.263"]),
    ("simulations.galaxy_lenses.engine", "cosmosin", ["simulations.galaxy_lenses.engine", "did you mean 'cosmosim'?"]),
    ("simulations.galaxy_lenses.lens", "sis", ["simulations.galaxy_lenses.lens", "did you mean 'lenses'?"]),
    ("simulations.galaxy_lenses", COSMOSIM | {"term": 3}, ["simulations.galaxy_lenses.term", "did you mean 'terms'?"]),
    ("simulations.galaxy_lenses", COSMOSIM | {"population": {"R_e": [5, 9]}}, ["galaxy_lenses.population.R_e", "did you mean 'R_E'?"]),
    ("simulations.galaxy_lenses", COSMOSIM | {"mask": "ring"}, ["simulations.galaxy_lenses.mask", "(got 'ring')"]),
    ("simulations.galaxy_lenses", COSMOSIM, ["datasets.des.survey", "pixel_scale", "peak_magnitude", "targets.0", "unknown parameter"]),
    ("datasets.des.survey", None, ["datasets.des.survey", "is missing"]),
    ("datasets.noise_free.peak_magnitude", 20, ["datasets.noise_free.peak_magnitude", "has fluxes already"]),
    ("datasets.des.centre_crop", {"pixels": 20, "downscale": 30}, ["datasets.des.centre_crop", "cannot average 20 pixels to 30"]),
    ("datasets.des.centre_crop", {"pixels": 20, "downscale": 10}, ["datasets.des.survey", "0.263", "0.526"]),
    ("recipes.tuned.network", "lens_cn", ["recipes.tuned", "did you mean 'lens_cnn'?"]),
    ("recipes.tuned.optimiser.name", "adm", ["recipes.tuned.optimiser.name", "'adam'"]),
    ("recipes.tuned.optimiser.lr", 0, ["recipes.tuned.optimiser.lr", "greater than 0"]),
    ("recipes.tuned.optimiser.lr", float("nan"), ["recipes.tuned.optimiser.lr", "finite"]),
    ("recipes.tuned.batch_size", 1, ["recipes.tuned.batch_size", "greater than or equal to 2"]),
    ("methods.mmd.adaptation", "mdm", ["methods.mmd", "did you mean 'mmd'?"]),
    ("methods.mmd.options", {"kernal": "fixed"}, ["methods.mmd", "did you mean 'kernel'?"]),
    ("methods.mmd.options", {"kernel": "fixt"}, ["methods.mmd", "unknown kernel of mmd 'fixt'", "did you mean 'fixed'?"]),
    ("methods.dann.options", {"hidden": 0}, ["methods.dann", "hidden of dann: a whole number above 0"]),
    ("seeds", True, ["seeds", "a switch (true)"]),
    ("recipes.tuned.optimiser.lr", True, ["recipes.tuned.optimiser.lr", "a switch (true)"]),
    ("simulations.galaxy_lenses.lenses", 40, ["runs.tuned-mmd.target", "28 lenses to train on do not fill one batch of 32"]),
    ("cross_validation.lenses", 40000, ["cross_validation.lenses", "noise_free has 35000 to train on"]),
    ("cross_validation.folds", 9000, ["cross_validation.folds", "9000 folds of 10000 lenses"]),
    ("cross_validation.grid", {"loss": []}, ["cross_validation.grid.loss", "at least 1"]),
    ("runs.tuned-mmd.recipe", "tunde", ["runs.tuned-mmd.recipe", "did you mean 'tuned'?"]),
    ("runs.tuned-mmd.method", "mmmd", ["runs.tuned-mmd.method", "did you mean 'mmd'?"]),
    ("runs.tuned-mmd.target", "dess", ["runs.tuned-mmd.target", "did you mean 'des'?"]),
    ("runs.tuned-mmd.target", None, ["runs.tuned-mmd.target", "needs a target"]),
    ("runs.tuned-mmd.change", {"epoch": 3}, ["runs.tuned-mmd.change", "did you mean 'epochs'?"]),
    ("cross_validation.grid", {"optimizer.lr": [1e-3]}, ["cross_validation.grid", "did you mean 'optimiser'?"]),
    ("targets", ["theta E"], ["targets.0", "letters, digits"]),
    ("targets", ["thetaE"], ["targets.0", "did you mean 'theta_E'?"]),
    ("targets", ["theta_E", "theta_E"], ["targets", "given twice"]),
    ("targets", [], ["targets", "at least 1"]),
    ("seeds", 0, ["seeds", "greater than 0"]),
    ("statistics", [], ["statistics", "at least 1"]),
    ("statistics", ["running", "batch", "running"], ["statistics", "given twice"]),
    ("statistics", ["running"], ["published.0.statistics", "unknown statistics of the study 'batch'"]),
    ("seeds", 10**30, ["seeds", "less than or equal to 10000"]),
    ("simulations.galaxy_lenses.lenses", 10_000_001, ["galaxy_lenses.lenses", "less than or equal to 10000000"]),
    ("runs.tuned-mmd.target", "noise_free", ["runs.tuned-mmd.target", "noise_free is the source itself"]),
    ("datasets." + 61 * "x", {"title": "A", "simulation": "galaxy_lenses", "survey": "des"}, ["xxx: a name has at most 60 bytes"]),
    ("datasets.a b", {"title": "A", "simulation": "galaxy_lenses", "survey": "des"}, ["einstein_radius.yaml: datasets.a b: a name has only letters"]),
    ("recipes.tuned.schedule", {"name": "cosine", "factor": 0.5}, ["recipes.tuned.schedule", "factor: has no effect here", "`plateau`"]),
    ("recipes.tuned.schedule", {"patience": 3}, ["recipes.tuned.schedule", "patience: has no effect here"]),
    ("methods.none.weight", 2, ["methods.none", "weight: has no effect here"]),
    ("methods.none.weight_schedule", "ganin", ["methods.none", "weight_schedule: has no effect here"]),
    ("cross_validation.seed", 2**32, ["cross_validation.seed", "less than 4294967296"]),
    ("cross_validation.grid", {"optimiser": [{"lr": 1e-3}], "optimiser.lr": [1e-4]}, ["cross_validation", "grid: optimiser holds optimiser.lr"]),
    ("chapter", "images", ["einstein_radius.yaml", "targets, simulations", "`chapter: images` trains nothing"]),
    ("runs", {}, ["runs: at least 1 is needed"]),
    ("published", [{"run": "paper-none", "domain": "des", "statistics": "batch", "metric": "r_2", "mean": 1, "source": "A"}], ["published.0.metric", "did you mean 'r2'?"]),
    ("simulations.galaxy_lenses", COSMOSIM | {"mode": "raytrace", "terms": 20}, ["galaxy_lenses", "terms: has no effect", "`mode: roulette`"]),
    ("simulations.galaxy_lenses", COSMOSIM | {"population": {"ellipse_ratio": [0.6, 0.7]}}, ["population.ellipse_ratio: has no effect", "`lens: sie`"]),
    ("simulations.galaxy_lenses", COSMOSIM | {"chi": 0.5, "population": {"chi": [0.3, 0.4]}}, ["population.chi: has no effect", "`chi: null`"]),
    ("recipes.tuned.optimiser.momentum", 0.9, ["recipes.tuned.optimiser", "momentum: adam has none"]),
    ("recipes.tuned.schedule.name", "staged", ["recipes.tuned.schedule", "`staged` needs them"]),
    ("recipes.tuned.schedule.stages", [{"epochs": 8, "lr": 3e-4}], ["recipes.tuned.schedule", "no other schedule takes any"]),
    ("recipes.tuned.schedule", {"name": "staged", "stages": [{"epochs": 4, "lr": 3e-4}]}, ["recipes.tuned", "take 4 epochs, the recipe has 8"]),
    ("recipes.tuned.schedule", {"name": "staged", "stages": [{"epochs": 8, "lr": 1e-4}]}, ["recipes.tuned", "rate 0.0001, the optimiser 0.0003"]),
    ("recipes.tuned.weight_angles", True, ["runs.tuned-none.recipe", "theta is not among the targets"]),
    ("runs.tuned-none.start_from", "tuned-non", ["runs.tuned-none.start_from", "did you mean 'tuned-none'?"]),
    ("runs.tuned-none.start_from", "tuned-none", ["runs.tuned-none.start_from", "tuned-none <- tuned-none"]),
    ("runs.tuned-none.train_on", {"worst_of": "nobody"}, ["runs.tuned-none.train_on.worst_of", "unknown run 'nobody'"]),
    ("runs.tuned-none.train_on", {"worst_of": "paper-none"}, ["runs.tuned-none.train_on.worst_of", "paper-none has normalisation none"]),
    ("runs.tuned-none.train_on", {"worst_of": "tuned-mmd", "fraction": 0}, ["runs.tuned-none.train_on.fraction", "greater than 0"]),
    ("recipes.tuned.seeds_together", "maybe", ["recipes.tuned.seeds_together", "valid boolean"]),
    ("recipes.tuned", {"network": "lens_cnn", "epochs": 2, "optimiser": {"lr": 0.1}, "schedule": {"name": "plateau"}, "seeds_together": True}, ["recipes.tuned", "share one learning rate"]),
    ("recipes.tuned.network_options", {"head": "plain"}, ["recipes.tuned", "unknown option of lens_cnn 'head'", "known: none"]),
    ("recipes.tuned", RESNET | {"network_options": {"haed": "plain"}}, ["recipes.tuned", "did you mean 'head'?"]),
    ("recipes.tuned", RESNET | {"network_options": {"pixels": 40}}, ["recipes.tuned", "unknown option of resnet18 'pixels'"]),
    ("recipes.tuned", RESNET | {"network_options": {"head": "extra_layer"}}, ["recipes.tuned", "did you mean 'extra_layers'?"]),
    ("recipes.tuned", RESNET | {"network_options": {"weights": "image_net"}}, ["recipes.tuned", "did you mean 'imagenet'?"]),
    ("recipes.tuned", RESNET | {"network_options": {"input_pixels": "big"}}, ["recipes.tuned", "input_pixels of resnet18", "'big'"]),
    ("recipes.tuned", RESNET | {"network": "mnasnet3_8", "network_options": {"weights": "imagenet"}}, ["recipes.tuned", "option of mnasnet3_8 'weights'"]),
    ("recipes.tuned", RESNET | {"network": "alexnet"}, ["runs.tuned-none.recipe", "at least 63 pixels a side, not 40", "`input_pixels: 63`"]),
    ("recipes.tuned", RESNET | {"network": "vit_b_16"}, ["runs.tuned-none.recipe", "multiples of 16 pixels a side, not 40", "`input_pixels: 32`"]),
    ("recipes.tuned", RESNET | {"network": "vit_b_16"}, ["cross_validation.recipe", "multiples of 16 pixels"]),
    ("recipes.tuned", RESNET | {"network": "squeezenet1_1", "seeds_together": True}, ["recipes.tuned", "squeezenet1_1 has dropout"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "words"), STUDY_MISTAKES, ids=lambda item: item if isinstance(item, str) else None
)
def test_mistake_in_a_study_is_named(project, path, value, words):
    study = yaml.safe_load((project / STUDY).read_text())
    *parents, last = path.split(".")
    node = study
    for key in parents:
        node = node[key]
    if value is del_:
        del node[last]
    else:
        node[last] = value
    (project / STUDY).write_text(yaml.safe_dump(study))
    with pytest.raises(configure.ConfigError) as error:
        configure.load(top(), project)
    for word in words:
        assert word in str(error.value)


def test_chains_of_runs_are_checked(project):
    def load(**changes):
        """Load with changed runs of the study; a change is merged into the run, or is all of it."""
        study = yaml.safe_load((ROOT / STUDY).read_text())
        for name, change in changes.items():
            name = name.replace("_", "-")
            study["runs"][name] = study["runs"].get(name, {}) | change
        (project / STUDY).write_text(yaml.safe_dump(study, sort_keys=False))
        return configure.load(top(), project)[1]["einstein_radius"]

    on = {"recipe": "tuned", "method": "none", "source": "noise_free", "evaluate_on": ["noise_free"]}
    assert load(tuned_mmd={"start_from": "tuned-none"}).runs["tuned-mmd"].earlier == {"start_from": "tuned-none"}
    circle = "runs.tuned-none.start_from: the runs wait for each other: tuned-none <- tuned-mmd <- tuned-none"
    with pytest.raises(configure.ConfigError) as error:
        load(tuned_none={"start_from": "tuned-mmd"}, tuned_mmd={"train_on": {"worst_of": "tuned-none"}})
    assert str(error.value).count("wait for each other") == 1
    assert circle in str(error.value)
    with pytest.raises(
        configure.ConfigError, match="runs.second.start_from: tuned-none has angles degrees, second sin_cos"
    ):
        load(second=on | {"start_from": "tuned-none", "change": {"angles": "sin_cos"}})
    with pytest.raises(configure.ConfigError, match="tuned-none has architecture .*'lens_cnn'.*, second .*'resnet18'"):
        load(second=on | {"start_from": "tuned-none", "change": {"network": "resnet18"}})
    study = load(second=on | {"start_from": "tuned-dann-sky"}, third=on | {"train_on": {"worst_of": "second"}})
    assert not {"second", "third"} & set(study.runs), "they need a domain that is not there"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"studys": ["einstein_radius"]}, ["config/config.yaml: studys", "did you mean 'studies'?"]),
        ({"studies": ["einstein_raduis"]}, ["config/studies", "did you mean 'einstein_radius'?"]),
        ({"studies": []}, ["studies", "at least 1"]),
        ({"cutouts": {"des_coadd_g": "nowhere.fits"}}, ["cutouts.des_coadd_g", "no such FITS file: nowhere.fits"]),
        ({"overrides": {"cosmosim": {}}}, ["overrides", "cosmosim"]),
        ({"overrides": {"einstein_radius": {"seeds": -1}}}, [f"overrides of {STUDY}: seeds", "greater than 0"]),
        (
            {"overrides": {"einstein_radius": {"recipes": {"tuned": {"epoch": 1}}}}},
            ["overrides of", "recipes.tuned.epoch", "'epochs'"],
        ),
    ],
)
def test_mistake_in_the_top_file_is_named(project, changes, words):
    with pytest.raises(configure.ConfigError) as error:
        configure.load(top(**changes), project)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        (STUDY, "title:", "title: [", [STUDY, "not valid YAML"]),
        (
            "resources/surveys/des.yaml",
            "read_noise:",
            "readnoise:",
            ["resources/surveys/des.yaml: readnoise", "did you mean 'read_noise'?"],
        ),
        (
            "resources/surveys/des.yaml",
            "0.001",
            "-0.001",
            ["resources/surveys/des.yaml: bands.g", "weights.0", "greater than or equal to 0"],
        ),
    ],
)
def test_broken_file_is_named(project, file, old, new, words):
    path = project / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(configure.ConfigError) as error:
        configure.load(top(), project)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("folder", ["/tmp/results", "../results", "results/../../elsewhere", ""])
def test_results_stay_below_the_project(folder):
    with pytest.raises(configure.ConfigError, match="results: must be a folder below that of the Snakefile"):
        configure.load(top(results=folder), ROOT)


@pytest.mark.parametrize("folder", ["results", "results/", "./results", "results//", "./results/."])
def test_a_results_folder_has_one_name(folder):
    """Snakemake keeps a record by the name of each result."""
    assert configure.load(top(results=folder), ROOT)[0].results == "results"


def test_two_studies_cannot_mean_different_things_by_one_name(project):
    study = yaml.safe_load((project / STUDY).read_text())
    study["simulations"]["galaxy_lenses"]["seed"] = 7
    (project / "config/studies/other.yaml").write_text(yaml.safe_dump(study))
    with pytest.raises(
        configure.ConfigError, match=r"other.yaml: simulations.galaxy_lenses: differs .* einstein_radius"
    ):
        configure.load(top(studies=["einstein_radius", "other"]), project)


def test_splits_follow_the_order_of_the_lenses():
    assert config.Split().bounds(50000) == {"train": (0, 35000), "validation": (35000, 40000), "test": (40000, 50000)}


def test_shards_cover_all_lenses_once():
    _, studies, _ = configure.load(top(), ROOT)
    simulation = (
        studies["einstein_radius"].simulations["galaxy_lenses"].model_copy(update={"lenses": 5, "shard_size": 2})
    )
    assert simulation.shards == ["0000000-0000001", "0000002-0000003", "0000004-0000004"]


def test_mistake_is_blamed_on_overrides_only_where_they_make_it(project):
    """What a file has wrong by itself is the file's, also where overrides change something beside it."""
    path = project / STUDY
    path.write_text(
        path.read_text().replace(
            "batch_size: 32\n    loss: mse\n    optimiser: {name: adam, lr: 3.0e-4}", "batch_size: 1"
        )
    )

    def lines(overrides):
        with pytest.raises(configure.ConfigError) as error:
            configure.load(top(overrides={"einstein_radius": overrides}), project)
        return str(error.value).splitlines()

    own = {f"{STUDY}: recipes.tuned.batch_size", f"{STUDY}: recipes.tuned.optimiser"}
    for overrides in ({}, {"recipes": {"tuned": {"epochs": 2}}}, {"recipes": {"paper": {"epochs": 2}}}):
        assert {": ".join(line.split(": ")[:2]) for line in lines(overrides)} == own
    both = lines({"recipes": {"tuned": {"epochs": 0}}, "targets": ["theta_E", "theta_E"]})
    assert {line.split(": ")[1] for line in both if line.startswith("overrides of")} == {
        "recipes.tuned.epochs",
        "targets",
    }
    assert len(both) == 4


@pytest.mark.parametrize(
    ("key", "value"), [("runs", {}), ("chapter", "images"), ("cross_validation", {"recipe": "tuned"}), ("seeds", 0)]
)
def test_mistake_of_a_whole_study_is_its_file_s(project, key, value):
    study = yaml.safe_load((project / STUDY).read_text()) | {key: value}
    (project / STUDY).write_text(yaml.safe_dump(study))
    for raw in (top(), top(overrides={"einstein_radius": {}}), top(overrides={"degeneracy": {"title": "A"}})):
        with pytest.raises(configure.ConfigError) as error:
            configure.load(raw, project)
        assert all(line.startswith(f"{STUDY}: ") for line in str(error.value).splitlines())


def test_each_layer_of_the_configuration_is_named(project):
    files = [project / "config/config.yaml", project / "config/mine.yaml"]

    def load(text, **given):
        files[1].write_text(text)
        layers = configure.read_layers(files, given, project)
        return configure.load(configure.merged(layers), project, layers)

    radius = "overrides:\n  einstein_radius:\n"
    given = {
        "studies": ["einstein_radius"],
        "overrides": {"einstein_radius": {"cross_validation": "null", "seeds": "1e0"}},
    }
    _, studies, _ = load(radius + "    seeds: 012\n    recipes: {tuned: {optimiser: {lr: 1e-3}}}\n", **given)
    study = studies["einstein_radius"]
    assert (study.seeds, study.cross_validation, study.recipes["tuned"].optimiser.lr) == (1, None, 1e-3)
    assert study.seed_blocks == ["0-0"]
    for text, more, words in [
        ("studys: [a]", {}, "config/mine.yaml: studys: unknown key"),
        ("results: a", {"results": "/b"}, "--config: results: must be a folder"),
        (radius + "    seeds: -1", {}, f"config/mine.yaml: overrides of {STUDY}: seeds: Input should be greater"),
        (radius + "    seeds: 2", given | {"overrides": {"einstein_radius": {"seeds": "x"}}}, f"--config: overrides of {STUDY}: seeds"),
        (radius + "    seeds: 2\n    title: A\n    seeds: 3", {}, "config/mine.yaml: overrides.einstein_radius.seeds: is given 2 times, in line 3 and 5"),
        ("studies: [degeneracy, degeneracy]", {}, "config/mine.yaml: studies: degeneracy: given twice"),
        ("studies: [12]", {}, "config/mine.yaml: studies.0: a number where text is needed; write it in quotes"),
    ]:  # fmt: skip
        with pytest.raises(configure.ConfigError) as error:
            load(text, **more)
        assert str(error.value).startswith(words)


@pytest.mark.parametrize(
    "file", ["config/studies/einstein_radius.yaml", "resources/surveys/des.yaml", "config/studies/choices.yaml"]
)
def test_key_that_is_given_twice_in_a_shipped_file_is_named(project, file):
    path = project / file
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, "title: B"]))
    first = next(number for number, line in enumerate(lines, start=1) if line.startswith("title:"))
    with pytest.raises(configure.ConfigError) as error:
        configure.load(top(studies=["einstein_radius", "choices"]), project)
    assert str(error.value) == f"{file}: title: is given 2 times, in line {first} and {len(lines) + 1}; keep one"


def test_mistakes_of_all_studies_are_told_together(project):
    for name in ("einstein_radius", "degeneracy"):
        path = project / f"config/studies/{name}.yaml"
        path.write_text(path.read_text() + "colour: blue\n")
    config = top(studies=["einstein_radius", "degeneracy", "choises"], cutouts={"des_coadd_g": "nowhere.fits"})
    with pytest.raises(configure.ConfigError) as error:
        configure.load(config, project)
    places = [line.split(": ")[0] for line in str(error.value).splitlines()]
    assert places == ["config/config.yaml", STUDY, "config/studies/degeneracy.yaml", "config/studies"]


NUMBER = {"run": "tuned-mmd", "domain": "des", "statistics": "batch", "metric": "r2", "mean": 1, "source": "A"}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"std": -1}, "published.0.std: Input should be greater than or equal to 0"),
        ({"metric": "mmd", "statistics": "running"}, "published.0.statistics: unknown statistics of mmd 'running'"),
        ({"metric": "mmd", "domain": "noise_free"}, "tuned-mmd does not measure mmd on noise_free"),
        ({"domain": "des_sky"}, "tuned-mmd does not measure r2 on des_sky"),
        ({"run": "tuned-none", "metric": "gap_closed"}, "tuned-none does not measure gap_closed on des"),
        ({"metric": "circular_mae"}, "circular_mae is of angles, and theta_E is none"),
        ({"parameter": "mean"}, "the one target, theta_E, has no mean over parameters"),
        ({"metric": "stuck_fraction"}, "stuck_at_mean is not set"),
        (
            {"run": None, "method": "oracle", "recipe": "matched_lr"},
            "there is no run of method oracle with recipe matched_lr",
        ),
    ],
    ids=str,
)
def test_published_number_that_no_run_measures_is_refused(project, row, words):
    study = yaml.safe_load((project / STUDY).read_text()) | {"published": [NUMBER | row]}
    (project / STUDY).write_text(yaml.safe_dump(study))
    with pytest.raises(configure.ConfigError) as error:
        configure.load(top(), project)
    assert words in str(error.value)


@pytest.mark.parametrize("row", [{}, {"metric": "mmd"}, {"metric": "gap_closed"}, {"domain": "noise_free"}], ids=str)
def test_published_number_that_a_run_measures_is_taken(project, row):
    study = yaml.safe_load((project / STUDY).read_text()) | {"published": [NUMBER | row]}
    (project / STUDY).write_text(yaml.safe_dump(study))
    configure.load(top(), project)


def test_published_mean_is_of_metrics_that_have_one(project):
    file = project / "config/studies/reference_network.yaml"
    row = {
        "run": "mse-adam",
        "domain": "cosmosim",
        "statistics": "running",
        "parameter": "mean",
        "mean": 1,
        "source": "A",
    }
    for metric, wrong in [("rmse", True), ("mae", False), ("circular_mae", False)]:
        file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"published": [row | {"metric": metric}]}))
        if wrong:
            with pytest.raises(configure.ConfigError, match="rmse is not averaged over the parameters"):
                configure.load(top(), project)
        else:
            configure.load(top(), project)


@pytest.mark.parametrize(
    "folder", ["~/x", "$HOME/x", "a{b}", "100%", "a*", "config", "workflow/x", ".git", ".snakemake/x"]
)
def test_results_do_not_go_where_they_could_do_harm(folder):
    with pytest.raises(configure.ConfigError, match=r"config/config\.yaml: results: "):
        configure.load(top(results=folder), ROOT)


def test_overrides_of_a_run_that_there_is_not_name_their_file_and_the_nearest_run(project):
    given = top(overrides={"einstein_radius": {"runs": {"tuned-non": {"change": {"epochs": 3}}}}})
    with pytest.raises(configure.ConfigError) as error:
        configure.load(given, project, {"config/my.yaml": given})
    line = str(error.value).splitlines()[0]
    assert line.startswith("config/my.yaml: overrides of config/studies/einstein_radius.yaml: runs.tuned-non.")
    assert line.endswith("is missing; unknown name among the runs 'tuned-non'; did you mean 'tuned-none'?")


def test_without_cutouts_cross_validation_on_them_is_left_out(project):
    study = yaml.safe_load((project / STUDY).read_text())
    study["cross_validation"]["dataset"] = "des_sky"
    (project / STUDY).write_text(yaml.safe_dump(study))
    _, studies, _ = configure.load(top(), project)
    assert studies["einstein_radius"].cross_validation is None


def test_a_study_of_which_no_run_is_left_is_refused():
    wanted = top(overrides={"einstein_radius": {"only_runs": ["tuned-dann-sky"]}})
    with pytest.raises(configure.ConfigError) as error:
        configure.load(wanted, ROOT)
    assert str(error.value).startswith("config/studies/einstein_radius.yaml: only_runs: none is left")
    assert "without cutouts.des_coadd_g, which has no path in config/config.yaml" in str(error.value)


EUCLID = "resources/surveys/euclid_vis.yaml"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "psf: euclid_vis_q1",
            "psf: euclid_vis",
            "bands.VIS.psf: unknown PSF 'euclid_vis'; did you mean 'euclid_vis_q1'?",
        ),
        ("    psf: euclid_vis_q1\n", "", "needs either `seeing` or `psf`"),
        ("psf: euclid_vis_q1", "psf: euclid_vis_q1\n    seeing: 0.2", "needs either `seeing` or `psf`"),
    ],
)
def test_a_band_has_one_point_spread_function_and_it_is_there(project, old, new, words):
    path = project / EUCLID
    assert old in (text := path.read_text())
    path.write_text(text.replace(old, new))
    with pytest.raises(configure.ConfigError) as error:
        configure.load(top(studies=["euclid_lenses"]), project)
    assert EUCLID in str(error.value)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("study", "change", "words"),
    [
        ("einstein_radius", {"information": {"datasets": ["dse"]}}, "did you mean 'des'"),
        ("einstein_radius", {"information": {"datasets": ["des_sky"]}}, "des_sky has real images"),
        ("euclid_lenses", {"information": {"datasets": ["euclid_q1"]}}, "euclid_q1 has real images"),
        (
            "einstein_radius",
            {"information": {"datasets": ["des"]}, "datasets": {"des": {"noise": "none"}}},
            "des has no noise",
        ),
        ("reference_network", {"information": {"datasets": ["cosmosim"]}}, "is not made of galaxies"),
        (
            "reference_network",
            {"recipes": {"reference": {"normalisation": "arcsinh"}}},
            "without noise; eight_bit fits",
        ),
    ],
)
def test_bounds_and_stretches_need_noise_that_is_known(study, change, words):
    with pytest.raises(configure.ConfigError) as error:
        configure.load(top(studies=[study], overrides={study: change}), ROOT)
    assert words in str(error.value)

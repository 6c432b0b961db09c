"""A study of CosmoSim images, from the draw to what a network is given."""

import numpy as np
import pandas as pd
import pytest
import yaml

from sim2sky import store
from tests.workflow.conftest import Project, planned

SIMULATION = {
    "engine": "cosmosim",
    "lenses": 40,
    "shard_size": 20,
    "lens": "sis",
    "mask": True,
    "terms": 20,
    "image_pixels": 300,
    "pixel_scale": 0.263,
    "band": "g",
    "amplitudes": 2,
    "population": {"R_E": [5, 20], "r": [26, 60]},
}
CROP = {"centre": "subpixel", "pixels": 120}
DATASETS = {
    "clean": {"title": "clean", "simulation": "full", "centre_crop": CROP | {"downscale": 30}},
    "cropped": {"title": "cropped", "simulation": "cropped"},
    "noisy": {"title": "DES", "simulation": "cropped", "survey": "des", "peak_magnitude": 22.0},
}
STUDY = {
    "title": "CosmoSim",
    "abstract": "tiny",
    "reference": "none",
    "targets": ["x", "y", "R_E", "sigma", "sigma2", "theta", "alpha_1_0", "beta_2_1"],
    "seeds": 1,
    "simulations": {"full": SIMULATION, "cropped": SIMULATION | {"crop": CROP, "downscale": 30}},
    "datasets": DATASETS,
    "recipes": {"short": {"network": "lens_cnn", "epochs": 1, "optimiser": {"lr": 1e-3}, "batch_size": 8, "normalisation": "per_domain"}},
    "methods": {"none": {"title": "none", "adaptation": "none"}},
    "runs": {
        "clean": {
            "method": "none", "recipe": "short", "source": "clean", "evaluate_on": ["clean", "cropped", "noisy"]
        },
        "longer": {
            "method": "none", "recipe": "short", "source": "clean", "evaluate_on": ["clean"],
            "start_from": "clean", "train_on": {"worst_of": "clean", "fraction": 0.5},
        },
    },
    "reconstruction": {"run": "clean", "dataset": "cropped", "images": 1},
}  # fmt: skip
NAME = "config/studies/tiny.yaml"
ONLY = ("--config", "studies=[tiny]", "cutouts={}")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The study has run; tests leave it as it is."""
    project = Project(tmp_path_factory.mktemp("tiny"))
    (project.folder / NAME).write_text(yaml.safe_dump(STUDY, sort_keys=False))
    result = project.snakemake(*ONLY)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    return project


def set_to(*keys, value):
    """Change a value of the study."""

    def change(project):
        study = yaml.safe_load((project.folder / NAME).read_text())
        where = study
        for key in keys[:-1]:
            where = where[key]
        where[keys[-1]] = value
        (project.folder / NAME).write_text(yaml.safe_dump(study, sort_keys=False))

    return change


def library(module):
    def append(project):
        path = project.folder / f"workflow/src/sim2sky/{module}.py"
        path.write_text(path.read_text() + "\nCHANGED = True\n")

    return append


PAGE = {"write_report": 1}
FIGURES = {"draw_figures_tiny": 1} | PAGE
TABLES = {"aggregate_metrics": 1} | FIGURES
PREDICTIONS = {"predict": 2, "evaluate_run": 2, "reconstruct": 1} | TABLES
NETWORKS = {"train_source_only": 2} | PREDICTIONS
OF_LONGER = {"train_source_only": 1, "predict": 1, "evaluate_run": 1} | TABLES
OBSERVED = {"centre_crop": 2, "inject_noise": 6} | NETWORKS
# what it is: (edit, jobs that it brings about)
EDITS = {
    "nothing": (lambda project: None, {}),
    "renderer of the other engine": (library("lensing/raytrace"), {}),
    "renderer": (library("lensing/roulette"), {"simulate_shard": 4} | OBSERVED),
    "terms of one simulation": (
        set_to("simulations", "full", "terms", value=10),
        {"simulate_shard": 2, "centre_crop": 2, "inject_noise": 2} | NETWORKS,
    ),
    "centring of a data set": (
        set_to("datasets", "clean", "centre_crop", "centre", value="pixel"),
        {"centre_crop": 2, "inject_noise": 2} | NETWORKS,
    ),
    "brightness under survey noise": (
        set_to("datasets", "noisy", "peak_magnitude", value=21.0),
        {"inject_noise": 2, "predict": 1, "evaluate_run": 1, "reconstruct": 1} | TABLES,
    ),
    "run that another starts from": (set_to("runs", "clean", "change", value={"loss": "mae"}), NETWORKS),
    "run that starts from another": (set_to("runs", "longer", "change", value={"loss": "mae"}), OF_LONGER),
    "share of hard examples": (set_to("runs", "longer", "train_on", "fraction", value=0.6), OF_LONGER),
    "start from another run": (library("train/earlier"), NETWORKS),
    "undone lensing": (library("lensing/undo"), {"reconstruct": 1} | FIGURES),
    "images whose lensing is undone": (set_to("reconstruction", "images", value=2), {"reconstruct": 1} | FIGURES),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", EDITS)
def test_an_edit_brings_about_exactly_its_jobs(tiny, tmp_path, name):
    edit, expected = EDITS[name]
    edited = tiny.copy(tmp_path / "project")
    edit(edited)
    assert planned(edited.snakemake("--dry-run", "--quiet", "rules", *ONLY)) == expected


@pytest.mark.slow
def test_predictions_read_the_shards_of_the_test_part_alone(tiny, tmp_path):
    """Lenses are found in them although the first shards are not there."""
    project = tiny.copy(tmp_path / "project")
    set_to("statistics", value=["running"])(project)
    set_to("recipes", "short", "normalisation", value="eight_bit")(project)
    set_to("runs", "clean", "evaluate_on", value=["clean"])(project)
    set_to("reconstruction", value=None)(project)  # it is of another dataset
    model, table = (
        f"results/{path}"
        for path in ("train/tiny/clean/0-0/model.safetensors", "evaluate/tiny/clean/0-0/predictions.parquet")
    )
    assert project.snakemake(*ONLY, "--", model).returncode == 0
    shards = sorted((project.folder / "results/observe/clean").glob("*.zarr.zip"))
    true = store.open_shards(shards[1:]).read("theta", 12, 20)  # 8 of 40 lenses
    shards[0].unlink()
    result = project.snakemake(*ONLY, "--", table)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    found = pd.read_parquet(project.folder / table).query("parameter == 'theta'")
    assert found.lens.tolist() == list(range(32, 40))
    np.testing.assert_allclose(found.true, true, rtol=1e-6)
    assert not shards[0].exists()


@pytest.mark.slow
def test_study_without_networks(project):
    """It has a chapter of figures and tables of its own, and none of scores."""
    few = {"degeneracy": {"degeneracy": {"pixels": 100, "images_per_range": 4}}}
    (project.folder / "config/few.yaml").write_text(yaml.safe_dump({"studies": ["degeneracy"], "overrides": few}))
    result = project.snakemake("--configfile", "config/few.yaml", "--config", "cutouts={}")
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    page = (project.folder / "results/report/report.html").read_text()
    assert page.count("data:image/png;base64,") == 1 and "whole pixels" in page
    assert "degeneracy-figures" in page and "degeneracy-scores" not in page
    assert "images compared per range" in page


@pytest.mark.slow
def test_from_the_draw_to_the_network(tiny):
    shards = {
        name: store.open_shards(sorted((tiny.folder / f"results/observe/{name}").glob("*.zarr.zip")))
        for name in DATASETS
    }
    clean, cropped, noisy = (shards[name] for name in DATASETS)
    assert clean.variable("image").dtype == np.uint8 and clean.variable("image").shape[1:] == (1, 30, 30)
    for name in ("image", "theta", "alpha_1_0", "shift_x"):
        np.testing.assert_array_equal(clean.read(name), cropped.read(name))
    assert noisy.variable("image").dtype == np.float32
    assert np.isfinite(noisy.read("signal_to_noise")).all() and np.isinf(clean.read("signal_to_noise")).all()

"""A study of CosmoSim images, from the draw to what a network is given."""

import numpy as np
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
    "recipes": {"short": {"network": "lens_cnn", "epochs": 1, "optimiser": {"lr": 1e-3}, "batch_size": 8}},
    "methods": {"none": {"title": "none", "adaptation": "none"}},
    "runs": {
        "clean": {
            "method": "none", "recipe": "short", "source": "clean", "evaluate_on": ["clean", "cropped", "noisy"]
        }
    },
}  # fmt: skip


@pytest.fixture
def tiny(tmp_path):
    project = Project(tmp_path)
    (project.folder / "config/studies/tiny.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    return project


SHARDS = ("0000000-0000019", "0000020-0000039")
ONLY = ("--config", "studies=[tiny]", "cutouts={}")


def test_plan(tiny):
    jobs = planned(tiny.snakemake("--dry-run", "--quiet", "rules", *ONLY))
    expected = {"simulate_shard": 4, "centre_crop": 2, "inject_noise": 6, "train_source_only": 1, "predict": 1}
    assert expected.items() <= jobs.items()


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
    observed = [f"results/observe/{name}/{shard}.zarr.zip" for name in DATASETS for shard in SHARDS]
    result = tiny.snakemake("results/train/tiny/clean/0-0/model.safetensors", *observed, *ONLY)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
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

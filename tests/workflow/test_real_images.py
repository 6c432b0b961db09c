"""A folder of real images as the target domain of a run: read, adapted to, and made again as far as its files changed."""

import csv

import numpy as np
import pytest
from astropy.io import fits

from sim2sky import store
from tests.workflow.conftest import planned

IMAGES, LOST = 40, 7
CONFIG = """
studies: [einstein_radius]
images: {mine: images}
overrides:
  einstein_radius:
    seeds: 1
    seeds_per_job: 1
    only_runs: [real-mmd]
    cross_validation: null
    simulations: {galaxy_lenses: {lenses: 100, shard_size: 100}}
    recipes: {paper: {epochs: 1}}
    datasets:
      real:
        title: Real cutouts
        images: {folder: mine, like: des, shard_size: 20, zero_point: 30}
        split: {train: 1, validation: 0, test: 0}
    runs:
      real-mmd:
        {method: mmd, recipe: paper, change: {batch_size: 32}, source: noise_free, target: real, evaluate_on: [noise_free]}
"""
RUN = ("--configfile", "config/real.yaml", "--cores", "1")
DRY = (*RUN, "--dry-run", "--quiet", "rules")
MODEL = "results/adapt/einstein_radius/real-mmd/0-0/model.safetensors"


def write_image(path, seed):
    """A cutout with the header of a coadd."""
    header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 25.5, "CRPIX2": 25.5})
    header.update({"CRVAL1": 30.0, "CRVAL2": -20.0, "CD1_1": -0.263 / 3600, "CD2_2": 0.263 / 3600, "FILTER": "g"})
    image = np.random.default_rng(seed).normal(0, 2.9, (50, 50)).astype(np.float32)
    image[23:27, 23:27] += 50
    fits.writeto(path, image, header, overwrite=True)


@pytest.fixture
def real(project):
    """A project with a folder of images, one of which is no FITS file."""
    (project.folder / "images").mkdir()
    for number in range(IMAGES):
        write_image(project.folder / f"images/{number:03d}.fits", number)
    (project.folder / f"images/{LOST:03d}.fits").write_text("broken")
    (project.folder / "config/real.yaml").write_text(CONFIG)
    return project


def test_networks_adapt_to_a_folder_of_images(real):
    jobs = planned(real.snakemake(*DRY))
    assert (jobs["ingest"], jobs["inject_noise"], jobs["adapt"]) == (2, 2, 1) and "train_source_only" not in jobs
    result = real.snakemake(*RUN, MODEL)
    assert result.returncode == 0, result.stdout + result.stderr
    observed = real.folder / "results/observe/real"
    shards = store.open_shards(sorted(observed.glob("*.zarr.zip")))
    assert list(np.flatnonzero(~shards.read("measured"))) == [LOST] and len(shards) == IMAGES
    assert shards.read("image").std(axis=(1, 2, 3))[:3].all() and "theta_E" not in shards
    with open((real.folder / MODEL).with_name("history.csv")) as file:
        (row,) = csv.DictReader(file)
    assert row["adaptation_loss"] and row["source_r2"] and row["target_r2"] == ""

    (real.folder / "images/000.fits").touch()
    assert planned(real.snakemake(*DRY, "--", MODEL)) == {}, "a date says nothing"
    write_image(real.folder / "images/030.fits", 99)
    why = real.python("-m", "sim2sky", "why", "--configfile", "config/real.yaml", "--", MODEL)
    assert "ingest: 1 job: real/0000020-0000039\n    configuration: files: '" in why.stdout, why.stdout + why.stderr
    assert planned(real.snakemake(*DRY, "--", MODEL)) == {"ingest": 1, "adapt": 1}


def test_a_folder_without_images_stops_before_a_job(real):
    real.edit("config/real.yaml", "mine: images", "mine: profiles")
    result = real.snakemake(*DRY)
    assert result.returncode
    assert "config/real.yaml: images.mine: profiles: holds no FITS files" in result.stdout + result.stderr

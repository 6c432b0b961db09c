"""Lensing undone of an image from elsewhere."""

import numpy as np
import pytest
import torch
from astropy.io import fits
from PIL import Image

from sim2sky.cli import main
from sim2sky.config import Recipe
from sim2sky.measure.reconstruct import as_simulated
from sim2sky.models import create_model
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.network_file import write_networks
from sim2sky.provenance import record
from tests.unit.cosmosim_images import TRUE, finished, simulation_of


@pytest.fixture
def model(tmp_path):
    """An untrained network whose outputs are shifted to the true parameters."""
    simulation = simulation_of(crop={"pixels": 64})
    recipe = Recipe(network="lens_cnn", epochs=1, optimiser={"lr": 1e-3}, normalisation="eight_bit", standardise=True)
    encoding = LabelEncoding(list(TRUE), mean=list(TRUE.values()), std=[1e-6] * 6)
    network = create_model("lens_cnn", bands=1, pixels=64, outputs=6)
    config = {"recipe": recipe.params(), "targets": list(TRUE)}
    origin = {"source": {"name": "clean", "simulated": simulation.params(), "dataset": {"title": "clean"}}}
    path = tmp_path / "model.safetensors"
    write_networks(path, {3: network.state_dict()}, encoding, record.provenance(config, {}, domains=origin))
    return path, simulation


@pytest.mark.parametrize("suffix", [".png", ".fits"])
def test_an_image_of_ones_own(model, tmp_path, suffix, capsys):
    path, simulation = model
    image, _ = finished(simulation)
    file = tmp_path / f"mine{suffix}"
    if suffix == ".png":
        Image.fromarray(image).save(file)
    else:
        fits.PrimaryHDU(image[::-1].astype(np.float32)).writeto(file)
    main(["reconstruct", str(file), "--model", str(path), "--output", str(tmp_path / "out.png")])
    text = capsys.readouterr().out
    assert "R_E          12.000" in text
    assert float(text.split("RMS left ")[1].split()[0]) < 1.5
    assert (tmp_path / "out.png").stat().st_size > 5000


def test_a_larger_image_is_framed_as_the_simulation_frames_its_own(tmp_path):
    simulation = simulation_of(crop={"pixels": 64})
    whole = simulation_of()
    Image.fromarray(finished(whole)[0]).save(tmp_path / "whole.png")
    framed = as_simulated(tmp_path / "whole.png", simulation)
    np.testing.assert_array_equal(framed, finished(simulation)[0])
    flux = 1e-3 * finished(whole)[0][::-1].astype(np.float32) + 7
    fits.PrimaryHDU(flux).writeto(tmp_path / "sky.fits")
    real = as_simulated(tmp_path / "sky.fits", whole)
    np.testing.assert_allclose(real.astype(int), finished(whole)[0], atol=1)
    with pytest.raises(ValueError, match=r"whole\.png: cannot keep 300 of 200"):
        as_simulated(tmp_path / "whole.png", simulation_of(image_pixels=400, crop={"pixels": 300}))


def test_networks_of_other_images_are_refused(model, tmp_path):
    path, _ = model
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "mine.png")
    other = tmp_path / "other.safetensors"
    write_networks(other, {0: {"a": torch.zeros(1)}}, LabelEncoding(["theta_E"]), {"config": {}, "domains": {}})
    for wrong in (other, tmp_path / "mine.png"):
        with pytest.raises(SystemExit, match="does not say what its networks were trained with"):
            main(["reconstruct", str(tmp_path / "mine.png"), "--model", str(wrong)])

"""Lensing undone with true, wrong and predicted parameters."""

import numpy as np
import pandas as pd
import pytest
import torch
from astropy.io import fits
from PIL import Image

from sim2sky import store
from sim2sky.config import Recipe, read_simulation
from sim2sky.evaluate.reconstruction import complete, image_plane, reconstruct, reconstruct_block
from sim2sky.lensing.cosmosim import render
from sim2sky.measure import reconstruct as command
from sim2sky.models import create_model
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.network_file import write_networks
from sim2sky.provenance import record
from sim2sky.simulate.cosmosim import frame, optics_of

TRUE = {"x": 21.0, "y": -14.0, "R_E": 12.0, "sigma": 9.0, "sigma2": 5.0, "theta": 30.0}
WAYS = {
    "as rendered": {},
    "centred": {"crop": {"pixels": 101}},
    "centred, averaged": {"crop": {"pixels": 120, "centre": "subpixel"}, "downscale": 60},
    "roulette": {"crop": {"pixels": 100}, "mode": "roulette", "mask": True},
    "point mass": {"lens": "point_mass"},
}


def simulation_of(**change):
    raw = {"engine": "cosmosim", "lenses": 4, "lens": "sis", "mode": "raytrace", "image_pixels": 200, "chi": 0.5}
    return read_simulation(raw | change)


def finished(simulation, parameters=TRUE):
    rendered = render(complete(parameters, simulation), optics_of(simulation), simulation.image_pixels)
    return frame(simulation, rendered[0].numpy())


@pytest.mark.parametrize("way", WAYS)
def test_true_parameters_give_the_image_and_the_source_back(way):
    simulation = simulation_of(**WAYS[way])
    image, _ = finished(simulation)
    found = reconstruct(image, TRUE, simulation)
    np.testing.assert_array_equal(found.simulated, image)
    assert found.rms == 0
    assert found.rms_source < 6, "the source is 255 counts; pixels of the image are averaged"
    assert (found.undone[found.source > 60] > 20).all(), "no gaps between pixels"
    wrong = reconstruct(image, TRUE | {"R_E": 18.0}, simulation)
    assert wrong.rms > 0.5
    assert wrong.rms_source > 1.5 * found.rms_source


def test_pixels_are_where_the_light_was():
    """Light that is centred is moved back: the brightest pixel lies where the source is seen."""
    simulation = simulation_of(crop={"pixels": 101})
    whole, moved = simulation_of(), finished(simulation)
    places = []
    for setting, (image, shift) in ((whole, finished(whole)), (simulation, moved)):
        x, y = image_plane(setting, shift)
        peak = np.unravel_index(image.argmax(), image.shape)
        places.append((x[peak], y[peak]))
    np.testing.assert_allclose(*places)
    assert np.abs(moved[1]).max() > 5


def test_what_is_not_estimated_must_be_fixed():
    simulation = simulation_of()
    assert complete(TRUE, simulation)["chi"].item() == 0.5
    polar = {"r": 10.0, "phi": 90.0} | {name: TRUE[name] for name in ("R_E", "sigma", "sigma2", "theta")}
    assert complete(polar, simulation)["y"].item() == pytest.approx(10)
    assert complete(TRUE | {"sigma": -3.0}, simulation)["sigma"].item() > 0
    assert complete(TRUE, simulation_of(chi=None))["chi"].item() == 0.5, "the population's, which is one value"
    with pytest.raises(ValueError, match="without chi"):
        complete(TRUE, simulation_of(chi=None, population={"chi": [0.3, 0.7]}))
    with pytest.raises(ValueError, match="without sigma2, theta"):
        complete({name: TRUE[name] for name in ("x", "y", "R_E", "sigma")}, simulation)


def test_block_of_predictions(tmp_path):
    simulation = simulation_of(crop={"pixels": 100})
    image, _ = finished(simulation)
    variables = {"image": store.Variable(np.stack([image] * 4)[:, None], store.IMAGE_DIMS)}
    store.write_shard(tmp_path / "a.zarr.zip", variables | {"lens": store.Variable(np.arange(4))}, {})
    rows = [
        {"seed": seed, "lens": lens, "parameter": name, "true": value, "predicted": value + 3 * seed + (lens == 3)}
        for seed in (0, 1)
        for lens in (2, 3)
        for name, value in TRUE.items()
    ]
    predictions = pd.DataFrame(rows).assign(domain="test", statistics="running")
    predictions.attrs = {"config": {"network": "alexnet"}}
    predictions.to_parquet(tmp_path / "predictions.parquet")
    files = {"table": tmp_path / "table.csv", "images": tmp_path / "images.zarr.zip", "provenance": tmp_path / "a.json"}
    about = {"domain": "test", "statistics": "running", "count": 5, "fingerprint": {}}
    reconstruct_block(tmp_path / "predictions.parquet", [tmp_path / "a.zarr.zip"], simulation, **about, **files)
    table = pd.read_csv(files["table"])
    assert table.lens.to_list() == [2, 3]
    assert table.rms[0] == 0 < table.rms[1]
    assert table["predicted_R_E"].to_list() == [12, 13]
    assert store.open_shards([files["images"]]).read("undone").shape[0] == 2
    made_with = record.read_provenance(files["provenance"], [files["table"]])["config"]
    assert made_with["recipe"] == {"network": "alexnet"} and made_with["simulation"] == simulation.params()


# ---------------------------------------- an image from elsewhere


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
    command.main([str(file), "--model", str(path), "--output", str(tmp_path / "out.png")])
    text = capsys.readouterr().out
    assert "R_E          12.000" in text
    assert float(text.split("RMS left ")[1].split()[0]) < 1.5
    assert (tmp_path / "out.png").stat().st_size > 5000


def test_a_larger_image_is_framed_as_the_simulation_frames_its_own(tmp_path):
    simulation = simulation_of(crop={"pixels": 64})
    whole = simulation_of()
    Image.fromarray(finished(whole)[0]).save(tmp_path / "whole.png")
    framed = command.as_simulated(tmp_path / "whole.png", simulation)
    np.testing.assert_array_equal(framed, finished(simulation)[0])
    flux = 1e-3 * finished(whole)[0][::-1].astype(np.float32) + 7
    fits.PrimaryHDU(flux).writeto(tmp_path / "sky.fits")
    real = command.as_simulated(tmp_path / "sky.fits", whole)
    np.testing.assert_allclose(real.astype(int), finished(whole)[0], atol=1)
    with pytest.raises(ValueError, match=r"whole\.png: cannot keep 300 of 200"):
        command.as_simulated(tmp_path / "whole.png", simulation_of(image_pixels=400, crop={"pixels": 300}))


def test_networks_of_other_images_are_refused(model, tmp_path, capsys):
    path, _ = model
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "mine.png")
    other = tmp_path / "other.safetensors"
    write_networks(other, {0: {"a": torch.zeros(1)}}, LabelEncoding(["theta_E"]), {"config": {}, "domains": {}})
    for wrong in (other, tmp_path / "mine.png"):
        with pytest.raises(SystemExit):
            command.main([str(tmp_path / "mine.png"), "--model", str(wrong)])
        assert "does not say what its networks were trained with" in capsys.readouterr().err

"""Lensing undone of an image from elsewhere."""

import numpy as np
import pytest
import torch
from astropy.io import fits
from PIL import Image

from sim2sky.cli import main
from sim2sky.measure.reconstruct import _unlearnt, as_simulated, estimate, reconstruct_file
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.network_file import write_networks
from tests.unit.cosmosim_images import TRUE, finished, simulation_of, write_network


@pytest.fixture
def model(tmp_path):
    """A file of networks, and the simulation that they learnt from."""
    path, simulation = tmp_path / "model.safetensors", simulation_of(crop={"pixels": 64})
    write_network(path, simulation)
    return path, simulation


def deflated(values, path):
    unit = fits.CompImageHDU(values.astype(np.int16)[::-1])
    fits.HDUList([fits.PrimaryHDU(), unit]).writeto(path)


# Of rows from the top; those of FITS are from the bottom. The first four hold no more than 8 bits.
WRITERS = {
    "a.png": lambda values, path: Image.fromarray(values.astype(np.uint8)).save(path),
    "a.bmp": lambda values, path: Image.fromarray(values.astype(np.uint8)).save(path),
    "colour.png": lambda values, path: Image.fromarray(values.astype(np.uint8)).convert("RGB").save(path),
    "b8.fits": lambda values, path: fits.writeto(path, values.astype(np.uint8)[::-1]),
    "deep.png": lambda values, path: Image.fromarray(values.astype(np.uint16)).save(path),
    "deep.tif": lambda values, path: Image.fromarray(values.astype(np.uint16)).save(path),
    "i32.tif": lambda values, path: Image.fromarray(values.astype(np.int32)).save(path),
    "f32.tif": lambda values, path: Image.fromarray(values.astype(np.float32)).save(path),
    "b16.fits": lambda values, path: fits.writeto(path, values.astype(np.int16)[::-1]),
    "u16.fits": lambda values, path: fits.writeto(path, values.astype(np.uint16)[::-1]),
    "b32.fit": lambda values, path: fits.writeto(path, values.astype(np.int32)[::-1]),
    "f32.fits": lambda values, path: fits.writeto(path, values.astype(np.float32)[::-1]),
    "f64.fits.gz": lambda values, path: fits.writeto(path, values.astype(np.float64)[::-1]),
    "plane.fts": lambda values, path: fits.writeto(path, values.astype(np.float32)[None, None, ::-1]),
    "deflated.fits.fz": deflated,
}
EIGHT_BIT = list(WRITERS)[:4]


@pytest.mark.parametrize("scale", [1, 13])
def test_equal_values_give_equal_answers_whatever_the_type_of_the_file(model, tmp_path, scale):
    """Of 8-bit counts and of larger ones; in an image of the right size and in one to be framed."""
    path, simulation = model
    for kind in (simulation, simulation_of()):
        values = scale * finished(kind)[0].astype(int)
        answers = set()
        for name, write in WRITERS.items():
            if scale == 1 or name not in EIGHT_BIT:
                file = tmp_path / f"{kind.pixels}-{name}"
                write(values, file)
                image, doubts = as_simulated(file, simulation)
                answers.add((image.tobytes(), tuple(estimate(image, path).items()), doubts))
        assert len(answers) == 1


def test_8_bit_counts_are_taken_as_they_are(tmp_path):
    simulation = simulation_of(crop={"pixels": 64})
    counts = finished(simulation)[0] // 2
    fits.writeto(tmp_path / "a.fits", counts[::-1].astype(np.float32))
    np.testing.assert_array_equal(as_simulated(tmp_path / "a.fits", simulation).image, counts)


def doubtful(change):
    """Doubts about an image of `as_simulated`'s size after `change`, given and returning floats."""

    def doubts(folder, simulation):
        fits.writeto(folder / "a.fits", change(finished(simulation)[0].astype(float))[::-1].astype(np.float32))
        return as_simulated(folder / "a.fits", simulation).doubts

    return doubts


def cosmic(image):
    image = image * 10.3
    image[3, 50] = 3e5
    return image


def masked(image):
    image = image * 10.3
    image[20:24, 20:24] = -999
    return image


NOISE = np.random.default_rng(1).normal(0, 1, (64, 64))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda image: image, []),
        (lambda image: image * 10.3, ["not 8-bit counts"]),
        (lambda image: image - 100, ["values of -100 to 155 are not 8-bit counts: the sky, -100"]),
        (lambda image: image // 2 + 20, ["sky is not dark, but has 22 counts"]),
        (lambda image: image * 10.3 + 100 * NOISE, ["not 8-bit counts", "sky scatters by"]),
        (lambda image: (image * 2).clip(max=255), ["bright pixels have the largest value"]),
        (lambda image: (image * 300).clip(max=60000), ["not 8-bit counts", "bright pixels have the largest value"]),
        (lambda image: image // 4, ["its brightest pixel has 63 counts"]),
        (cosmic, ["not 8-bit counts", "stands alone"]),
        (masked, ["not 8-bit counts", "16 pixels far below the sky"]),
        (lambda image: np.pad(image[4:-4, 4:-4] // 2 + 20, 4), ["sky is not dark, but has"]),
    ],
)
def test_what_makes_an_image_doubtful_is_said(tmp_path, change, words):
    doubts = doubtful(change)(tmp_path, simulation_of(crop={"pixels": 64}))
    assert len(doubts) == len(words), doubts
    assert all(word in doubt for word, doubt in zip(words, doubts, strict=True)), doubts


def test_what_comes_from_outside_the_frame_is_as_dark_as_the_sky(tmp_path):
    """An image that its centring moves: the sky is subtracted first, also one below zero."""
    simulation = simulation_of(crop={"pixels": 180})
    image = finished(simulation_of())[0].astype(float)
    for name, values in {"a.fits": image, "b.fits": image - 99.5}.items():
        fits.writeto(tmp_path / name, values[::-1].astype(np.float32))
    first, second = (as_simulated(tmp_path / name, simulation).image.astype(int) for name in ("a.fits", "b.fits"))
    assert abs(first - second).max() <= 1


@pytest.mark.parametrize("values", [np.zeros((64, 64)), np.full((64, 64), 7.5), 50 + NOISE, -np.eye(64)])
def test_an_image_without_light_is_refused(model, tmp_path, values):
    path, _ = model
    fits.writeto(tmp_path / "dark.fits", values.astype(np.float32))
    with pytest.raises(SystemExit, match=r"error: \S*dark\.fits: holds no light"):
        main(["reconstruct", str(tmp_path / "dark.fits"), "--model", str(path)])
    assert not list(tmp_path.glob("*-reconstructed.png"))


def test_light_outside_the_kept_part_is_none(tmp_path):
    image = np.zeros((80, 80), np.uint8)
    image[2:8, 2:8] = 200
    Image.fromarray(image).save(tmp_path / "corner.png")
    with pytest.raises(ValueError, match=r"corner\.png: holds no light in the 40 pixels that are kept"):
        as_simulated(tmp_path / "corner.png", simulation_of(crop={"pixels": 40, "centre": "none"}))


def test_estimates_outside_the_population_are_doubtful(model, tmp_path):
    path, simulation = model
    Image.fromarray(finished(simulation)[0]).save(tmp_path / "a.png")
    assert "warning" not in reconstruct_file(tmp_path / "a.png", path)
    population = simulation.population.model_copy(update={"R_E": (20, 50)})
    assert list(_unlearnt(TRUE, population)) == ["R_E is outside what the network has learnt, 20 to 50"]


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
    framed, doubts = as_simulated(tmp_path / "whole.png", simulation)
    np.testing.assert_array_equal(framed, finished(simulation)[0])
    assert not doubts
    flux = 1e-3 * finished(whole)[0][::-1].astype(np.float32) + 7
    fits.PrimaryHDU(flux).writeto(tmp_path / "sky.fits")
    real, doubts = as_simulated(tmp_path / "sky.fits", whole)
    np.testing.assert_allclose(real.astype(int), finished(whole)[0], atol=1)
    assert len(doubts) == 1 and "the sky, 7, became 0 and the brightest pixel 255" in doubts[0]
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

"""The CosmoSim engine: its populations, its images, and the shards of both."""

import hashlib

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from sim2sky.config import CentreCrop, CosmosimSimulation, Dataset, read_simulation
from sim2sky.cosmosim import amplitude_names
from sim2sky.lensing import cosmosim as engine
from sim2sky.lensing.scene import Optics
from sim2sky.observe.centre import centre_crop_shard
from sim2sky.observe.counts import keep_as_simulated
from sim2sky.observe.shard import observe_shard
from sim2sky.simulate.cosmosim_population import draw
from sim2sky.simulate.shard import simulate_shard
from sim2sky.store import open_shards
from tests.unit.observe.test_observe import survey

SMALL = {"engine": "cosmosim", "lenses": 40, "image_pixels": 200, "terms": 12, "mask": True, "lens": "sis"}
NEAR = {"R_E": [5, 12], "r": [26, 50]}
CROP = {"centre": "subpixel", "pixels": 90}


def simulation(**more):
    return read_simulation(SMALL | {"population": NEAR} | more)


def simulate(folder, shard_size=None, **more):
    made = simulation(**({"shard_size": shard_size} if shard_size else {}), **more)
    paths = [folder / f"{shard}.zarr.zip" for shard in made.shards]
    for shard, path in zip(made.shards, paths, strict=True):
        simulate_shard(made, shard, path, {"code": "f"}, device="cpu")
    return paths


def sums(paths):
    shards = open_shards(paths)
    return {name: hashlib.sha256(shards.read(name).tobytes()).hexdigest() for name in shards}


def drawn(count=4000, **more):
    return {name: variable.data for name, variable in draw(simulation(**more), range(count)).items()}


def test_thesis_generator():
    p = drawn(population={})
    bound = np.floor(0.4 - 0.05 * p["R_E"] + 0.282 * p["r"])
    for name, low, high in (("R_E", 5, 50), ("r", 26, 200), ("phi", 0, 359), ("theta", 0, 179)):
        assert (p[name] % 1 == 0).all() and (p[name].min(), p[name].max()) == (low, high), name
    for name in ("sigma", "sigma2"):
        assert (p[name] % 1 == 0).all() and (p[name] >= 5).all() and (p[name] <= bound).all()
        assert (p[name] == bound).any()
    assert (p["chi"] == 0.5).all()
    np.testing.assert_allclose(p["x"] + 1j * p["y"], p["r"] * np.exp(1j * np.deg2rad(p["phi"])))


def test_redrawn_sources_are_far_enough_away():
    """Where the bound fell below 5 the listing draws again, from 28 on: close sources all have weak lenses."""
    p = drawn(population={})
    close = p["r"] < 28
    assert close.any() and (0.4 - 0.05 * p["R_E"] + 0.282 * p["r"])[close].min() >= 5


def test_older_generator_and_continuous_one():
    p = drawn(lens="point_mass", population={"generator": "point_mass_2022"})
    assert (p["r"] >= p["R_E"]).all() and p["r"].max() == 100
    assert [(p[n].min(), p[n].max()) for n in ("sigma", "sigma2", "R_E")] == [(1, 60), (1, 40), (10, 50)]
    np.testing.assert_allclose(np.unique(p["chi"]), np.arange(30, 71) / 100)
    assert (drawn(chi=0.5, population={"generator": "point_mass_2022"})["chi"] == 0.5).all()
    p = drawn(population={"generator": "continuous"})
    bound = 0.4 - 0.05 * p["R_E"] + 0.282 * p["r"]
    assert ((p["sigma"] >= 5) & (p["sigma"] <= bound)).all() and len(np.unique(p["sigma"])) == 4000
    assert p["R_E"].min() >= 5 and p["R_E"].max() < 50 and p["theta"].max() > 179


def test_the_longer_axis_comes_first_if_it_is_asked_to():
    p, q = drawn(population={"longer_axis_first": True}), drawn(population={})
    assert (p["sigma"] >= p["sigma2"]).all() and (q["sigma"] < q["sigma2"]).mean() > 0.4
    np.testing.assert_array_equal(p["sigma"] + p["sigma2"], q["sigma"] + q["sigma2"])
    np.testing.assert_array_equal(p["theta"], q["theta"])


def test_amplitudes_are_kept_on_request():
    names = [name for name, _, _ in amplitude_names(2)]
    assert names == ["alpha_1_0", "alpha_1_2", "beta_1_2", "alpha_2_1", "beta_2_1", "alpha_2_3", "beta_2_3"]
    made = simulation(amplitudes=2)
    p = {name: variable.data for name, variable in draw(made, range(20)).items()}
    assert list(p) == list(made.parameters) and made.parameters["alpha_2_1"] == "pixel^-1"
    nu = (p["x"] + 1j * p["y"]) * (1 + p["R_E"] / p["chi"] / p["r"])
    np.testing.assert_allclose(p["alpha_1_0"], -p["R_E"] / p["chi"] / abs(nu) / 2)  # minus the convergence
    assert "orientation" in drawn(4, lens="sie") and "orientation" not in p


@pytest.mark.parametrize("more", [{}, {"mode": "raytrace", "terms": 50, "mask": False, "truncate": True, "crop": CROP}])
def test_bytes_do_not_depend_on_the_shard_size(tmp_path, more):
    whole = simulate(tmp_path / "whole", **more)
    parts = simulate(tmp_path / "parts", 7, **more)
    assert len(parts) == 6 and sums(parts) == sums(whole)


@pytest.mark.parametrize("chi", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("lens", ["point_mass", "sis"])
def test_chi_is_the_distance_of_the_lens_plane(lens, chi):
    """By the lens equation in lengths of that plane, chi times those of the source's; the engine has R_E / chi instead."""
    p = drawn(6) | {"chi": np.full(6, chi)}
    p |= {"R_E": p["R_E"] * chi / 0.5}
    images = engine.render({name: torch.from_numpy(v) for name, v in p.items()}, Optics(lens), 200).numpy()
    column, row = np.meshgrid(np.arange(200), np.arange(200))
    xi = chi * ((column - 100) + 1j * (100 - row))
    xi[100, 100] = 1e-9  # the lens itself is black
    for number, image in enumerate(images):
        one = {name: values[number] for name, values in p.items()}
        bent = xi * (one["R_E"] / np.abs(xi)) ** (2 if lens == "point_mass" else 1)
        source = ((xi - bent) / chi - one["x"] - 1j * one["y"]) * np.exp(-1j * np.deg2rad(one["theta"]))
        light = np.exp(-0.5 * ((source.real / one["sigma"]) ** 2 + (source.imag / one["sigma2"]) ** 2))
        np.testing.assert_allclose(image, 255 * light, atol=0.51)
        assert image.max() > 200


@pytest.mark.parametrize("lens", ["point_mass", "sis", "sie"])
@pytest.mark.parametrize(("mode", "mask"), [("raytrace", "none"), ("roulette", "none"), ("roulette", "convergence")])
def test_no_light_is_missed(lens, mode, mask, monkeypatch):
    """What is left dark without being computed is dark."""
    parameters = {n: torch.from_numpy(v) for n, v in drawn(30, lens=lens, population=NEAR | {"R_E": [5, 20]}).items()}
    for truncate in (False, True):
        optics = Optics(lens, mode, 9, mask, "ellipse", truncate)
        quick = engine.render(parameters, optics, 120)
        with monkeypatch.context() as patch:
            patch.setattr("sim2sky.lensing.reach._REACH", np.inf)
            assert torch.equal(engine.render(parameters, optics, 120), quick)


def test_a_long_series_is_the_exact_image():
    parameters = {name: torch.from_numpy(v) for name, v in drawn(20).items()}
    nu = 1 + parameters["R_E"] / parameters["chi"] / parameters["r"]
    exact = engine.render(parameters, Optics("sis", "raytrace"), 200).int()
    series = engine.render(parameters, Optics("sis", "roulette", 50, "convergence"), 200).int()
    line = torch.arange(200) - 100.0
    x, y = parameters["x"] * nu, parameters["y"] * nu
    away = torch.hypot(line[None, None] - x[:, None, None], -line[None, :, None] - y[:, None, None])
    inside = away < 0.8 * torch.hypot(x, y)[:, None, None]
    assert (exact - series)[inside].abs().max() <= 1 and (exact[inside] > 0).any()


@pytest.mark.parametrize("centre", ["none", "pixel", "subpixel"])
def test_rendering_only_what_is_kept_is_rendering_all_and_cropping(tmp_path, centre):
    """To the last bit: the centre of light is that of all of it, and both frame with the same functions."""
    crop = {"centre": centre, "pixels": 91}
    (full,) = simulate(tmp_path / "full")
    (kept,) = simulate(tmp_path / "kept", crop=crop, downscale=30)
    centre_crop_shard(CentreCrop(**crop, downscale=30), full, tmp_path / "staged.zarr.zip", {})
    direct, staged = open_shards([kept]), open_shards([tmp_path / "staged.zarr.zip"])
    assert set(direct) == set(staged) and direct.read("lensed_source").shape == (40, 1, 30, 30)
    for name in direct:
        np.testing.assert_array_equal(direct.read(name), staged.read(name), err_msg=name)


def test_images_without_a_survey_stay_as_they_are(tmp_path):
    (path,) = simulate(tmp_path, crop=CROP, reference_axes=True)
    keep_as_simulated(Dataset(title="clean", simulation="s"), path, tmp_path / "observed.zarr.zip", {})
    before, after = open_shards([path]), open_shards([tmp_path / "observed.zarr.zip"])
    np.testing.assert_array_equal(after.read("image"), before.read("lensed_source"))
    assert (after.read("image")[:, 0, 45] == 127).all() and after.variable("image").attrs["units"] == "count"
    assert after.read("image").dtype == np.uint8 and np.isinf(after.read("signal_to_noise")).all()
    np.testing.assert_array_equal(after.read("theta"), before.read("theta"))


def test_a_survey_sees_counts_as_a_surface_brightness(tmp_path):
    (path,) = simulate(tmp_path, crop=CROP, band="g", pixel_scale=0.263)
    dataset = Dataset(title="DES", simulation="s", survey="des", noise="none", peak_magnitude=20.0)
    observe_shard(dataset, survey("des"), path, tmp_path / "observed.zarr.zip", {})
    light, image = (
        open_shards([path]).read("lensed_source"),
        open_shards([tmp_path / "observed.zarr.zip"]).read("image"),
    )
    flux = 10 ** (-0.4 * (20.0 - 26.58)) * 0.263**2 / 255 * light.sum((1, 2, 3), dtype=float)
    np.testing.assert_allclose(image.sum((1, 2, 3)), flux, rtol=0.02)  # the frame cuts a little of the blurred light
    with pytest.raises(ValueError, match="needs a peak_magnitude"):
        without = dataset.model_copy(update={"peak_magnitude": None})
        observe_shard(without, survey("des"), path, tmp_path / "out.zarr.zip", {})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"terms": 51}, "less than or equal to 50"),
        ({"chi": 0}, "greater than 0"),
        ({"crop": {"pixels": 300}}, "cannot keep 300 of 200 pixels"),
        ({"crop": CROP, "downscale": 91}, "cannot average 90 pixels to 91"),
        ({"mode": "raytrace"}, "a raytraced image has none"),
        ({"mask": "square"}, "'circle'"),
        ({"population": {"R_E": [9, 5]}}, "low 9 is above high 5"),
        ({"population": {"R_E": [5, 9.5]}}, "draws whole numbers"),
        ({"population": {"sigma": [5, 9]}}, "below its bound"),
        ({"population": {"redraw_from": 20}}, "redraw_from: at R_E 50"),
        ({"population": {"generator": "point_mass_2022", "r": [0, 40]}}, "below that of R_E"),
    ],
)
def test_mistakes_are_named(change, words):
    with pytest.raises(ValidationError) as error:
        CosmosimSimulation.model_validate(SMALL | change)
    assert words in str(error.value)

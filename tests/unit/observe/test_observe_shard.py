"""Whole shards: what is written, that it does not depend on the sharding, and what is refused."""

from hashlib import sha256

import numpy as np
import pytest
import torch
import yaml
from astropy.io import fits

from sim2sky import store
from sim2sky.config import CentreCrop, Dataset, Survey
from sim2sky.observe.background import orient
from sim2sky.observe.centre import centre_crop_shard
from sim2sky.observe.noise import CONVENTIONS
from sim2sky.observe.psf import full_width, gaussian_blur, pixel_blur, read_psf
from sim2sky.observe.shard import observe_shard
from sim2sky.provenance import record
from tests.unit.observe.test_background import on_sky
from tests.unit.observe.test_observe import EUCLID, ROOT, SCALE, survey
from tests.unit.test_framing import blob

LENSES, PIXELS = 40, 16
DES = Dataset(title="DES", simulation="s", survey="des")
DIMS = store.IMAGE_DIMS


@pytest.fixture(scope="module")
def simulated():
    """Blobs in place of lenses, at zero point 30, in two bands."""
    random = np.random.default_rng(1)
    at = random.uniform(6, 9, (2, LENSES, 2))
    lens, source = (
        np.stack([[f * blob(PIXELS, *p) for f in flux] for p in at[k]]) for k, flux in enumerate([(90, 60), (30, 40)])
    )
    return {
        "lens_light": store.Variable(lens.astype("f4"), DIMS, "counts/s"),
        "lensed_source": store.Variable(source.astype("f4"), DIMS, "counts/s"),
        "lens": store.Variable(np.arange(LENSES)),
        "theta_E": store.Variable(random.uniform(0.5, 3, LENSES), unit="arcsec", long_name="Einstein radius"),
        "lens_light_magnitude": store.Variable(random.uniform(22, 25, LENSES), unit="mag"),
    }


def write(path, variables, start=0, stop=LENSES, bands=("g", "r"), **attributes):
    cut = {
        name: store.Variable(
            v.data[start:stop, : len(bands)] if v.dims == DIMS else v.data[start:stop], v.dims, v.unit, v.long_name
        )
        for name, v in variables.items()
    }
    attributes = {"zero_point": 30.0, "pixel_scale": SCALE, "bands": list(bands)} | attributes
    store.write_shard(path, cut, record.provenance({"lenses": LENSES}, {}, **attributes))
    return path


def run(folder, variables, dataset, conditions, start=0, stop=LENSES, bands=("g",), **options):
    source = write(folder / f"source-{start}-{stop}.zarr.zip", variables, start, stop, bands)
    path = folder / f"observed-{start}-{stop}.zarr.zip"
    observe_shard(dataset, conditions, source, path, {}, **options)
    return path


@pytest.fixture
def cube(tmp_path):
    """Twelve cutouts, each a level and noise of its own, at zero point 30."""
    path = tmp_path / "sky.fits"
    noise = np.random.default_rng(2).normal(0, 2, (12, 21, 21))
    fits.writeto(path, (noise + 0.3 * np.arange(12)[:, None, None]).astype("f4"))
    return path


@pytest.mark.parametrize("formula", [*CONVENTIONS, "none"])
def test_bytes_of_a_lens_do_not_depend_on_the_sharding(tmp_path, simulated, formula, monkeypatch):
    dataset = DES.model_copy(update={"noise": formula})
    whole = store.open_shards([run(tmp_path, simulated, dataset, survey("des"), bands=("g", "r"))])
    monkeypatch.setattr("sim2sky.observe.shard.CHUNK", 6)  # nor on how many are observed at once
    edges = [0, 1, 8, 25, 40]
    parts = store.open_shards(
        [
            run(tmp_path, simulated, dataset, survey("des"), a, b, ("g", "r"))
            for a, b in zip(edges, edges[1:], strict=False)
        ]
    )
    assert list(whole) == list(parts)
    for name in whole:
        assert whole.read(name).tobytes() == parts.read(name).tobytes(), name
    again = run(tmp_path, simulated, dataset, survey("des"), 1, 8, ("g", "r"))
    assert store.checksum([again]) == store.checksum([parts.paths[1]])


def test_sharding_on_real_sky(tmp_path, simulated, cube, monkeypatch):
    options = {"lenses": LENSES, "cutouts": cube}
    whole = store.open_shards([run(tmp_path, simulated, on_sky(), survey("des"), **options)])
    monkeypatch.setattr("sim2sky.observe.shard.CHUNK", 3)
    parts = store.open_shards(
        [run(tmp_path, simulated, on_sky(), survey("des"), a, a + 8, **options) for a in range(0, 40, 8)]
    )
    for name in whole:
        assert whole.read(name).tobytes() == parts.read(name).tobytes(), name


def test_what_is_written(tmp_path, simulated, capsys):
    shard = store.open_shards([run(tmp_path, simulated, DES, survey("des"), bands=("g", "r"))])
    attributes = shard.attributes
    assert attributes["zero_point"] == [26.58, 26.78] and attributes["bands"] == ["g", "r"]
    assert attributes["config"]["dataset"]["noise"] == "correct" and attributes["config"]["simulated"] == {
        "lenses": LENSES
    }
    image = shard.variable("image")
    assert (image.dtype, image.shape) == (np.float32, (LENSES, 2, PIXELS, PIXELS))
    assert tuple(image.metadata.dimension_names) == DIMS and image.attrs["units"] == "counts/s"
    for name in ("seeing", "sky_brightness", "num_exposures", "sigma_background", "signal_to_noise"):
        assert tuple(shard.variable(name).metadata.dimension_names) == ("lens", "band")
        assert np.isfinite(shard.read(name)).all()
    np.testing.assert_array_equal(shard.read("theta_E"), simulated["theta_E"].data)
    assert shard.variable("theta_E").attrs == {"units": "arcsec", "long_name": "Einstein radius"}
    assert "lensed_source" not in shard
    assert "lenses/s" in capsys.readouterr().out


@pytest.mark.parametrize("noise", CONVENTIONS)
def test_noise_of_an_image_is_what_the_shard_says(tmp_path, simulated, noise):
    """Residuals over the stated sigma have unit variance; the signal-to-noise ratio is that of a matched filter."""
    noisy = store.open_shards([run(tmp_path, simulated, DES.model_copy(update={"noise": noise}), survey("des"))])
    clean = store.open_shards(
        [run(tmp_path / "clean", simulated, DES.model_copy(update={"noise": "none"}), survey("des"))]
    )
    expected = 10 ** (-0.4 * 3.42) * (simulated["lens_light"].data + simulated["lensed_source"].data)[:, :1]
    blurred = gaussian_blur(torch.from_numpy(expected), noisy.read("seeing"), SCALE).numpy()
    np.testing.assert_allclose(clean.read("image"), blurred, rtol=1e-5)
    time = 90 * (noisy.read("num_exposures") if noise == "correct" else np.ones((LENSES, 1)))[..., None, None]
    sigma = np.sqrt(noisy.read("sigma_background")[..., None, None] ** 2 + clean.read("image") / time)
    pulls = (noisy.read("image") - clean.read("image")) / sigma
    assert pulls.std() == pytest.approx(1, abs=5 / np.sqrt(2 * pulls.size))
    source = 10 ** (-0.4 * 3.42) * simulated["lensed_source"].data[:, :1]
    source = gaussian_blur(torch.from_numpy(source), noisy.read("seeing"), SCALE).numpy()
    np.testing.assert_allclose(noisy.read("signal_to_noise"), np.sqrt(((source / sigma) ** 2).sum((2, 3))), rtol=1e-4)
    assert np.isinf(clean.read("signal_to_noise")).all() and not clean.read("sigma_background").any()


def test_a_zero_point_changes_the_unit_and_nothing_else(tmp_path, simulated):
    surveys = store.open_shards([run(tmp_path, simulated, DES, survey("des"))])
    own = store.open_shards(
        [run(tmp_path / "own", simulated, DES.model_copy(update={"zero_point": 30.0}), survey("des"))]
    )
    factor = 10 ** (0.4 * 3.42)
    np.testing.assert_allclose(own.read("image"), surveys.read("image") * factor, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(own.read("sigma_background"), surveys.read("sigma_background") * factor, rtol=1e-12)
    np.testing.assert_array_equal(own.read("signal_to_noise"), surveys.read("signal_to_noise"))
    assert own.attributes["zero_point"] == [30.0]


def test_real_sky_lies_beneath_the_source(tmp_path, simulated, cube):
    dataset = on_sky().model_copy(update={"noise": "none", "zero_point": 30.0})
    shard = store.open_shards([run(tmp_path, simulated, dataset, survey("des"), lenses=LENSES, cutouts=cube)])
    cutouts = fits.getdata(cube)[:, 2:18, 2:18]
    source = gaussian_blur(
        torch.from_numpy(simulated["lensed_source"].data[:, :1]), shard.read("seeing"), SCALE
    ).numpy()
    for lens, (cutout, turns) in enumerate(zip(shard.read("cutout"), shard.read("cutout_orientation"), strict=True)):
        np.testing.assert_allclose(
            shard.read("image")[lens, 0], orient(cutouts[cutout], turns) + source[lens, 0], rtol=1e-4, atol=1e-3
        )
    np.testing.assert_allclose(shard.read("sigma_background"), 2, rtol=0.2)
    about = shard.attributes["config"]["cutouts"]
    assert about["sha256"] == sha256(cube.read_bytes()).hexdigest() and about["cutouts"] == 12
    assert np.isfinite(shard.read("signal_to_noise")).all()
    assert np.isnan(shard.read("sky_brightness")).all() and "lens_light_magnitude" not in shard


def test_cutouts_stay_as_they_are_where_the_configuration_says_so(tmp_path, simulated, cube):
    dataset = on_sky(augment=False).model_copy(update={"noise": "none"})
    shard = store.open_shards([run(tmp_path, simulated, dataset, survey("des"), lenses=LENSES, cutouts=cube)])
    assert not shard.read("cutout_orientation").any()


def test_on_real_sky_only_the_source_is_noisy(tmp_path, simulated, cube):
    """The noise added is the source's own, in electrons at the survey's zero point, and less than the sky's."""
    shards = {}
    for noise in ("none", *CONVENTIONS):
        dataset = on_sky().model_copy(update={"noise": noise})
        shards[noise] = store.open_shards(
            [run(tmp_path / noise, simulated, dataset, survey("des"), lenses=LENSES, cutouts=cube)]
        )
    source = 10 ** (-0.4 * 3.42) * simulated["lensed_source"].data[:, :1]
    source = gaussian_blur(torch.from_numpy(source), shards["none"].read("seeing"), SCALE).numpy()
    bright, number = source > 0.05, shards["correct"].read("num_exposures")
    assert np.unique(number).size > 1, "drawn from the survey"
    for noise in CONVENTIONS:
        added = shards[noise].read("image") - shards["none"].read("image")
        time = 90 * (number if noise == "correct" else np.ones_like(number))[..., None, None]
        pulls = (added / np.sqrt(source / time))[bright]
        assert pulls.std() == pytest.approx(1, abs=5 / np.sqrt(2 * pulls.size)), noise
        total = np.sqrt(shards[noise].read("sigma_background")[..., None, None] ** 2 + source / time)
        ratio = np.sqrt(((source / total) ** 2).sum((2, 3)))
        np.testing.assert_allclose(shards[noise].read("signal_to_noise"), ratio, rtol=1e-4)
    for noise in {"none", *CONVENTIONS} - {"correct"}:
        assert np.isnan(shards[noise].read("num_exposures")).all(), "a number that was not used is not known"
    np.testing.assert_allclose(shards["none"].read("sigma_background"), 2 * 10 ** (-0.4 * 3.42), rtol=0.2)


@pytest.mark.parametrize("kept", [16, 12, 11])
@pytest.mark.parametrize(("mode", "tolerance"), [("none", None), ("pixel", 0.5), ("subpixel", 0.02)])
def test_centred_shard(tmp_path, simulated, kept, mode, tolerance):
    source, path = write(tmp_path / "source.zarr.zip", simulated), tmp_path / "centred.zarr.zip"
    centre_crop_shard(CentreCrop(centre=mode, pixels=kept), source, path, {})
    before, after = store.open_shards([source]), store.open_shards([path])
    assert set(after) == set(before) | {"shift_x", "shift_y"}
    assert after.read("lensed_source").shape == (LENSES, 2, kept, kept)
    assert after.attributes["zero_point"] == 30.0 and after.attributes["pixel_scale"] == SCALE
    assert after.attributes["config"]["centre_crop"] == {"centre": mode, "pixels": kept}
    if mode == "none":
        assert (after.read("shift_x") == (PIXELS - kept) % 2 / 2).all()
        return
    # A narrow source tells where it was moved to; the light of both components together is in the middle.
    light = {name: [before.read(name).sum((0, 1)), after.read(name)] for name in ("lens_light", "lensed_source")}
    together = sum(images for _, images in light.values()).sum(1)
    centre = np.einsum("nyx,y->n", together, np.arange(kept)) / together.sum((1, 2))
    np.testing.assert_allclose(centre, (kept - 1) / 2, atol=tolerance + 0.02)  # the frames cut the blobs' skirts


def test_shift_says_where_a_position_went(tmp_path):
    """Position x of the simulated frame is at x + shift of the new one, cut by an odd number of pixels or not."""
    one = {
        name: store.Variable(blob(31, 17.3, 12.8)[None, None], DIMS, "counts/s")
        for name in ("lens_light", "lensed_source")
    }
    for kept in (21, 20):
        source = write(tmp_path / "source.zarr.zip", one, bands=("g",))
        centre_crop_shard(CentreCrop(centre="pixel", pixels=kept), source, tmp_path / "centred.zarr.zip", {})
        shard = store.open_shards([tmp_path / "centred.zarr.zip"])
        image = shard.read("lens_light")[0, 0]
        y, x = (np.average(np.arange(kept) - (kept - 1) / 2, weights=image.sum(axis)) for axis in (1, 0))
        assert y == pytest.approx(17.3 - 15 + shard.read("shift_y")[0], abs=0.02)
        assert x == pytest.approx(12.8 - 15 + shard.read("shift_x")[0], abs=0.02)


def test_centred_shard_can_be_observed(tmp_path, simulated):
    source, centred = write(tmp_path / "source.zarr.zip", simulated), tmp_path / "centred.zarr.zip"
    centre_crop_shard(CentreCrop(pixels=12), source, centred, {})
    observe_shard(DES, survey("des"), centred, tmp_path / "observed.zarr.zip", {})
    shard = store.open_shards([tmp_path / "observed.zarr.zip"])
    assert shard.read("image").shape == (LENSES, 2, 12, 12) and "shift_x" in shard
    assert "centre_crop" in shard.attributes["config"]["simulated"]


def test_what_does_not_fit_is_refused(tmp_path, simulated, cube):
    path, des = tmp_path / "out.zarr.zip", survey("des")
    coarse = write(tmp_path / "coarse.zarr.zip", simulated, pixel_scale=0.4)
    with pytest.raises(ValueError, match="coarse.*0.4 arcsec/pixel.*0.263"):
        observe_shard(DES, des, coarse, path, {})
    two = write(tmp_path / "two.zarr.zip", simulated)
    only_g = des.model_copy(update={"bands": {"g": des.bands["g"]}})
    with pytest.raises(ValueError, match="two.*band 'r' is not in survey"):
        observe_shard(DES, only_g, two, path, {})
    with pytest.raises(ValueError, match="cutouts have one band, the images 2"):
        observe_shard(on_sky(), des, two, path, {}, lenses=LENSES, cutouts=cube)
    one = write(tmp_path / "one.zarr.zip", simulated, bands=("g",))
    with pytest.raises(ValueError, match="needs its cutouts and the number of lenses"):
        observe_shard(on_sky(), des, one, path, {})
    other = on_sky()
    other = other.model_copy(update={"background": other.background.model_copy(update={"pixel_scale": 0.2})})
    with pytest.raises(ValueError, match="cutouts of 0.2 arcsec/pixel"):
        observe_shard(other, des, one, path, {}, lenses=LENSES, cutouts=cube)
    fits.writeto(tmp_path / "few.fits", fits.getdata(cube)[:3])
    with pytest.raises(ValueError, match=r"few\.fits: .*holds 3 planes"):
        observe_shard(on_sky(), des, one, path, {}, lenses=LENSES, cutouts=tmp_path / "few.fits")
    with pytest.raises(ValueError, match="one.*cannot keep 17 of 16 pixels"):
        centre_crop_shard(CentreCrop(pixels=17), one, path, {})
    assert not path.exists()


def test_noise_free_survey_is_the_same_in_all_bands():
    clean = survey("noise_free")
    assert set(clean.bands) == set(survey("des").bands) == set("grizY")
    assert len({band.model_dump_json() for band in clean.bands.values()}) == 1
    g = clean.bands["g"]
    constants = [h.values for h in (g.seeing, g.sky_brightness, g.num_exposures)]
    assert (g.zero_point, constants) == (30, [[0.9], [23.5], [10]])


def test_every_survey_that_ships_is_valid_and_cites_its_source():
    for path in (ROOT / "resources/surveys").glob("*.yaml"):
        checked = Survey.model_validate(yaml.safe_load(path.read_text()))
        assert "arXiv" in checked.source, path


def test_a_survey_with_stamps_blurs_with_the_one_that_is_drawn(simulated, tmp_path):
    euclid = survey("euclid_vis")
    source = write(tmp_path / "source.zarr.zip", simulated, bands=("VIS",), pixel_scale=0.1)
    dataset, psf = Dataset(title="Euclid", simulation="s", survey="euclid_vis", noise="none", zero_point=24.6), EUCLID
    observe_shard(dataset, euclid, source, tmp_path / "observed.zarr.zip", {}, psf=[psf])
    seen, stamps = store.open_shards([tmp_path / "observed.zarr.zip"]), read_psf(psf, 0.1)
    drawn = seen.read("psf")[:, 0]
    assert set(drawn) == {0, 1, 2}
    light = sum(simulated[name].data[:, 0].astype(float) for name in ("lens_light", "lensed_source"))
    expected = pixel_blur(light, stamps[drawn]) * 10 ** (-0.4 * (30 - 24.6))
    np.testing.assert_allclose(seen.read("image")[:, 0], expected, rtol=1e-5)
    np.testing.assert_allclose(seen.read("seeing")[:, 0], np.array([full_width(one, 0.1) for one in stamps])[drawn])
    assert seen.attributes["config"]["psf"] == {"euclid_vis_q1": sha256(psf.read_bytes()).hexdigest()}

"""What is sky in a FITS file, and what only has the rank of it."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from sim2sky.config import Background
from sim2sky.observe.cutouts import read_cutouts
from sim2sky.observe.judge import sky_scatter
from sim2sky.observe.noise import flux_ratio

ROOT = Path(__file__).parents[3]
REAL = Path(os.environ.get("SIM2SKY_CUTOUTS", ROOT.parent / "shared/data/des_cutouts_g.fits"))
COUNT, SIDE, USED = 30, 41, 24


def sky(count=COUNT, side=SIDE, sigma=3.0, seed=8):
    """Noise with a galaxy in the middle of each cutout."""
    random = np.random.default_rng(seed)
    radius = np.hypot(*(np.mgrid[:side, :side] - side // 2))
    galaxies = 20 * sigma * np.exp(-radius / 3) * random.uniform(0.2, 1, (count, 1, 1))
    return (random.normal(0, sigma, (count, side, side)) + galaxies).astype(np.float32)


def changed(cutouts, place, value, count=COUNT):
    """The first `count` cutouts with other pixels at `place`."""
    cutouts = cutouts.copy()
    cutouts[(slice(0, count), *place)] = value
    return cutouts


def read(path, band="g", **more):
    about = {"cutouts": "sky", "zero_point": 30, "pixel_scale": 0.263} | more
    return read_cutouts(path, Background(**about), USED, band)


@pytest.fixture
def write(tmp_path):
    def write(*data, names=None, header=None):
        path = tmp_path / "sky.fits"
        first = [] if len(data) == 1 else [fits.PrimaryHDU()]
        kinds = [fits.PrimaryHDU] if len(data) == 1 else [fits.ImageHDU] * len(data)
        units = [kind(item) for kind, item in zip(kinds, data, strict=True)]
        for unit, name in zip(units, names or [], strict=False):
            unit.name = name
        for key, value in (header or {}).items():
            units[0].header[key] = value
        fits.HDUList([*first, *units]).writeto(path)
        return path

    return write


MIDDLE, LEFT, CORNER = (slice(18, 22), slice(17, 24)), (slice(None), slice(0, 20)), (slice(0, 5), slice(0, 5))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.ones((5, 5)), "2 axes.*3 axes"),
        (sky(side=20), "20 x 20 pixels, less than the 24 x 24"),
        (sky()[:, :, :23], "41 x 23 pixels, less than"),
        (sky(3), "3 planes.*bands of one image.*10 cutouts"),
        (sky(5), "5 planes.*bands of one image"),
        (np.moveaxis(sky(), 0, 2), r"look like \(y, x, cutout\)"),
        (np.moveaxis(sky(SIDE), 0, 2), r"look like \(y, x, cutout\)"),
        (np.moveaxis(sky(), 0, 1), r"look like \(y, x, cutout\)"),
        (sky() + 5000, "30 of 30.*subtract the sky"),
        (sky() - 20, "30 of 30.*subtract the sky"),
        (np.rint(sky() * 10 + 1000).astype(np.uint16), "30 of 30.*subtract the sky"),
        (np.abs(sky()) * 0.001 + 0.1, "subtract the sky"),  # weights
        ((sky() > 40).astype(np.int16), "cannot be used"),  # a mask
        (np.ones((COUNT, 30, 30)), "30 of 30.*is constant"),
        (np.full((COUNT, 30, 30), np.nan), "30 of 30.*have no data"),
        (np.repeat(sky(15), 2, axis=0), "15 of 30.*shares 1 of its pixels with cutout 0"),
    ],
)
def test_what_is_no_cube_of_sky_is_refused_by_name(write, data, message):
    with pytest.raises(ValueError, match=rf"sky\.fits: .*{message}"):
        read(write(data))


@pytest.mark.parametrize("value", [0, -9999, -99, 1e16, 1e30, -1e20, 7.25, np.nan, np.inf])
@pytest.mark.parametrize("place", [MIDDLE, LEFT])
def test_pixels_without_data_are_no_sky(write, value, place):
    with pytest.raises(
        ValueError, match=r"sky\.fits: .*4 of 30 cutouts.*cutout 0: 0\.\d+ of the pixels .* have no data"
    ):
        read(write(changed(sky(), place, value, count=4)))


@pytest.mark.parametrize("value", [0, -9999, 1e16, np.nan])
def test_few_bad_cutouts_are_left_out_with_the_reason(write, value):
    found = read(write(changed(sky(), MIDDLE, value, count=3)))
    assert list(found.index) == list(range(3, COUNT)) and len(found.pixels) == COUNT - 3
    assert list(found.about["left_out"]) == ["0", "1", "2"]
    assert all("no data" in reason for reason in found.about["left_out"].values())


@pytest.mark.parametrize("value", [0, -9999, np.nan])
def test_what_is_missing_outside_of_the_middle_does_not_matter(write, value):
    good, damaged = sky(), changed(sky(), CORNER, value)
    found = read(write(damaged))
    assert len(found.index) == COUNT
    np.testing.assert_allclose(sky_scatter(found.pixels), sky_scatter(good), rtol=0.05)


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.3])
def test_single_pixels_without_data_are_found(write, fraction):
    cutouts = sky()
    cutouts[:4][np.random.default_rng(3).random((4, SIDE, SIDE)) < fraction] = 0
    with pytest.raises(ValueError, match="4 of 30 cutouts.* have no data: pixels are 0"):
        read(write(cutouts))


@pytest.mark.parametrize("scatters", [-0.5, -1, -2])
def test_sky_that_was_cut_off_below_is_no_sky(write, scatters):
    cutouts = sky(side=81)
    cutouts[:, 40:, 40:] = sky()
    cutouts[:4] = np.clip(cutouts[:4], scatters * 3.0, None)
    with pytest.raises(ValueError, match=f"4 of 30 cutouts.* have no data: pixels are {scatters * 3.0:g}"):
        read(write(cutouts))


@pytest.mark.parametrize("value", [-9999.0, -99.0, 1e30])
def test_a_single_sentinel_is_found(write, value):
    found = read(write(changed(sky(sigma=50), (20, 20), value, count=1)))
    assert found.about["left_out"].keys() == {"0"}


def test_blank_is_a_number_of_the_file_and_not_of_the_scaled_pixels(tmp_path):
    unit = fits.PrimaryHDU(np.rint(sky() * 10 - 50).astype(np.int16))
    unit.header["BLANK"], unit.header["BSCALE"], unit.header["BZERO"] = 0, 0.1, 5.0
    unit.data[unit.data == 0] = 1
    unit.writeto(tmp_path / "sky.fits", output_verify="silentfix")
    assert not read(tmp_path / "sky.fits").about["left_out"]


@pytest.mark.parametrize("scale", [None, 0.1])
def test_blank_pixels_of_integers_have_no_data(tmp_path, scale):
    data = np.rint(sky() * 10).astype(np.int16)
    data[4, 20, 20] = -32768
    unit = fits.PrimaryHDU(data)
    unit.header["BLANK"] = -32768
    if scale:
        unit.header["BSCALE"], unit.header["BZERO"] = scale, 0.0
    unit.writeto(tmp_path / "sky.fits", output_verify="silentfix")
    assert read(tmp_path / "sky.fits").about["left_out"].keys() == {"4"}


def turned(cutout):
    return np.rot90(cutout).T


def shifted(cutout):
    return np.roll(cutout, 9, axis=1)


@pytest.mark.parametrize("copy", [np.copy, turned, shifted])
def test_sky_that_comes_twice_is_left_out(write, copy):
    cutouts = sky()
    cutouts[17] = copy(cutouts[3])
    left_out = read(write(cutouts)).about["left_out"]
    assert left_out.keys() == {"17"} and "cutout 3" in left_out["17"]


@pytest.mark.parametrize("steps", [300, 1000, 3000, 10000])
def test_fine_steps_are_no_sky_that_comes_twice(write, steps):
    """Numbers that are nearly all different within a cutout still meet by chance in another one."""
    found = read(write(np.rint(sky(sigma=steps)).astype(np.int32)))
    assert not found.about["left_out"]


def test_half_precision_is_no_sky_that_comes_twice(write):
    assert not read(write(sky().astype(np.float16).astype(np.float32))).about["left_out"]


@pytest.mark.parametrize("copy", [np.copy, turned])
def test_integers_that_come_twice_are_left_out(write, copy):
    cutouts = np.rint(sky(sigma=8)).astype(np.int16)
    cutouts[17] = copy(cutouts[3])
    assert read(write(cutouts)).about["left_out"] == {"17": "is cutout 3 once more"}


def test_one_cutout_of_another_unit_is_left_out(write):
    cutouts = sky()
    cutouts[5] *= 1000
    assert "times that of the others" in read(write(cutouts)).about["left_out"]["5"]


def test_a_cosmic_ray_is_noted_and_a_star_is_not(write):
    cutouts = sky()
    cutouts[2, 20, 12] = 3e5
    radius = np.hypot(*(np.mgrid[:SIDE, :SIDE] - 14))
    cutouts[6] += (2e4 * np.exp(-np.square(radius / 1.8) / 2)).astype(np.float32)
    about = read(write(cutouts)).about
    assert not about["left_out"] and len(about["notes"]) == 1 and about["notes"][0].endswith("in cutouts 2")


def gzipped(data, path):
    fits.PrimaryHDU(data).writeto(path.with_suffix(""))
    path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))


def packed(data, path, **options):
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(data, name="SCI", **options)]).writeto(path)


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("sky.fits", lambda data, path: fits.writeto(path, data.astype(np.float64))),
        ("sky.fits", lambda data, path: fits.writeto(path, data[:, None])),
        ("sky.fits", lambda data, path: fits.writeto(path, data[None])),
        ("sky.fits", lambda data, path: fits.writeto(path, np.rint(data * 2).astype(np.int16))),
        ("sky.fits.gz", gzipped),
        ("sky.fits.fz", packed),
        ("sky.fits.fz", lambda data, path: packed(data, path, quantize_level=2)),
        ("sky.fits.fz", lambda data, path: packed(data, path, quantize_method=2, dither_seed=1)),
    ],
)
def test_ways_to_store_a_cube_of_sky(tmp_path, name, save):
    save(sky(), tmp_path / name)
    found = read(tmp_path / name)
    assert len(found.index) == COUNT and not found.about["left_out"]


def test_sky_is_found_among_masks_and_weights(write):
    cutouts, mask = sky(), (sky() > 50).astype(np.int16)
    weights = np.full_like(cutouts, 1 / 9)
    weights[8, 20, 20] = 0
    mask[9, 15:25] = 4
    found = read(write(mask, weights, cutouts, names=["MSK", "WGT", "SCI"]))
    assert found.about["hdu"] == "3 SCI"
    assert found.about["left_out"].keys() == {"8", "9"} and "mask" in found.about["left_out"]["9"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["", ""], r"2 cubes, HDUs 1, 2; say which one is the sky by `background\.hdu`"),
        (["VIS_FLUX", "NIR_Y_FLUX"], "2 cubes"),
        (["MSK", "IVAR"], "masks, weights"),
    ],
)
def test_two_cubes_are_not_guessed_at(write, names, message):
    path = write(sky(), sky(seed=9), names=names)
    with pytest.raises(ValueError, match=message):
        read(path)
    with pytest.raises(ValueError, match="hdu 'SCI' is not one of its images: 1"):
        read(path, hdu="SCI")


@pytest.mark.parametrize("hdu", [2, "2", "NIR_Y_FLUX"])
def test_the_study_may_say_which_cube_it_is(write, hdu):
    assert read(write(sky(), sky(seed=9), names=["VIS_FLUX", "NIR_Y_FLUX"]), hdu=hdu).about["hdu"] == "2 NIR_Y_FLUX"


@pytest.mark.parametrize(("key", "value"), [("MAGZERO", 22.5), ("FILTER", "r"), ("PIXSCALE", 0.2), ("BUNIT", "mag")])
def test_a_primary_header_without_pixels_speaks_for_the_image(tmp_path, key, value):
    """As those of Hubble and of DES, which have the filter there."""
    first, image = fits.PrimaryHDU(), fits.ImageHDU(sky(), name="SCI")
    first.header[key] = value
    fits.HDUList([first, image]).writeto(tmp_path / "sky.fits")
    with pytest.raises(ValueError, match="1 SCI.*(zero point|FILTER|arcsec|magnitudes)"):
        read(tmp_path / "sky.fits")


def test_the_header_of_the_image_counts_before_the_primary_one(tmp_path):
    first, image = fits.PrimaryHDU(), fits.ImageHDU(sky(), name="SCI")
    first.header["FILTER"], image.header["FILTER"] = "r", "g"
    fits.HDUList([first, image]).writeto(tmp_path / "sky.fits")
    assert read(tmp_path / "sky.fits").about["filter"] == "FILTER g"


def test_one_image_per_hdu_is_refused(write):
    with pytest.raises(ValueError, match=r"30 images with 2 axes; stack"):
        read(write(*sky()))


@pytest.mark.parametrize("header", [{"BANDS": "ugrizYJHKs7" + "x" * 19}, {"CTYPE3": "WAVE"}])
def test_planes_of_other_kinds_are_refused(write, header):
    with pytest.raises(ValueError, match="its planes are no cutouts of one band"):
        read(write(sky(), header=header))


@pytest.mark.filterwarnings("ignore:File may have been truncated")
@pytest.mark.parametrize("content", [None, b"text", "truncated"])
def test_unreadable_files_are_refused_by_name(tmp_path, content):
    path = tmp_path / "sky.fits"
    if content == "truncated":
        fits.writeto(path, sky())
        content = path.read_bytes()[:8000]
    if content:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"sky\.fits: (no such file|not a readable FITS file)"):
        read(path)


def test_sky_scatter_hardly_sees_the_galaxy():
    noise = np.random.default_rng(6).normal(0.3, [[[2.0]], [[5.0]]], (2, 91, 91))
    galaxy = 500 * np.exp(-(np.square(np.mgrid[:91, :91] - 45).sum(0)) / (2 * 3**2))
    np.testing.assert_allclose(sky_scatter(noise + galaxy), [2, 5], rtol=0.08)


@pytest.mark.skipif(not REAL.is_file(), reason="no DES g-band cutouts: SIM2SKY_CUTOUTS is not set")
def test_real_sky_is_taken_and_has_the_correct_formulas_noise():
    """The survey's own pixels: 2.86 counts at zero point 30, 0.123 at 26.58, against 0.127 of the formula."""
    found = read(REAL)
    assert not found.about["left_out"] and not found.about["notes"]
    scatter = np.median(sky_scatter(found.pixels))
    assert scatter == pytest.approx(2.86, abs=0.005)
    assert scatter * flux_ratio(30, 26.58) == pytest.approx(0.1227, abs=2e-4)

"""One image in the frame of a network: what is believed of it, what is cut out of it, what is made up."""

import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from sim2sky.observe.ingest import INGEST_FLAGS

from .files import CARDS, CD, SCALE, SIDE, TAN, ZERO_POINT, frame, header, pixels, read, sky, write

WITHOUT_ZERO_POINT = {key: value for key, value in CARDS.items() if key != "MAGZERO"}
MIDDLE = slice(5, 45)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.fits"


def said(path, into=None, **more):
    """The reason why an image cannot be measured."""
    found = read(path, into, **more)
    assert found.pixels is None
    assert set(found.flags) == set(INGEST_FLAGS)
    return found.reason


def flags(found):
    assert found.reason is None, found.reason
    return {name for name, value in found.flags.items() if value}


# ---- zero point and unit


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("cards", "zero_point"),
    [
        ({"MAGZERO": 24.6}, 24.6),
        ({"MAGZPT": 25.0}, 25.0),
        ({"FLUXMAG0": 63095734448.0194}, 27.0),
        ({"BUNIT": "nanomaggy"}, 22.5),
        ({"BUNIT": "nanomaggies"}, 22.5),
        ({"BUNIT": "nJy"}, 31.4),
        ({"BUNIT": "uJy"}, 23.9),
        ({"PHOTFLAM": 1.9276e-20, "PHOTPLAM": 15369.0, "BUNIT": "ELECTRONS/S"}, 25.946),
        ({"FPA.TELESCOPE": "PS1", "FPA.ZP": 25.0, "EXPTIME": 100.0}, 30.0),
        ({"MAGZERO": 0.0, "BUNIT": "nJy"}, 31.4),  # zero is written where it is not known
        ({"INSTRUME": "MegaPrime", "SOFTNAME": "SWarp", "PHOT_C": 25.98}, 30.0),
        ({"SURVEY": "DECaLS", "VERSION": "DR9-south"}, 22.5),
    ],
)
def test_the_zero_point_of_the_header_gives_the_flux(path, cards, zero_point):
    write(path, sky(), WITHOUT_ZERO_POINT | cards)
    found = read(path, frame(zero_point=30.0))
    assert found.about["zero_point"] == [pytest.approx(zero_point, abs=0.002)]
    np.testing.assert_allclose(found.pixels[0], sky()[MIDDLE, MIDDLE] * 10 ** (0.4 * (30 - zero_point)), rtol=0.002)
    json.dumps(found.about)


def test_a_star_has_the_same_magnitude_before_and_after(path):
    star = np.zeros((SIDE, SIDE), np.float32)
    star[24, 24] = 1000.0
    write(path, star, CARDS)
    magnitude = ZERO_POINT - 2.5 * np.log10(1000)
    flux = pixels(path, frame(zero_point=24.6)).sum()
    assert 24.6 - 2.5 * np.log10(flux) == pytest.approx(magnitude, abs=1e-6)


def test_asinh_scaled_stacks_are_made_linear(path):
    flux, softening, offset = sky().astype(float), 3.0, 0.5
    asinh = 2.5 / np.log(10) * np.arcsinh((flux - offset) / (2 * softening))
    cards = {"FPA.TELESCOPE": "PS1", "FPA.ZP": 25.0, "EXPTIME": 10.0, "BSOFTEN": softening, "BOFFSET": offset}
    write(path, asinh, WITHOUT_ZERO_POINT | cards)
    np.testing.assert_allclose(pixels(path, frame(zero_point=27.5))[0], flux[MIDDLE, MIDDLE], rtol=1e-5, atol=1e-5)


def test_pixels_in_maggies_have_a_zero_point_of_zero(path):
    cards = WITHOUT_ZERO_POINT | {"INSTRUME": "OMEGACAM", "ZEROPNT": 0.0}
    write(path, sky() * 1e-12, cards)
    np.testing.assert_allclose(pixels(path, frame(zero_point=30.0))[0], sky()[MIDDLE, MIDDLE], rtol=1e-5)
    write(path, sky(), cards)
    assert "does not say the zero point" in said(path)
    np.testing.assert_array_equal(pixels(path, zero_point=ZERO_POINT)[0], sky()[MIDDLE, MIDDLE])


def test_a_zero_point_that_is_given_is_believed_and_flagged_where_the_header_has_none(path):
    write(path, sky(), WITHOUT_ZERO_POINT)
    assert flags(read(path, zero_point=27.0)) == {"zero_point_unchecked"}
    write(path, sky(), CARDS)
    assert flags(read(path, zero_point=27.0)) == set()


@pytest.mark.parametrize(
    ("cards", "given", "message"),
    [
        (CARDS, {"zero_point": 30.0}, "27.00 by MAGZERO, but zero_point 30 is given"),
        (CARDS, {"pixel_scale": 0.263}, "0.2 arcsec, but pixel_scale 0.263 is given"),
        (CARDS | {"BUNIT": "nJy"}, {}, "several zero points, 27.00 by MAGZERO, 31.40 by BUNIT"),
        (WITHOUT_ZERO_POINT, {}, "does not say the zero point; give `zero_point`"),
        (WITHOUT_ZERO_POINT | {"MAGZERO": 0.0}, {}, "does not say the zero point"),
        (WITHOUT_ZERO_POINT | {"BUNIT": "mag"}, {}, "magnitudes, not fluxes"),
        ({"MAGZERO": 27.0}, {}, "does not say the size of its pixels; give `pixel_scale`"),
        (TAN | {"MAGZERO": 27.0}, {}, "does not say the size"),
        (CARDS | {"FILTER": "r"}, {}, "no image of band 'g': FILTER is 'r'"),
        (CARDS | {"FILTER": "F814W"}, {}, "no image of band 'g'"),
        (CARDS | {"FILTER": "r"}, {"hdu": 0}, "FILTER is 'r', the network has band 'g'"),
        (CARDS, {"survey": "pan_starrs"}, "no FPA.ZP and EXPTIME"),
    ],
)
def test_what_contradicts_or_is_not_said_is_no_image(path, cards, given, message):
    write(path, sky(), cards)
    assert message in said(path, **given)


# ---- which image


def test_the_image_of_the_band_among_several_is_found_by_every_card(path):
    for key in ("FILTER", "BAND", "EXTNAME", "IMAGETYP"):
        cards = {key: value for key, value in CARDS.items() if key != "FILTER"}
        images = [(f"{band}_FLUX" if key == "EXTNAME" else "", sky(seed=at), cards | ({} if key == "EXTNAME" else {key: band}))
                  for at, band in enumerate("griz")]  # fmt: skip
        write(path, None, {}, *images)
        np.testing.assert_array_equal(pixels(path, frame(bands=("i",)))[0], sky(seed=2)[MIDDLE, MIDDLE])
        many = pixels(path, frame(bands=("z", "g")))
        np.testing.assert_array_equal(many, [sky(seed=at)[MIDDLE, MIDDLE] for at in (3, 0)])


def test_the_image_is_named_where_headers_do_not_tell(path):
    cards = {key: value for key, value in CARDS.items() if key != "FILTER"}
    write(path, None, {}, ("A", sky(seed=0), cards), ("B", sky(seed=1), cards))
    assert "2 images that could be band 'g': HDUs 1 A, 2 B; say which by `hdu`" in said(path)
    for hdu in ("B", "b", 2, "2"):
        np.testing.assert_array_equal(pixels(path, hdu=hdu)[0], sky(seed=1)[MIDDLE, MIDDLE])
    assert "hdu 'C' is none of its images: 1 A, 2 B" in said(path, hdu="C")
    write(path, None, {}, ("SCI_G", sky(seed=0), cards), ("SCI_R", sky(seed=1), cards))
    np.testing.assert_array_equal(pixels(path, frame(bands=("r",)), hdu="SCI_{band}")[0], sky(seed=1)[MIDDLE, MIDDLE])


def test_bands_in_files_of_their_own(tmp_path):
    for at, band in enumerate("gr"):
        write(tmp_path / f"x_{band}.fits", sky(seed=at), CARDS | {"FILTER": band})
    found = pixels(tmp_path / "x_{band}.fits", frame(bands=("r", "g")))
    np.testing.assert_array_equal(found, [sky(seed=at)[MIDDLE, MIDDLE] for at in (1, 0)])


def test_planes_of_a_cube_are_bands_or_lenses(path):
    cube = np.stack([sky(seed=at) for at in range(3)])
    write(path, cube, CARDS | {"BANDS": "grz", "FILTER": "grz"})
    np.testing.assert_array_equal(pixels(path, frame(bands=("z",)))[0], cube[2][MIDDLE, MIDDLE])
    assert "its planes are g, r, z" in said(path, frame(bands=("i",)))
    write(path, cube, CARDS)
    np.testing.assert_array_equal(pixels(path, plane=1)[0], cube[1][MIDDLE, MIDDLE])
    assert "cube of 3 planes" in said(path)
    assert "no plane 3" in said(path, plane=3)


def test_noise_weights_and_psf_lie_beside_the_image(path):
    rms = np.full((SIDE, SIDE), 0.5, np.float32)
    psf = np.full((5, 5), 2.0, np.float32)
    for name, noise in (("RMS", rms), ("VAR", rms**2), ("IVAR", rms**-2)):
        write(path, None, {}, ("SCI", sky(), CARDS), (name, noise, {}), ("PSF", psf, {}))
        found = read(path, frame(zero_point=ZERO_POINT + 2.5))
        np.testing.assert_allclose(found.sigma, 5.0, rtol=1e-6)
        np.testing.assert_allclose(found.psf[0], 1 / 25)
    write(path, sky())
    assert read(path).sigma is None
    assert read(path).psf is None


def test_each_band_has_its_own_noise(path):
    rms = np.ones((SIDE, SIDE), np.float32)
    images = [(f"{band}_{kind}", sky() if kind == "SCI" else rms * at, CARDS | {"FILTER": band})
              for at, band in enumerate("gr", 1) for kind in ("SCI", "RMS")]  # fmt: skip
    write(path, None, {}, *images)
    assert read(path, frame(bands=("r", "g"))).sigma[:, 0, 0].tolist() == [2.0, 1.0]


def test_masks_of_the_lsst_pipelines_mark_light_as_well(path):
    mask = np.full((SIDE, SIDE), 1 << 5, np.int32)  # DETECTED everywhere
    mask[20, 20] |= 1 << 8
    cards = CARDS | {"MP_BAD": 0, "MP_DETECTED": 5, "MP_NO_DATA": 8}
    write(path, None, {}, ("IMAGE", sky(), CARDS), ("MASK", mask, cards))
    found = read(path)
    assert flags(found) == {"bad_pixels"}
    changed = found.pixels[0] != sky()[MIDDLE, MIDDLE]
    assert np.argwhere(changed).tolist() == [[15, 15]]


# ---- the frame


@pytest.mark.parametrize(("side", "kept"), [(50, 40), (49, 40), (50, 41), (41, 41), (40, 40)])
def test_the_middle_of_a_larger_image_is_kept(path, side, kept):
    data = np.arange(side * side, dtype=np.float32).reshape(side, side) + 1
    write(path, data)
    first = (side - kept) // 2
    np.testing.assert_array_equal(pixels(path, frame(kept))[0], data[first : first + kept, first : first + kept])


@pytest.mark.parametrize("matrix", [
    {"CD1_1": -SCALE / 3600, "CD2_2": SCALE / 3600},
    {"CD1_1": SCALE / 3600, "CD2_2": SCALE / 3600},
    {"CD1_2": SCALE / 3600, "CD2_1": SCALE / 3600, "CD1_1": 0.0, "CD2_2": 0.0},
    {"CDELT1": -SCALE / 3600, "CDELT2": SCALE / 3600, "PC1_1": 0.8, "PC1_2": -0.6, "PC2_1": 0.6, "PC2_2": 0.8},
])  # fmt: skip
def test_the_frame_is_cut_about_a_position(path, matrix):
    cards = TAN | matrix | {"MAGZERO": ZERO_POINT}
    write(path, sky(80), cards)
    ra, dec = WCS(fits.getheader(path)).all_pix2world(30, 44, 0)
    found = read(path, frame(21), ra=float(ra), dec=float(dec))
    np.testing.assert_array_equal(found.pixels[0], sky(80)[34:55, 20:41])
    assert flags(found) == {"cropped_off_centre"}
    assert np.array_equal(
        pixels(path, frame(21), ra=float(ra), dec=float(dec), centre="middle")[0], sky(80)[29:50, 29:50]
    )


def test_the_frame_is_cut_about_the_brightest_object_near_the_middle(path):
    data = sky(81, sigma=0.1) - 100 * np.exp(-np.hypot(*(np.mgrid[:81, :81] - 40)) / 3)
    for row, column, flux in ((38, 43, 100), (3, 3, 1000)):
        data += flux * np.exp(-np.hypot(*(np.mgrid[:81, :81] - np.array([row, column])[:, None, None])) / 3)
    write(path, data.astype(np.float32))
    found = pixels(path, frame(21), centre="brightest")[0]
    assert np.unravel_index(np.argmax(found), found.shape) == (10, 10)


def test_the_position_is_that_of_the_list_or_of_the_middle_of_the_frame(path):
    write(path, sky(50))
    expected = WCS(fits.getheader(path)).all_pix2world(24.5, 24.5, 0)
    assert read(path).about["position"] == pytest.approx([float(each) for each in expected], abs=1e-9)
    assert read(path, frame(21), ra=150.1, dec=2.2).about["position"] == (150.1, 2.2)


def test_a_cutout_that_is_a_pixel_off_its_position_is_kept_whole(path):
    write(path, sky(40), CARDS | {"CRPIX1": 20.5, "CRPIX2": 20.5})
    near, far = 2.2 + 0.9 * SCALE / 3600, 2.2 + 1.5 * SCALE / 3600
    np.testing.assert_array_equal(pixels(path, ra=150.1, dec=near)[0], sky(40))
    assert "beyond the image" in said(path, ra=150.1, dec=far)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"into": frame(60)}, "50 x 50 pixels are less than the frame, which takes 60"),
        ({"into": frame(scale=0.263)}, "0.2 arcsec, those of the network 0.263; `resample: true`"),
        ({"into": frame(scale=0.263), "resample": True}, "less than the frame, which takes 53"),
        ({"ra": 150.1, "dec": 2.201}, r"beyond the image"),
        ({"ra": 10.0, "dec": 2.2}, "position (10.00000, 2.20000) is not on the image"),
        ({"ra": 330.1, "dec": -2.2}, "is not on the image"),
        ({"centre": "position"}, "no position in the list"),
    ],
)  # fmt: skip
def test_images_that_do_not_fit_say_why(path, given, message):
    write(path, sky())
    assert message in said(path, **given)


def test_a_position_needs_coordinates_if_it_is_asked_for(path):
    write(path, sky(), {"MAGZERO": ZERO_POINT, "PIXSCALE": SCALE})
    assert "no celestial coordinates" in said(path, ra=1.0, dec=2.0, centre="position")
    np.testing.assert_array_equal(pixels(path, ra=1.0, dec=2.0)[0], sky()[MIDDLE, MIDDLE])


def test_pixels_of_nearly_the_same_size_are_the_same(path):
    write(path, sky())
    np.testing.assert_array_equal(pixels(path, frame(scale=0.2007))[0], sky()[MIDDLE, MIDDLE])


@pytest.mark.parametrize(("scale", "side"), [(0.263, 30), (0.5, 16), (0.1, 60), (0.6, 10)])
def test_resampling_keeps_flux_and_place(path, scale, side):
    """Against the overlap of aligned squares, which is a product of two lengths."""
    data = sky(61).astype(np.float64)
    write(path, data, CARDS | {"CRPIX1": 31.0, "CRPIX2": 31.0})
    found = read(path, frame(side, scale), resample=True, ra=150.1, dec=2.2 + 1.3 * SCALE / 3600)
    assert flags(found) == {"resampled", "cropped_off_centre"}
    ratio, old = scale / SCALE, np.arange(61)

    def overlaps(middle):
        edges = (np.arange(side + 1) - side / 2) * ratio + middle + 0.5
        return np.clip(np.minimum(edges[1:, None], old + 1) - np.maximum(edges[:-1, None], old), 0, None)

    np.testing.assert_allclose(found.pixels[0], overlaps(31.3) @ data @ overlaps(30).T, rtol=1e-5, atol=1e-4)


def test_noise_of_larger_pixels_is_that_of_their_sum(path):
    rms = np.full((SIDE, SIDE), 0.5, np.float32)
    write(path, None, {}, ("SCI", sky(), CARDS), ("RMS", rms, {}))
    np.testing.assert_allclose(read(path, frame(20, 2 * SCALE), resample=True).sigma, 1.0, rtol=1e-5)


# ---- bad pixels


def with_bad(value, count=30, kind=np.float32):
    data = sky().astype(kind)
    data.ravel()[SIDE * 30 + 12 : SIDE * 30 + 12 + count] = value
    return data


@pytest.mark.parametrize(
    ("data", "cards"),
    [
        (with_bad(np.nan), {}),
        (with_bad(np.inf), {}),
        (with_bad(0), {}),
        (with_bad(-9999), {}),
        (with_bad(1e20), {}),
        (with_bad(5000), {"SATURATE": 4000.0}),
        (with_bad(32767), {"BLANK": 32767}),
        (with_bad(0) + 1000 * (with_bad(0) != 0), {}),  # a sky that was not subtracted
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_few_bad_pixels_are_filled_from_their_neighbours_and_flagged(path, data, cards):
    write(path, data, CARDS | cards)
    found = read(path)
    assert flags(found) == {"bad_pixels"}
    bad = np.zeros(data.shape, bool)
    bad[30, 12:42] = True
    inside = bad[MIDDLE, MIDDLE]
    np.testing.assert_allclose(found.pixels[0][~inside], data[MIDDLE, MIDDLE][~inside], rtol=1e-6)
    assert np.abs(found.pixels[0][inside] - np.median(data[~bad])).max() < 40


def test_a_bad_pixel_is_the_weighted_mean_about_it(path):
    data = np.tile(np.arange(SIDE, dtype=np.float32), (SIDE, 1)) + 1
    data[24, 24] = np.nan
    write(path, data)
    assert pixels(path)[0][19, 19] == pytest.approx(25.0, rel=1e-6)


@pytest.mark.parametrize(("name", "value"), [("MASK", 1), ("WHT", 0), ("IVAR", 0), ("RMS", 1e16), ("VAR", np.nan)])
def test_marked_pixels_and_those_without_weight_are_bad(path, name, value):
    beside = np.full((SIDE, SIDE), 0 if name == "MASK" else 1, np.float32)
    beside[20, 20:30] = value
    write(path, None, {}, ("SCI", sky(), CARDS), (name, beside, {}))
    found = read(path)
    assert flags(found) == {"bad_pixels"}
    assert np.argwhere(found.pixels[0] != sky()[MIDDLE, MIDDLE]).tolist() == [[15, at] for at in range(15, 25)]


def test_zeros_of_an_image_without_noise_and_of_counts_are_its_sky(path):
    for data in (np.maximum(sky(sigma=0) - 50, 0), np.maximum(sky(), 0).astype(np.int16)):
        write(path, data)
        assert flags(read(path)) == set()


@pytest.mark.parametrize("quantised", ["round", "fine", 4, 16, 64])
def test_zeros_of_rounded_and_compressed_images_are_their_sky(path, quantised):
    data = 3 * sky(91)
    if quantised in ("round", "fine"):
        write(path, np.round(data, 0 if quantised == "round" else 2))
    else:
        fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(data, header(CARDS), quantize_level=quantised)]).writeto(
            path
        )
    assert flags(read(path)) == set()


def test_a_hole_in_a_rounded_image_is_bad(path):
    data = np.round(sky(), 1)
    data[20:30, 20:26] = 0
    write(path, data)
    found = read(path)
    assert flags(found) == {"bad_pixels"}
    changed = found.pixels[0] != data[MIDDLE, MIDDLE]
    assert changed[15:25, 15:21].all() and changed.sum() < 66


def test_bad_pixels_outside_the_frame_do_not_matter(path):
    data = sky()
    data[:5] = np.nan
    write(path, data)
    assert flags(read(path)) == set()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (with_bad(np.nan, 500), "of the pixels in the frame are bad (NaN 2"),
        (np.full((SIDE, SIDE), np.nan), "100 % of the pixels in the frame are bad (NaN 100 %)"),
        (with_bad(0, 500), "(no data 2"),
        (np.ones((SIDE, SIDE)), "all its pixels are 1"),
        (np.zeros((SIDE, SIDE)), "all its pixels are 0"),
        (sky().astype(np.float64) * 1e300, "(no data 100 %)"),
    ],
)
def test_too_many_bad_pixels_are_no_image(path, data, message):
    write(path, data)
    assert message in said(path)


def test_fluxes_beyond_32_bits_are_no_image(path):
    write(path, sky())
    assert "32-bit" in said(path, frame(zero_point=150.0))


def test_how_many_may_be_bad_is_set(path):
    write(path, with_bad(np.nan, 500))
    assert flags(read(path, fill_up_to=0.5)) == {"bad_pixels"}
    write(path, with_bad(np.nan, 1))
    assert "more than fill_up_to 0" in said(path, fill_up_to=0)


# ---- files


def test_files_that_are_none(tmp_path, path):
    assert said(tmp_path / "missing.fits") == "no such file"
    assert said(tmp_path) == "is no file"
    for content, message in (
        (b"", "empty"),
        (b"name,ra\nx,1\n", "not a FITS file"),
        (b"\x1f\x8b\0\0", "may be damaged"),
    ):
        path.write_bytes(content)
        assert message in said(path)
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns([fits.Column("a", "E", array=[1.0])])]).writeto(
        path, overwrite=True
    )
    assert said(path) == "holds no image"
    write(path, np.ones((2, 3, 4, 5), np.float32))
    assert "4 axes" in said(path)
    write(path, None, {}, ("WHT", sky(), CARDS))
    assert "masks, weights or the like" in said(path)
    write(path, sky())
    path.write_bytes(path.read_bytes()[:9000])
    assert "truncated" in said(path)


def test_weights_in_a_file_of_their_own_are_no_image(tmp_path):
    for name in ("x.weight.fits", "x_rms.fits", "x-mask.fits.gz", "wht.fits"):
        write(tmp_path / name, sky())
        assert "as masks, weights or noise are" in said(tmp_path / name)
    assert pixels(tmp_path / "x_rms.fits", hdu=0).shape == (1, 40, 40)
    assert pixels(write(tmp_path / "smart_flag7.5_wtf.fits", sky())).shape == (1, 40, 40)


def test_an_axis_of_length_one_is_none(path):
    write(path, sky()[None])
    np.testing.assert_array_equal(pixels(path)[0], sky()[MIDDLE, MIDDLE])


@pytest.mark.filterwarnings("ignore")
def test_compressed_files_give_the_same_image(tmp_path, path):
    write(path, sky())
    write(tmp_path / "y.fits.gz", sky())
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(sky(), fits.getheader(path), compression_type="GZIP_2", quantize_level=0)]).writeto(
        tmp_path / "z.fits.fz"
    )  # fmt: skip
    for other in ("y.fits.gz", "z.fits.fz"):
        np.testing.assert_array_equal(pixels(tmp_path / other), pixels(path))


def test_coordinates_are_no_part_of_the_flux(path):
    write(path, sky(), CD | {"MAGZERO": ZERO_POINT})
    np.testing.assert_array_equal(pixels(path)[0], sky()[MIDDLE, MIDDLE])


@pytest.mark.filterwarnings("ignore")
def test_whatever_is_wrong_with_a_file_raises_nothing(path):
    write(path, None, {}, ("G", sky(), CARDS), ("R", sky(), CARDS | {"FILTER": "r"}))
    whole, random = path.read_bytes(), np.random.default_rng(0)
    for at in range(60):
        damaged = np.frombuffer(whole, np.uint8).copy()
        damaged[random.integers(0, 12000, 20)] = random.integers(0, 256, 20)
        path.write_bytes(damaged.tobytes()[: len(whole) if at % 2 else random.integers(10, len(whole))])
        found = read(path)
        assert (found.pixels is None) == bool(found.reason)


@pytest.mark.parametrize(
    "cards",
    [
        {"FLUXMAG0": -5.0},
        {"PHOTFLAM": -1e-19, "PHOTPLAM": 5000.0},
        {"PHOTFLAM": 0.0, "PHOTPLAM": 5000.0},
        {"MAGZERO": "unknown"},
    ],
)
def test_cards_that_are_no_zero_point_say_nothing(path, cards):
    write(path, sky(), WITHOUT_ZERO_POINT | cards)
    assert "does not say the zero point" in said(path)


def test_a_psf_without_light_is_none(path):
    for psf in (np.zeros((5, 5)), np.full((5, 5), np.nan)):
        write(path, None, {}, ("SCI", sky(), CARDS), ("PSF", psf, {}))
        assert read(path).psf == (None,)

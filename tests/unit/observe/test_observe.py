"""The pure functions of observing: seeing, conditions, noise, centring, real sky."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from astropy.io import fits
from scipy.ndimage import center_of_mass, gaussian_filter

from sim2sky.config import Background, Dataset, Histogram, Split, Survey
from sim2sky.framing import move_and_crop, offset_to_centre
from sim2sky.observe.background import choose_cutouts, orient, read_cutouts, sky_scatter, split_cutouts
from sim2sky.observe.conditions import draw, draw_conditions
from sim2sky.observe.noise import add_noise, background_sigma, flux_ratio, poisson_sigma, sky_counts_per_second
from sim2sky.observe.psf import gaussian_blur

ROOT = Path(__file__).parents[3]
SCALE = 0.263
SIGMA_PER_FWHM = 1 / np.sqrt(8 * np.log(2))


def survey(name: str) -> Survey:
    return Survey.model_validate(yaml.safe_load((ROOT / f"resources/surveys/{name}.yaml").read_text()))


# --------------------------------------------------------------------------------------------------------------- seeing


@pytest.mark.parametrize("pixels", [1, 9, 40, 41])
def test_blur_is_scipys(pixels):
    images = np.random.default_rng(1).random((4, 2, pixels, pixels))
    fwhm = np.array([[0.1, 0.7], [0.7, 1.8], [1.13, 0.9], [6.0, 0.9]])  # the last is wider than the small frames
    blurred = gaussian_blur(torch.from_numpy(images), fwhm, SCALE).numpy()
    for lens in range(4):
        for band in range(2):
            sigma = fwhm[lens, band] * SIGMA_PER_FWHM / SCALE
            expected = gaussian_filter(images[lens, band], sigma, truncate=5, mode="nearest")
            np.testing.assert_allclose(blurred[lens, band], expected, rtol=1e-12)


def test_one_seeing_per_lens_serves_all_its_bands():
    images = torch.rand(3, 2, 12, 12, generator=torch.Generator().manual_seed(1))
    fwhm = np.array([0.8, 1.2, 0.8])
    assert torch.equal(gaussian_blur(images, fwhm, SCALE), gaussian_blur(images, np.stack([fwhm, fwhm], 1), SCALE))


@pytest.mark.parametrize("pixels", [39, 40])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_blurred_image_does_not_depend_on_its_batch(pixels, dtype):
    images = torch.rand(400, 1, pixels, pixels, dtype=dtype, generator=torch.Generator().manual_seed(2))
    fwhm = np.random.default_rng(2).choice(np.linspace(0.7, 1.8, 53), 400)
    together = gaussian_blur(images, fwhm, SCALE)
    for size in (50, 7, 1):
        parts = [gaussian_blur(images[a : a + size], fwhm[a : a + size], SCALE) for a in range(0, 400, size)]
        assert torch.equal(together, torch.cat(parts))


# ----------------------------------------------------------------------------------------------------------- conditions


def test_conditions_follow_the_histograms():
    des = survey("des")
    conditions = draw_conditions(des, ["g", "Y"], 2, np.arange(20000))
    for b, band in enumerate(("g", "Y")):
        for name in ("seeing", "sky_brightness", "num_exposures"):
            histogram, drawn = getattr(des.bands[band], name), getattr(conditions, name)[:, b]
            expected = np.array(histogram.weights) / sum(histogram.weights)
            found = np.array([(drawn == value).mean() for value in histogram.values])
            assert found.sum() == pytest.approx(1)
            assert np.all(np.abs(found - expected) < 5 * np.sqrt(expected / 20000) + 1e-4), (band, name)
    assert abs(np.corrcoef(conditions.seeing.T)[0, 1]) < 0.03, "bands are drawn independently"


def test_conditions_are_those_of_the_lens():
    des = survey("des")
    everything = draw_conditions(des, ["g", "r"], 2, np.arange(40))
    one = draw_conditions(des, ["g", "r"], 2, np.array([17]))
    other_seed = draw_conditions(des, ["g", "r"], 3, np.arange(40))
    np.testing.assert_array_equal(one.seeing[0], everything.seeing[17])
    np.testing.assert_array_equal(one.num_exposures[0], everything.num_exposures[17])
    assert (other_seed.seeing != everything.seeing).any()


def test_draws_reach_the_edges_of_a_histogram_and_skip_what_weighs_nothing():
    histogram = Histogram(values=[1, 2, 3, 4], weights=[0, 2, 0, 1])
    np.testing.assert_array_equal(draw(histogram, np.array([0, 0.66, 0.67, np.nextafter(1, 0)])), [2, 2, 4, 4])


# ---------------------------------------------------------------------------------------------------------------- noise


def test_zero_points():
    assert flux_ratio(30, 26.58) == pytest.approx(10 ** (-0.4 * 3.42))
    assert sky_counts_per_second(26.58, 26.58) == 1
    assert sky_counts_per_second(22, 30) / sky_counts_per_second(22, 26.58) == pytest.approx(flux_ratio(26.58, 30))


@pytest.mark.parametrize(("formula", "median"), [("correct", 0.127), ("deeplenstronomy-0.0.2.3", 0.076)])
def test_background_of_des_g(formula, median):
    des = survey("des")
    g, conditions = des.bands["g"], draw_conditions(des, ["g"], 2, np.arange(20000))
    sigma = background_sigma(
        formula,
        sky_brightness=conditions.sky_brightness,
        zero_point=g.zero_point,
        num_exposures=conditions.num_exposures,
        exposure_time=g.exposure_time,
        read_noise=des.read_noise,
        pixel_scale=des.pixel_scale,
    )
    assert np.median(sigma) == pytest.approx(median, rel=0.025)


def test_background_formula_by_hand_and_by_its_limits():
    known = {"sky_brightness": 22.0, "zero_point": 26.0, "exposure_time": 90.0, "pixel_scale": 0.25}
    sigma = background_sigma("correct", num_exposures=4, read_noise=7.0, **known)
    assert sigma == pytest.approx(np.sqrt(4 * 49 + 10**1.6 / 16 * 360) / 360)
    deeper = background_sigma("correct", num_exposures=16, read_noise=7.0, **known)
    assert sigma / deeper == pytest.approx(2), "four times the exposures, half the noise"
    faulty = background_sigma("deeplenstronomy-0.0.2.3", num_exposures=4, read_noise=0.0, **known)
    assert faulty == pytest.approx(np.sqrt(22 / 16 / 360))
    with pytest.raises(ValueError, match="corect.*correct, deeplenstronomy"):
        background_sigma("corect", num_exposures=1, read_noise=7.0, **known)


def test_measured_variance_is_the_formulas():
    """Background and Poisson noise of many draws, each against its own formula."""
    des, lenses = survey("des"), np.arange(3000)
    background = background_sigma(
        "correct",
        sky_brightness=22,
        zero_point=26.58,
        num_exposures=4,
        exposure_time=90,
        read_noise=7,
        pixel_scale=SCALE,
    )
    for light, poisson in ((0.0, 0.0), (9.0, np.sqrt(9.0 / 90)), (-1.0, 0.0)):
        images = np.full((len(lenses), 1, 6, 6), light)
        sigma = np.hypot(background, poisson_sigma(images, des.bands["g"].exposure_time))
        noisy = add_noise(images, sigma, 2, lenses)
        assert np.var(noisy) == pytest.approx(background**2 + poisson**2, rel=5 * np.sqrt(2 / noisy.size))
        assert noisy.mean() == pytest.approx(light, abs=5 * np.sqrt((background**2 + poisson**2) / noisy.size))
    pixels = noisy.reshape(len(lenses), -1)
    assert np.abs(np.corrcoef(pixels.T) - np.eye(36)).max() < 5 / np.sqrt(len(lenses)), "pixels are independent"


def test_noise_is_that_of_the_lens():
    images, sigma = np.zeros((5, 2, 4, 4)), np.ones((5, 2, 4, 4))
    noise = add_noise(images, sigma, 2, np.arange(5))
    np.testing.assert_array_equal(noise[3:4], add_noise(images[:1], sigma[:1], 2, np.array([3])))
    assert len(np.unique(noise)) == noise.size
    np.testing.assert_array_equal(noise[:, :1], add_noise(images[:, :1], sigma[:, :1], 2, np.arange(5))), "more bands"


# ------------------------------------------------------------------------------------------------------------- centring


def blob(pixels: int, row: float, column: float, width: float = 1.5) -> np.ndarray:
    y, x = np.mgrid[:pixels, :pixels]
    return np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * width**2))


@pytest.mark.parametrize("kept", [60, 41, 40])
@pytest.mark.parametrize(("mode", "tolerance"), [("pixel", 0.5), ("subpixel", 0.02)])
def test_centring_puts_the_light_in_the_middle(kept, mode, tolerance):
    for row, column in np.random.default_rng(3).uniform(24, 35, (10, 2)):
        image = blob(60, row, column) + 0.5 * blob(60, column, row)
        centred = move_and_crop(image, offset_to_centre(image, kept, mode), kept)
        assert centred.shape == (kept, kept)
        np.testing.assert_allclose(center_of_mass(centred), (kept - 1) / 2, atol=tolerance + 1e-9)
        assert centred.sum() == pytest.approx(image.sum(), rel=1e-6)


def test_whole_pixels_are_moved_untouched_and_the_rest_is_zero():
    image = np.random.default_rng(4).random((9, 9)).astype("f4")
    moved = move_and_crop(image, np.array([2.0, -1.0]), 9)
    np.testing.assert_array_equal(moved[2:, :-1], image[:-2, 1:])
    assert not moved[:2].any() and not moved[:, -1].any()


def test_no_centring_keeps_the_middle_and_darkness_stays_where_it_is():
    image = np.random.default_rng(4).random((8, 8))
    np.testing.assert_array_equal(move_and_crop(image, offset_to_centre(image, 4, "none"), 4), image[2:6, 2:6])
    assert not offset_to_centre(np.zeros((8, 8)), 4, "subpixel").any()


# ------------------------------------------------------------------------------------------------------------- real sky


def on_sky(**options) -> Dataset:
    background = Background(cutouts="sky", zero_point=30, pixel_scale=SCALE, **options)
    return Dataset(title="sky", simulation="s", survey="des", background=background)


def test_test_cutouts_are_never_trained_on():
    dataset, lenses = on_sky(), 1000
    cutout, orientation = choose_cutouts(dataset, np.arange(lenses), lenses, 46)
    parts = {name: set(cutout[a:b]) for name, (a, b) in dataset.split.bounds(lenses).items()}
    assert not parts["test"] & parts["train"] and not parts["test"] & parts["validation"]
    assert not parts["train"] & parts["validation"]
    assert set.union(*parts.values()) == set(range(46)), "all are used"
    assert set(orientation) == set(range(8))
    again, turned = choose_cutouts(dataset, np.array([700, 3]), lenses, 46)
    assert (list(again), list(turned)) == (list(cutout[[700, 3]]), list(orientation[[700, 3]]))
    assert not choose_cutouts(on_sky(augment=False), np.arange(50), 50, 46)[1].any()


def test_the_eight_orientations_differ():
    image = np.arange(9).reshape(3, 3)
    assert len({orient(image, k).tobytes() for k in range(8)}) == 8


def test_too_few_cutouts_for_the_split():
    assert {part: len(indices) for part, indices in split_cutouts(10, Split(), 2).items()} == {
        "train": 7,
        "validation": 1,
        "test": 2,
    }
    with pytest.raises(ValueError, match="3 cutouts leave none for validation"):
        split_cutouts(3, Split(), 2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "no such file"),
        ("text", "not a readable FITS file"),
        (np.ones((5, 5)), "2 axes.*3 axes"),
        (np.random.default_rng(5).random((3, 20, 30)), "20 x 30 pixels, less than the 24 x 24"),
        (
            np.where(np.arange(3 * 900).reshape(3, 30, 30) == 1000, np.nan, np.arange(900).reshape(30, 30)),
            "cutout 1.*NaN",
        ),
        (np.ones((3, 30, 30)), "cutout 0 is constant.*3 such"),
    ],
)
def test_unusable_cutouts_are_refused_by_name(tmp_path, data, message):
    path = tmp_path / "sky.fits"
    if isinstance(data, str):
        path.write_text(data)
    elif data is not None:
        fits.writeto(path, data)
    with pytest.raises(ValueError, match=rf"sky\.fits: .*{message}"):
        read_cutouts(path, 24)


@pytest.mark.filterwarnings("ignore:File may have been truncated")
def test_truncated_cutouts_are_refused(tmp_path):
    path = tmp_path / "sky.fits"
    fits.writeto(path, np.random.default_rng(7).random((3, 30, 30)))
    path.write_bytes(path.read_bytes()[:8000])
    with pytest.raises(ValueError, match=r"sky\.fits: not a readable FITS file"):
        read_cutouts(path, 24)


def test_sky_scatter_hardly_sees_the_galaxy():
    noise = np.random.default_rng(6).normal(0.3, [[[2.0]], [[5.0]]], (2, 91, 91))
    galaxy = 500 * blob(91, 45, 45, 3)
    np.testing.assert_allclose(sky_scatter(noise + galaxy), [2, 5], rtol=0.08)


def test_real_sky_has_the_correct_formulas_noise():
    """The survey's own pixels: 2.86 counts at zero point 30, 0.123 at 26.58, against 0.127 of the formula."""
    path = Path(os.environ.get("SIM2SKY_CUTOUTS", ROOT.parent / "shared/data/des_cutouts_g.fits"))
    if not path.is_file():
        pytest.skip("no DES g-band cutouts: SIM2SKY_CUTOUTS is not set")
    scatter = np.median(sky_scatter(read_cutouts(path, 40)))
    assert scatter == pytest.approx(2.86, abs=0.005)
    assert scatter * flux_ratio(30, 26.58) == pytest.approx(0.1227, abs=2e-4)

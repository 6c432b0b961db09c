"""The pure functions of observing: seeing, conditions, noise."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from astropy.io import fits
from scipy.ndimage import convolve, gaussian_filter

from sim2sky.config import Histogram, Survey
from sim2sky.observe.conditions import draw, draw_conditions
from sim2sky.observe.noise import (
    add_noise,
    background_sigma,
    flux_ratio,
    poisson_sigma,
    resampled,
    sky_counts_per_second,
    unresampled,
)
from sim2sky.observe.psf import full_width, gaussian_blur, pixel_blur, read_psf

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


# ------------------------------------------------------------------------------------------------------------- pixel PSF

EUCLID = ROOT / "resources/psf/euclid_vis_q1.fits"


@pytest.mark.parametrize("pixels", [1, 15, 40])
def test_blur_with_stamps_is_scipys_and_does_not_depend_on_the_batch(pixels):
    random = np.random.default_rng(1)
    images, kernels = random.random((5, pixels, pixels)), read_psf(EUCLID, 0.1)[[0, 1, 2, 0, 1]]
    kernels += 1e-3 * random.random(kernels.shape)  # no symmetry hides a flip
    blurred = pixel_blur(images, kernels)
    for image, kernel, ours in zip(images, kernels, blurred, strict=True):
        np.testing.assert_allclose(ours, convolve(image, kernel, mode="nearest"), rtol=1e-12)
    np.testing.assert_array_equal(pixel_blur(images[3:4], kernels[3:4]), blurred[3:4])


def test_shipped_stamps_are_euclids():
    stamps = read_psf(EUCLID, 0.1)
    np.testing.assert_allclose(stamps.sum(axis=(1, 2)), 1)
    assert [full_width(stamp, 0.1) for stamp in stamps] == pytest.approx([0.165, 0.2, 0.162], abs=0.005)
    line = np.arange(21) - 10
    gaussian = np.exp(-(line**2 + line[:, None] ** 2) / 8)
    assert full_width(gaussian, 0.1) == pytest.approx(0.2 / SIGMA_PER_FWHM, rel=0.01)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda stamps: stamps[:, :20, :20], "an odd side"),
        (lambda stamps: stamps[:, :19], "square stamps"),
        (lambda stamps: np.roll(stamps, 1, -1), "peak is not in its middle"),
        (lambda stamps: stamps * np.nan, "not finite"),
        (lambda stamps: -stamps, "positive number"),
    ],
)
def test_stamps_that_would_move_or_lose_light_are_refused(tmp_path, change, words):
    made = fits.PrimaryHDU(change(fits.getdata(EUCLID)))
    made.header["PIXSCALE"] = 0.1
    made.writeto(tmp_path / "bad.fits")
    with pytest.raises(ValueError, match=f"bad.fits: .*{words}"):
        read_psf(tmp_path / "bad.fits", 0.1)


def test_stamps_of_another_pixel_scale_are_refused():
    with pytest.raises(ValueError, match=r"PIXSCALE is 0.1 arcsec, that of the images 0.2"):
        read_psf(EUCLID, 0.2)


# ----------------------------------------------------------------------------------------------------------- conditions


def test_one_of_the_stamps_is_drawn_per_lens_with_its_width():
    conditions = draw_conditions(
        survey("euclid_vis"), ["VIS"], 2, np.arange(3000), {"euclid_vis_q1": np.array([1, 2, 5])}
    )
    np.testing.assert_array_equal(conditions.seeing, np.array([1, 2, 5])[conditions.psf])
    assert np.bincount(conditions.psf[:, 0]) == pytest.approx(1000, abs=150)
    assert conditions[7:9].psf.shape == (2, 1)
    assert draw_conditions(survey("des"), ["g"], 2, np.arange(3)).psf is None


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
    assert background_sigma("deeplenstronomy", num_exposures=4, read_noise=7.0, **known) == sigma
    faulty = background_sigma("deeplenstronomy-0.0.2.3", num_exposures=4, read_noise=0.0, **known)
    assert faulty == pytest.approx(np.sqrt(22 / 16 / 360))
    with pytest.raises(ValueError, match="corect.*correct, deeplenstronomy"):
        background_sigma("corect", num_exposures=1, read_noise=7.0, **known)
    with pytest.raises(ValueError, match="corect.*correct, deeplenstronomy"):
        poisson_sigma("corect", np.ones(2), exposure_time=90.0, num_exposures=1)


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
    for light, poisson in ((0.0, 0.0), (9.0, np.sqrt(9.0 / 90 / 4)), (-1.0, 0.0)):
        images = np.full((len(lenses), 1, 6, 6), light)
        sigma = np.hypot(
            background, poisson_sigma("correct", images, exposure_time=des.bands["g"].exposure_time, num_exposures=4)
        )
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


def test_resampled_noise_has_the_covariance_of_bilinear_interpolation():
    random = np.random.default_rng(3)
    white, shift = random.standard_normal((400, 33, 33)), random.random((2, 400, 1, 1))
    rows = (1 - shift[0]) * white[:, 1:] + shift[0] * white[:, :-1]
    interpolated = (1 - shift[1]) * rows[:, :, 1:] + shift[1] * rows[:, :, :-1]
    ours = resampled(random.standard_normal((400, 32, 32)))
    for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2)):
        found = [(image * np.roll(image, (dy, dx), (1, 2)))[:, 2:, 2:].mean() for image in (ours, interpolated)]
        expected = np.prod([{0: 2 / 3, 1: 1 / 6, 2: 0}[step] for step in (dy, dx)])
        assert found == pytest.approx([expected, expected], abs=0.02), (dy, dx)


def test_only_bands_that_were_resampled_have_correlated_noise():
    zero, sigma, lens = np.zeros((3, 2, 8, 8)), np.ones((3, 2, 1, 1)), np.arange(3)
    plain, noise = (add_noise(zero, sigma, 1, lens, bands) for bands in (None, np.array([False, True])))
    np.testing.assert_array_equal(noise[:, 0], plain[:, 0])
    np.testing.assert_allclose(noise[:, 1], resampled(plain[:, 1]))


def test_correlated_noise_can_be_made_independent_again():
    noise = np.random.default_rng(4).standard_normal((3, 9, 12))
    np.testing.assert_allclose(unresampled(resampled(noise)), noise, atol=1e-12)

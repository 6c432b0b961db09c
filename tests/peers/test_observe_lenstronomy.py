"""Seeing and noise against lenstronomy (Birrer & Amara 2018)."""

from pathlib import Path

import numpy as np
import pytest
import torch
from lenstronomy.Data.pixel_grid import PixelGrid
from lenstronomy.Data.psf import PSF
from lenstronomy.ImSim.Numerics.numerics import Numerics
from lenstronomy.SimulationAPI.observation_api import SingleBand
from lenstronomy.Util import image_util

from sim2sky.observe.camera import Camera
from sim2sky.observe.conditions import Conditions
from sim2sky.observe.noise import background_sigma, poisson_sigma, sky_counts_per_second
from sim2sky.observe.psf import gaussian_blur, pixel_blur, read_psf
from sim2sky.observe.shard import observe

SCALE = 0.263
EUCLID = Path(__file__).parents[2] / "resources/psf/euclid_vis_q1.fits"
EXPOSURES = [1, 4, 10, 140, 460]


def band(seeing: float = 0.9, sky: float = 22.0, exposures: int = 1, zero_point: float = 26.58) -> SingleBand:
    return SingleBand(
        pixel_scale=SCALE,
        exposure_time=90.0,
        magnitude_zero_point=zero_point,
        read_noise=7.0,
        ccd_gain=6.083,
        sky_brightness=sky,
        seeing=seeing,
        num_exposures=exposures,
    )


@pytest.mark.parametrize("pixels", [40, 41])
def test_seeing(pixels):
    images = np.random.default_rng(1).random((4, pixels, pixels))
    fwhm = np.array([0.579, 0.9, 1.121, 1.799])
    grid = PixelGrid(pixels, pixels, np.diag([SCALE, SCALE]), 0, 0)
    blurred = gaussian_blur(torch.from_numpy(images), fwhm, SCALE).numpy()
    for image, width, ours in zip(images, fwhm, blurred, strict=True):
        numerics = Numerics(grid, band(seeing=width).psf_class)
        theirs = numerics.re_size_convolve(image.ravel()) / SCALE**2  # takes surface brightness, gives flux
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_pixel_psf():
    images, stamps = np.random.default_rng(1).random((3, 40, 40)), read_psf(EUCLID, 0.1)
    grid = PixelGrid(40, 40, np.diag([0.1, 0.1]), 0, 0)
    inside = (slice(10, -10),) * 2  # lenstronomy's frame is dark outside, ours goes on
    for image, stamp, ours in zip(images, stamps, pixel_blur(images, stamps), strict=True):
        numerics = Numerics(grid, PSF("PIXEL", kernel_point_source=stamp))
        theirs = numerics.re_size_convolve(image.ravel()) / 0.1**2
        np.testing.assert_allclose(ours[inside], theirs[inside], rtol=1e-10)


@pytest.mark.parametrize("zero_point", [25.4, 26.58, 30.0])
@pytest.mark.parametrize("sky", [18.0, 22.019, 23.5])
@pytest.mark.parametrize("exposures", EXPOSURES)
def test_background_noise(zero_point, sky, exposures):
    theirs = band(sky=sky, exposures=exposures, zero_point=zero_point)
    ours = background_sigma(
        "correct",
        sky_brightness=sky,
        zero_point=zero_point,
        num_exposures=exposures,
        exposure_time=90.0,
        read_noise=7.0,
        pixel_scale=SCALE,
    )
    assert ours == pytest.approx(theirs.background_noise, rel=1e-10)
    assert sky_counts_per_second(sky, zero_point) == pytest.approx(theirs.sky_brightness, rel=1e-10)


FLUX = np.array([[0.0, 0.01, 3.0], [-0.1, 20.0, 1e4]])


@pytest.mark.parametrize("exposures", EXPOSURES)
def test_photon_noise(exposures):
    ours = poisson_sigma("correct", FLUX, exposure_time=90.0, num_exposures=exposures)
    np.testing.assert_allclose(ours, band(exposures=exposures).flux_noise(FLUX.copy()), rtol=1e-12)


@pytest.mark.parametrize("noise", ["deeplenstronomy", "deeplenstronomy-0.0.2.3"])
def test_photon_noise_of_a_single_exposure(noise):
    """What ``add_poisson`` adds, which deeplenstronomy calls with the time of one exposure."""
    for exposures in EXPOSURES:
        ours = poisson_sigma(noise, FLUX, exposure_time=90.0, num_exposures=exposures)
        np.testing.assert_allclose(ours, band().flux_noise(FLUX.copy()), rtol=1e-12)
    np.random.seed(1)  # noqa: NPY002 - lenstronomy draws from the global state
    drawn = image_util.add_poisson(np.full((400, 400), 3.0), 90.0)
    sigma = poisson_sigma(noise, np.array(3.0), exposure_time=90.0, num_exposures=10)
    assert drawn.std() == pytest.approx(float(sigma), rel=5 / np.sqrt(2 * drawn.size))


@pytest.mark.parametrize("exposures", EXPOSURES)
@pytest.mark.parametrize("brightness", [0.003, 1.0, 300.0])
def test_noise_of_an_observed_image(exposures, brightness):
    """An evenly bright frame, which the seeing leaves as it is: its scatter is lenstronomy's, and so is the S/N."""
    light, many = np.full((20, 1, 40, 40), brightness), np.arange(20)
    conditions = Conditions(np.full((20, 1), 0.9), np.full((20, 1), 22.0), np.full((20, 1), exposures))
    camera = Camera(SCALE, 7.0, np.array([26.58]), np.array([90.0]))
    seen = observe(light / 4, light * 3 / 4, conditions, camera, noise="correct", seed=2, lens=many)
    theirs = band(exposures=exposures)
    sigma = np.hypot(theirs.background_noise, theirs.flux_noise(brightness))
    assert (seen.image - light).std() == pytest.approx(sigma, rel=5 / np.sqrt(2 * light.size))
    np.testing.assert_allclose(seen.sigma_background, theirs.background_noise, rtol=1e-10)
    np.testing.assert_allclose(seen.signal_to_noise, 40 * brightness * 3 / 4 / sigma, rtol=1e-6)
    sky = (light / 4, np.full((20, 1), 0.1))
    on_sky = observe(None, light * 3 / 4, conditions, camera, noise="correct", seed=2, lens=many, sky=sky)
    source = theirs.flux_noise(brightness * 3 / 4)
    assert (on_sky.image - light).std() == pytest.approx(source, rel=5 / np.sqrt(2 * light.size))
    np.testing.assert_allclose(on_sky.signal_to_noise, 40 * brightness * 3 / 4 / np.hypot(0.1, source), rtol=1e-6)

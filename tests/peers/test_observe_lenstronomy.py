"""Seeing and noise against lenstronomy (Birrer & Amara 2018)."""

import numpy as np
import pytest
import torch
from lenstronomy.Data.pixel_grid import PixelGrid
from lenstronomy.ImSim.Numerics.numerics import Numerics
from lenstronomy.SimulationAPI.observation_api import SingleBand
from lenstronomy.Util import image_util

from sim2sky.observe.noise import background_sigma, poisson_sigma, sky_counts_per_second
from sim2sky.observe.psf import gaussian_blur

SCALE = 0.263


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


@pytest.mark.parametrize("zero_point", [25.4, 26.58, 30.0])
@pytest.mark.parametrize("sky", [18.0, 22.019, 23.5])
@pytest.mark.parametrize("exposures", [1, 4, 10])
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


def test_poisson_noise():
    """One exposure as in ``SingleBand.flux_noise``; also what ``add_poisson`` adds, which deeplenstronomy calls."""
    flux = np.array([[0.0, 0.01, 3.0], [-0.1, 20.0, 1e4]])
    np.testing.assert_allclose(poisson_sigma(flux, 90.0), band().flux_noise(flux), rtol=1e-12)
    np.random.seed(1)  # noqa: NPY002 - lenstronomy draws from the global state
    drawn = image_util.add_poisson(np.full((400, 400), 3.0), 90.0)
    assert drawn.std() == pytest.approx(float(poisson_sigma(np.array(3.0), 90.0)), rel=5 / np.sqrt(2 * drawn.size))

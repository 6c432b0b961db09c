"""Noise of a survey image: sky and read noise (background) and Poisson noise of the light itself.

Images are in counts/s; a count is an electron at the survey's own zero point, which is where every formula here is
evaluated. The gain of a survey therefore enters nowhere.

There are three conventions. ``correct`` is that of lenstronomy (Birrer & Amara 2018): all noise is that of N exposures
added up. ``deeplenstronomy`` has the photon noise of the light as if there were one exposure, which is right where N is
one: that program calls lenstronomy's ``add_poisson`` with the time of a single exposure (Morgan et al. 2021).
``deeplenstronomy-0.0.2.3`` repeats, besides, a fault of that release, which takes the number of magnitudes of the sky
for its counts/s/arcsec2.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sim2sky.streams import generator


class Convention(NamedTuple):
    """What a convention takes the noise to be."""

    sky_in_counts: bool  # or in magnitudes, a fault
    photons_of_all: bool  # exposures, or of one


CONVENTIONS = {
    "correct": Convention(True, True),
    "deeplenstronomy": Convention(True, False),
    "deeplenstronomy-0.0.2.3": Convention(False, False),
}


BILINEAR = ((1 + 3**-0.5) / 2, (1 - 3**-0.5) / 2)  # see resampled


def convention(name: str) -> Convention:
    """The convention of that name; ValueError if there is none."""
    if name not in CONVENTIONS:
        raise ValueError(f"unknown noise {name!r}; there are {', '.join(CONVENTIONS)}")
    return CONVENTIONS[name]


def flux_ratio(zero_point: Any, new_zero_point: Any) -> Any:
    """Factor on counts/s when the zero point changes [mag]."""
    return 10 ** (0.4 * (np.asarray(new_zero_point) - zero_point))


def sky_counts_per_second(sky_brightness: Any, zero_point: Any) -> Any:
    """Sky surface brightness [mag/arcsec2] in counts/s/arcsec2; the zero point [mag] gives one count per second."""
    return 10 ** (-0.4 * (np.asarray(sky_brightness) - zero_point))


def background_sigma(
    noise: str,
    *,
    sky_brightness: Any,
    zero_point: Any,
    num_exposures: Any,
    exposure_time: Any,
    read_noise: Any,
    pixel_scale: float,
) -> Any:
    """Standard deviation per pixel of sky and read noise in added exposures, as in lenstronomy (Birrer & Amara 2018).

    ``sigma^2 = (N read_noise^2 + sky pixel_scale^2 N t) / (N t)^2``

    Parameters
    ----------
    noise : str
        Name of a convention.
    sky_brightness : array
        Surface brightness of the sky [mag/arcsec2].
    zero_point : array
        Magnitude that gives one electron per second.
    num_exposures : array
        Exposures added up, N.
    exposure_time : array
        Length of one exposure, t [s].
    read_noise : array
        Read noise of one exposure [e-].
    pixel_scale : float
        Size of a pixel [arcsec].

    Returns
    -------
    array
        In counts/s at `zero_point`, of the arguments' common shape.

    Raises
    ------
    ValueError
        If there is no such convention.
    """
    in_counts = convention(noise).sky_in_counts
    sky = sky_counts_per_second(sky_brightness, zero_point) if in_counts else np.asarray(sky_brightness)
    time = np.asarray(num_exposures) * exposure_time
    return np.sqrt(num_exposures * np.square(read_noise) + sky * pixel_scale**2 * time) / time


def poisson_sigma(noise: str, image: np.ndarray, *, exposure_time: Any, num_exposures: Any) -> np.ndarray:
    """Standard deviation of the photon noise of light, in the Gaussian approximation of lenstronomy.

    ``sigma^2 = image / (N t)``

    Parameters
    ----------
    noise : str
        Name of a convention.
    image : array
        Expected light [counts/s]; negative pixels have no such noise.
    exposure_time : array
        Length of one exposure, t [s].
    num_exposures : array
        Exposures added up, N; conventions with the photon noise of one exposure do not use it.

    Returns
    -------
    array
        In counts/s at the zero point that gives one electron per second.

    Raises
    ------
    ValueError
        If there is no such convention.
    """
    time = exposure_time * num_exposures if convention(noise).photons_of_all else exposure_time
    return np.sqrt(np.maximum(image, 0) / time)


def resampled(noise: np.ndarray) -> np.ndarray:
    """Independent noise as it is after a bilinear interpolation at random positions between pixels.

    Interpolating at a fraction f of a pixel leaves f^2 + (1 - f)^2 of the variance per axis and gives neighbours the
    covariance f (1 - f); in the mean over f, 2/3 and 1/6. The filter (a, b) with a^2 + b^2 = 2/3 and a b = 1/6 has just
    these. Frames are taken as periodic.

    Parameters
    ----------
    noise : (..., y, x) array
        Independent noise.

    Returns
    -------
    (..., y, x) array
        Noise with 2/3 of the standard deviation and, next to each other, a correlation of 1/4.
    """
    for axis in (-2, -1):
        noise = BILINEAR[0] * noise + BILINEAR[1] * np.roll(noise, 1, axis)
    return noise


def unresampled(noise: np.ndarray) -> np.ndarray:
    """The inverse of :func:`resampled`, by Fourier transforms: what makes correlated noise independent again."""
    for axis in (-2, -1):
        angle = 2 * np.pi * np.fft.fftfreq(noise.shape[axis])
        response = BILINEAR[0] + BILINEAR[1] * np.exp(-1j * angle)
        shape = [-1 if dimension == axis else 1 for dimension in (-2, -1)]
        noise = np.fft.ifft(np.fft.fft(noise, axis=axis) / response.reshape(shape), axis=axis).real
    return noise


def add_noise(
    images: np.ndarray, sigma: np.ndarray, seed: int, lens: np.ndarray, correlated: np.ndarray | None = None
) -> np.ndarray:
    """Add normal noise; that of a lens depends on `seed` and its index alone.

    Parameters
    ----------
    images : (lens, ...) array
        Noise-free images.
    sigma : (lens, ...) array
        Standard deviation per pixel, of a shape that broadcasts with `images`.
    seed : int
        Seed of the data set.
    lens : (lens,) int array
        Indices of the lenses.
    correlated : (band,) bool array, optional
        Bands of images (lens, band, y, x) whose noise is :func:`resampled`.

    Returns
    -------
    (lens, ...) array
    """
    normal = np.stack([generator(seed, "noise", int(index)).standard_normal(images.shape[1:]) for index in lens])
    noise = sigma * normal
    if correlated is not None and correlated.any():
        noise[:, correlated] = resampled(noise[:, correlated])
    return images + noise

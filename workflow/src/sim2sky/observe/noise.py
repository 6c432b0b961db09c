"""Noise of a survey image: sky and read noise (background) and Poisson noise of the light itself.

Images are in counts/s; a count is an electron at the survey's own zero point, which is where every formula here is
evaluated.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sim2sky.streams import generator

FORMULAS = ("correct", "deeplenstronomy-0.0.2.3")


def flux_ratio(zero_point: Any, new_zero_point: Any) -> Any:
    """Factor on counts/s when the zero point changes [mag]."""
    return 10 ** (0.4 * (np.asarray(new_zero_point) - zero_point))


def sky_counts_per_second(sky_brightness: Any, zero_point: Any) -> Any:
    """Sky surface brightness [mag/arcsec2] in counts/s/arcsec2; the zero point [mag] gives one count per second."""
    return 10 ** (-0.4 * (np.asarray(sky_brightness) - zero_point))


def background_sigma(
    formula: str,
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
    formula : {"correct", "deeplenstronomy-0.0.2.3"}
        The second repeats a fault of that release (Morgan et al. 2021): the number of magnitudes is taken for the sky's
        counts/s/arcsec2.
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
        If there is no such formula.
    """
    if formula not in FORMULAS:
        raise ValueError(f"unknown noise formula {formula!r}; there are {', '.join(FORMULAS)}")
    sky = sky_counts_per_second(sky_brightness, zero_point) if formula == "correct" else np.asarray(sky_brightness)
    time = np.asarray(num_exposures) * exposure_time
    return np.sqrt(num_exposures * np.square(read_noise) + sky * pixel_scale**2 * time) / time


def poisson_sigma(image: np.ndarray, exposure_time: Any) -> np.ndarray:
    """Standard deviation of the light's own noise, in the Gaussian approximation of lenstronomy.

    Parameters
    ----------
    image : array
        Expected light [counts/s]; negative pixels have no such noise.
    exposure_time : array
        Length of a *single* exposure [s], as in deeplenstronomy, whatever the number of exposures: it errs towards more
        noise.

    Returns
    -------
    array
        In counts/s.
    """
    return np.sqrt(np.maximum(image, 0) / exposure_time)


def add_noise(images: np.ndarray, sigma: np.ndarray, seed: int, lens: np.ndarray) -> np.ndarray:
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

    Returns
    -------
    (lens, ...) array
    """
    normal = np.stack([generator(seed, "noise", int(index)).standard_normal(images.shape[1:]) for index in lens])
    return images + sigma * normal

"""Observing conditions: one draw of seeing, sky brightness and number of exposures per lens and band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim2sky.config import Histogram, Survey
from sim2sky.streams import generator


@dataclass(frozen=True)
class Conditions:
    """What each image was taken under; arrays of shape (lens, band)."""

    seeing: np.ndarray  # full width at half maximum, arcsec
    sky_brightness: np.ndarray  # mag/arcsec2
    num_exposures: np.ndarray


def draw(histogram: Histogram, uniform: np.ndarray) -> np.ndarray:
    """Turn uniform numbers on [0, 1) into draws from a histogram."""
    cumulative = np.cumsum(histogram.weights)
    # The last edge is left out: rounding must not let a draw fall behind it.
    return np.asarray(histogram.values)[np.searchsorted(cumulative[:-1] / cumulative[-1], uniform, side="right")]


def draw_conditions(survey: Survey, bands: Sequence[str], seed: int, lens: np.ndarray) -> Conditions:
    """Draw the conditions of some lenses; those of a lens depend on `seed` and its index alone.

    Parameters
    ----------
    survey : Survey
        Where the histograms are.
    bands : sequence of str
        Bands of the images, in their order.
    seed : int
        Seed of the data set.
    lens : (lens,) int array
        Indices of the lenses.

    Returns
    -------
    Conditions
    """
    uniform = np.stack([generator(seed, "conditions", int(index)).random((len(bands), 3)) for index in lens])
    quantities = ("seeing", "sky_brightness", "num_exposures")
    drawn = np.empty_like(uniform)
    for b, band in enumerate(bands):
        for q, name in enumerate(quantities):
            drawn[:, b, q] = draw(getattr(survey.bands[band], name), uniform[:, b, q])
    return Conditions(*np.moveaxis(drawn, -1, 0))

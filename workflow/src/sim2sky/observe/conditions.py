"""Observing conditions: one draw of seeing, sky brightness and number of exposures per lens and band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    psf: np.ndarray | None = None  # which of those of the band's file; None if no band has a file

    def __getitem__(self, part: slice) -> Conditions:
        """Those of some of the lenses."""
        psf = None if self.psf is None else self.psf[part]
        return Conditions(self.seeing[part], self.sky_brightness[part], self.num_exposures[part], psf)


def draw(histogram: Histogram, uniform: np.ndarray) -> np.ndarray:
    """Turn uniform numbers on [0, 1) into draws from a histogram."""
    cumulative = np.cumsum(histogram.weights)
    # The last edge is left out: rounding must not let a draw fall behind it.
    return np.asarray(histogram.values)[np.searchsorted(cumulative[:-1] / cumulative[-1], uniform, side="right")]


def draw_conditions(
    survey: Survey, bands: Sequence[str], seed: int, lens: np.ndarray, widths: Mapping[str, np.ndarray] | None = None
) -> Conditions:
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
    widths : mapping of str to array, optional
        By the name of a file of point-spread functions, the full width at half maximum of each [arcsec]; needed for
        bands that name a file. One is drawn, each as often as any other.

    Returns
    -------
    Conditions
    """
    uniform = np.stack([generator(seed, "conditions", int(index)).random((len(bands), 3)) for index in lens])
    quantities = ("seeing", "sky_brightness", "num_exposures")
    drawn, psf = np.empty_like(uniform), np.zeros((len(lens), len(bands)), dtype=int)
    for b, band in enumerate(bands):
        conditions = survey.bands[band]
        for q, name in enumerate(quantities):
            if histogram := getattr(conditions, name):
                drawn[:, b, q] = draw(histogram, uniform[:, b, q])
        if widths and conditions.psf:
            psf[:, b] = uniform[:, b, 0] * len(widths[conditions.psf])  # rounded down
            drawn[:, b, 0] = widths[conditions.psf][psf[:, b]]
    named = any(survey.bands[band].psf for band in bands)
    return Conditions(drawn[..., 0], drawn[..., 1], drawn[..., 2], psf if named else None)

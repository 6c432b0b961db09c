"""Whether an image of one's own shows light, and how it differs from those that a network of CosmoSim's images has learnt."""

from __future__ import annotations

import numpy as np
from astropy.stats import mad_std
from scipy import ndimage

_DETECTED = 6.0  # times its scatter: the mean of 3 x 3 pixels that noise does not reach in a million of them
# Simulated images (50 to 1000 pixels, the population of the thesis) are far from all of these: their edges have a median and a
# scatter of 0, at most 6 counts are the median of all pixels, at most 0.3 % of the lit ones have 255, the brightest has
# at least 160, and the second of its neighbours 60 % of it.
_DARK = 10  # counts
_NOISELESS = 2  # counts
_SATURATED = 0.01
_DIM = 100  # counts
_ALONE = 0.4


def sky_of(image: np.ndarray) -> tuple[float, float]:
    """Median and scatter of the pixels along the edge of an image: its sky.

    Parameters
    ----------
    image : (N, N) array
        Light in the middle, in any unit.

    Returns
    -------
    sky, scatter : float
        In the image's unit; the scatter is the standard deviation that the median absolute deviation stands for.
    """
    edge = np.concatenate([image[[0, -1]].ravel(), image[1:-1, [0, -1]].ravel()])
    return float(np.median(edge)), float(mad_std(edge))


def require_light(image: np.ndarray) -> None:
    """Raise ValueError if nothing stands out from the sky: no mean of 3 x 3 pixels exceeds it by six times the scatter of such means."""
    means = ndimage.uniform_filter(image.astype(np.float64), 3, mode="wrap")
    sky, scatter = sky_of(means)
    if means.max() <= sky + _DETECTED * scatter:
        raise ValueError(f"holds no light: nothing in it is brighter than the sky along its edge ({sky:.4g})")


def doubts_of(image: np.ndarray, counts: np.ndarray) -> list[str]:
    """How an image differs from simulated ones, so that an estimate from it is doubtful.

    Parameters
    ----------
    image : (N, N) array
        As it was read.
    counts : (n, n) array
        As a network sees it, but not rounded, and with what is below the sky.

    Returns
    -------
    list of str
        One clause each.
    """
    doubts, (sky, scatter), peak = [], sky_of(image), float(image.max())
    eight_bit = image.dtype == np.uint8
    if not eight_bit:
        span = f"{image.min():.4g} to {peak:.4g}"
        doubts.append(
            f"values of {span} are not 8-bit counts: the sky, {sky:.4g}, became 0 and the brightest pixel 255"
        )
        below = np.count_nonzero(image < sky - max(10 * scatter, 0.05 * (peak - sky)))
        doubts += [f"{below} pixels far below the sky were taken for dark"] if below else []
    edge, noise = sky_of(counts)
    level = max(edge, float(np.median(counts)))
    if (eight_bit and edge > 0) or level > _DARK:
        doubts.append(f"its sky is not dark, but has {level:.4g} counts")
    if noise > _NOISELESS:
        doubts.append(f"its sky scatters by {noise:.2g} counts, where the network has learnt images without noise")
    saturated = np.count_nonzero(image == peak) if peak == 255 or not eight_bit else 0
    lit = np.count_nonzero(image > sky + 3 * scatter)
    if saturated > max(4, _SATURATED * lit):
        doubts.append(f"{saturated} of its {lit} bright pixels have the largest value: they may be saturated")
    row, column = np.unravel_index(np.argmax(image), image.shape)
    around = np.sort(image[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2], axis=None)
    if around[-3] - sky < _ALONE * (peak - sky):
        doubts.append(f"its brightest pixel, of {peak:.4g}, stands alone: a cosmic ray or a hot pixel sets the scale")
    if counts.max() < _DIM:
        doubts.append(f"its brightest pixel has {counts.max()} counts, where simulated sources peak at 255")
    return doubts

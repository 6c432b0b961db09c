"""Which cutouts of a survey are sky, by their pixels."""

from __future__ import annotations

import warnings

import numpy as np
from astropy.stats import mad_std
from scipy.ndimage import maximum_filter

SENTINELS = (-9999.0, -999.0, -99.0, 9999.0, -32768.0, 1e20, -1e20)  # written for pixels without data
HOLE, WILD = -50.0, 1e7  # scatters of the sky from its level, beyond which no sky and no star lies
PEDESTAL = 3.0  # scatters of the sky; real cutouts of galaxies, with the sky subtracted, have up to 0.7
MASKED = 0.05  # fraction of the pixels; a mask may mark the cores of stars and single pixels
SCATTERS = 10.0  # times the usual scatter, or a part of it, which no depth of a survey explains
FLOOR = 0.01  # fraction of the pixels; as many that have the lowest value were cut off there, 2.3 sky scatters below its level or above
SHARED = 0.05  # fraction of the pixels that two cutouts have in common
DISTINCT = 0.998  # fraction of a cutout's pixels that differ; coarser numbers meet each other, and sentinels, by chance
SPIKE, NEIGHBOURS = 1000.0, 100.0  # scatters of the sky, and times its neighbours: no seeing gives such a peak


def judge(data: np.ndarray, marked: np.ndarray, pixels: int) -> tuple[dict[int, str], list[str]]:
    """Find the cutouts that cannot be used as sky.

    Parameters
    ----------
    data : (cutout, y, x) array
        NaN where there are no data; pixels that are found to have none become NaN.
    marked : (cutout, y, x) bool array
        What a mask marks.
    pixels : int
        Side of the middle that is used.

    Returns
    -------
    reasons : dict of int to str
        Why a cutout cannot be used, by its number.
    notes : list of str
        What is strange about cutouts that can.
    """
    lacking = {index: _without_data(cutout) or "NaN, or without weight" for index, cutout in enumerate(data)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of cutouts that are NaN everywhere
        scatter = sky_scatter(data)
        level = np.abs(np.nanmedian(data, axis=(1, 2))) / scatter
        usual = np.nanmedian(scatter)
    inside, reasons = middle(data, pixels), dict[int, str]()
    gone, masked = np.isnan(inside).mean((1, 2)), middle(marked, pixels).mean((1, 2))
    for index in range(len(data)):
        if gone[index]:
            reasons[index] = f"{gone[index]:.2g} of the pixels that are used have no data: {lacking[index]}"
        elif np.isnan(data[index]).mean() > 0.5:
            reasons[index] = f"more than half of its pixels have no data: {lacking[index]}"
        elif not scatter[index] > 0:
            reasons[index] = "is constant"
        elif level[index] > PEDESTAL:
            reasons[index] = f"its level is {level[index]:.2g} times its scatter; subtract the sky"
        elif not usual / SCATTERS < scatter[index] < usual * SCATTERS:
            reasons[index] = f"its scatter is {scatter[index] / usual:.2g} times that of the others"
        elif masked[index] > MASKED:
            reasons[index] = f"the mask marks {masked[index]:.2g} of the pixels that are used"
    reasons |= _duplicates(data, inside, [index for index in range(len(data)) if index not in reasons])
    spikes = [index for index in range(len(data)) if index not in reasons and _has_spike(inside[index], scatter[index])]
    note = f"a single pixel is {NEIGHBOURS:g} times its neighbours, such as a cosmic ray, in cutouts "
    return reasons, [note + ", ".join(map(str, spikes))] if spikes else []


def middle(cutouts: np.ndarray, pixels: int) -> np.ndarray:
    """The middle (cutout, pixels, pixels) of cutouts (cutout, y, x)."""
    row, column = ((side - pixels) // 2 for side in cutouts.shape[1:])
    return cutouts[:, row : row + pixels, column : column + pixels]


def sky_scatter(cutouts: np.ndarray) -> np.ndarray:
    """Scatter of the sky: 1.4826 times the median absolute deviation of a cutout's pixels (``astropy.stats.mad_std``).

    The median hardly sees a galaxy that covers a small part of the cutout: 4 % of its pixels raise the result by 5 %.

    Parameters
    ----------
    cutouts : (cutout, y, x) array
        In any unit; NaN where there are no data.

    Returns
    -------
    (cutout,) array
        In the unit of `cutouts`.
    """
    return mad_std(cutouts, axis=(1, 2), ignore_nan=True)


def _without_data(cutout: np.ndarray) -> str | None:
    """Set pixels to NaN whose value cannot be one of the sky, and say what it is."""
    values, counts = np.unique(cutout[np.isfinite(cutout)], return_counts=True)
    if len(values) < 2:
        return None
    near = np.pad(counts, 2)
    beside = np.max([near[:-4], near[1:-3], near[3:-1], near[4:]], axis=0)
    wrong = counts > 5 * (beside + 1)
    # compression makes values equal, but not so many of the lowest ones, nor neighbours
    if len(values) < DISTINCT * counts[~wrong].sum():
        floor = values[0] if counts[0] > FLOOR * counts.sum() else None
        wrong[wrong] = [value == floor or _is_contiguous(cutout == value) for value in values[wrong]]
    if len(values) > DISTINCT * counts.sum():
        wrong |= np.isin(values, SENTINELS)
    rest = cutout[np.isfinite(cutout) & ~np.isin(cutout, values[wrong])]
    if rest.size:
        far = (values - np.median(rest)) / max(float(mad_std(rest)), 1e-300)
        wrong |= (far < HOLE) | (far > WILD)
    if not wrong.any():
        return None
    cutout[np.isin(cutout, values[wrong])] = np.nan
    return f"pixels are {values[wrong][np.argmax(counts[wrong])]:g}"


def _is_contiguous(image: np.ndarray) -> bool:
    """Whether pixels that are set touch each other more than by chance; those that compression makes equal do not."""
    around = np.pad(image, 1)
    alone = image & ~around[2:, 1:-1] & ~around[:-2, 1:-1] & ~around[1:-1, 2:] & ~around[1:-1, :-2]
    return bool(alone.sum() < 0.5 * (1 - image.mean()) ** 4 * image.sum())


def _duplicates(data: np.ndarray, inside: np.ndarray, which: list[int]) -> dict[int, str]:
    """Those of the cutouts `which` that have pixels of an earlier one: copies, also turned, and neighbours on the sky.

    They would be in training and test. Pixels are the same if their values are; of numbers as coarse as integers, all pixels of a cutout.
    """
    values, size = inside[which].ravel(), inside[0].size
    if not which or np.mean([len(np.unique(cutout)) for cutout in inside[which]]) < DISTINCT * size:
        seen: dict[bytes, int] = {}
        firsts = {index: seen.setdefault(np.sort(data[index], axis=None).tobytes(), index) for index in which}
        return {index: f"is cutout {first} once more" for index, first in firsts.items() if first != index}
    owner = np.repeat(which, size)
    order = np.lexsort((owner, values))
    values, owner = values[order], owner[order]
    same = (values[1:] == values[:-1]) & (owner[1:] != owner[:-1])
    pairs, counts = np.unique(np.stack([owner[:-1][same], owner[1:][same]]), axis=1, return_counts=True)
    return {
        int(later): f"shares {count / size:.2g} of its pixels with cutout {earlier}"
        for (earlier, later), count in zip(pairs.T, counts, strict=True)
        if count > SHARED * size
    }


def _has_spike(image: np.ndarray, scatter: float) -> bool:
    """Whether one pixel stands alone as no star does."""
    around = np.ones((3, 3), bool)
    around[1, 1] = False
    neighbours = np.maximum(maximum_filter(image, footprint=around), scatter)
    return bool(((image > SPIKE * scatter) & (image > NEIGHBOURS * neighbours)).any())

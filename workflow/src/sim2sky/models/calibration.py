"""Predictive quantiles brought to the right coverage on images with known truth, by pure functions of arrays.

The quantiles that a network gives are compared with the truth on a validation part. Three things are learnt there, of one parameter in one
domain: by how many of its own standard deviations the median is off, by which factor each quantile has to move away from the median, and
how wide an interval has to be for a split-conformal guarantee. The factors keep the shape of each image's distribution: one that is skewed, or
twice as wide as another, stays so (a scaling of quantiles as in Levi et al. 2022, of each level apart as in conformalised quantile
regression, Romano et al. 2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from statistics import NormalDist
from typing import Any

import numpy as np

from sim2sky.config import MINIMUM_IMAGES

# Probabilities of the quantiles of every measurement. Steps of 0.01 give the CRPS to 1e-3 of its value; the rest are ends of intervals.
LEVELS = tuple(sorted({*(i / 100 for i in range(1, 100)), 0.005, 0.025, 0.975, 0.995}))
CENTRAL = (0.5, 0.68, 0.9, 0.95)  # intervals whose coverage is reported
MEDIAN = LEVELS.index(0.5)
# Levels above the median, and their mirror images below, that are brought to the right coverage exactly; factors of others are interpolated,
# so that a few validation images do not roughen the distribution of each measured one.
ANCHORS = (0.6, 0.75, 0.84, 0.9, 0.95, 0.975, 0.98, 0.995)
FLOOR = 1e-3  # of the mean absolute error: no standard deviation is believed to be smaller

_OUTWARD = LEVELS[MEDIAN + 1 :]
_ANCHORS = [_OUTWARD.index(level) for level in ANCHORS]
_NEXT_ANCHOR = [_ANCHORS[np.searchsorted(_ANCHORS, i)] for i in range(len(_OUTWARD))]
_SCORES = np.array([NormalDist().inv_cdf(level) for level in _OUTWARD])  # of the standard normal distribution


def interval(coverage: float) -> tuple[int, int]:
    """Positions in `LEVELS` of the lower and upper end of the central interval of a probability, such as 0.68.

    Raises
    ------
    ValueError
        `LEVELS` does not hold the ends.
    """
    low = round((1 - coverage) / 2, 6)
    return LEVELS.index(low), LEVELS.index(round(1 - low, 6))


def short_way(difference: np.ndarray, period: float | None) -> np.ndarray:
    """Differences of an angle of a period brought to within half of it; as they are if `period` is None."""
    return difference if period is None else (difference + period / 2) % period - period / 2


@dataclass(frozen=True)
class Calibration:
    """What turns the quantiles of one parameter into calibrated ones.

    Parameters
    ----------
    shift : float
        Of the median, in standard deviations of each image.
    below, above : tuple of float, one per level from the median outwards
        Factors of the distance from the median.
    half_widths : mapping of float to float
        Half of the split-conformal interval of each probability in `CENTRAL`, in standard deviations; it lies about the median as it was.
    floor : float
        Smallest standard deviation, in the parameter's unit.
    period : float or None
        Of an angle.
    images : int
        Number of images that all this was learnt from.
    """

    shift: float
    below: tuple[float, ...]
    above: tuple[float, ...]
    half_widths: Mapping[float, float]
    floor: float
    period: float | None
    images: int

    @classmethod
    def fitted(
        cls, quantiles: np.ndarray, std: np.ndarray, true: np.ndarray, period: float | None = None
    ) -> Calibration:
        """Calibration by images whose true values are known and that nothing was trained on.

        Afterwards the fraction of these images whose truth lies below each quantile of `ANCHORS`, or above its mirror image, is its
        probability, rounded up to the next image as split-conformal prediction does; a median has half of them on each side. A
        level that too few images reach has the factor of the next one inwards. Images with a value that is not finite are left out.

        Parameters
        ----------
        quantiles : ndarray, shape (n, len(LEVELS))
            In the parameter's unit. Those of an angle go on beyond the ends of its range, so that they ascend.
        std : ndarray, shape (n,)
            Standard deviation of each predictive distribution; zero where a network has none.
        true : ndarray, shape (n,)
        period : float, optional
            Of an angle, in its unit; the error of an angle is the shorter way round.

        Raises
        ------
        ValueError
            There are fewer than `MINIMUM_IMAGES` images with finite values, or the shapes do not fit.
        """
        quantiles, std = _checked(quantiles, std)
        true = np.asarray(true, float)
        finite = np.isfinite(quantiles).all(axis=1) & np.isfinite(std) & np.isfinite(true)
        images = int(finite.sum())
        if images < MINIMUM_IMAGES:
            raise ValueError(
                f"calibration needs at least {MINIMUM_IMAGES} images with a finite prediction and truth, and has {images} of {len(true)}"
            )
        quantiles, std = quantiles[finite], std[finite]
        error = short_way(true[finite] - quantiles[:, MEDIAN], period)
        floor = FLOOR * float(np.abs(error).mean())
        scale = _scale(std, floor)
        shift = float(np.median(error / scale))
        residual = short_way(error - shift * scale, period)
        below, above = (
            _factors(sign * residual, widths) for sign, widths in zip((-1, 1), _widths(quantiles, floor), strict=True)
        )
        half_widths = {coverage: _order_statistic(np.abs(error) / scale, coverage) for coverage in CENTRAL}
        return cls(shift, below, above, half_widths, floor, period, images)

    def apply(self, quantiles: np.ndarray, std: np.ndarray) -> np.ndarray:
        """Calibrated quantiles, ascending in the level; NaN for an image with a value that is not finite.

        Parameters
        ----------
        quantiles : ndarray, shape (n, len(LEVELS))
        std : ndarray, shape (n,)

        Returns
        -------
        ndarray, shape (n, len(LEVELS))
            In double precision. Those of an angle go on beyond the ends of its range, at most half a period from their median.
        """
        quantiles, std = _checked(quantiles, std)
        centre = (quantiles[:, MEDIAN] + self.shift * _scale(std, self.floor))[:, None]
        below, above = _widths(quantiles, self.floor)
        lower = np.minimum(_reach(self.below, below), self._limit)[:, ::-1]
        upper = np.minimum(_reach(self.above, above), self._limit)
        calibrated = np.concatenate([centre - lower, centre, centre + upper], axis=1)
        calibrated[~np.isfinite(quantiles).all(axis=1) | ~np.isfinite(std)] = np.nan
        return calibrated

    def conformal(self, quantiles: np.ndarray, std: np.ndarray) -> dict[float, np.ndarray]:
        """Split-conformal intervals (Lei et al. 2018, with residuals in units of `std`) about the median before calibration.

        For images exchangeable with those of the calibration, each holds the truth at least as often as it says, whatever the
        distribution, as long as `std` is above the floor.

        Returns
        -------
        dict of float to ndarray, shape (n, 2)
            Lower and upper end by the probability, in the parameter's unit.
        """
        quantiles, std = _checked(quantiles, std)
        centre, scale = quantiles[:, MEDIAN], _scale(std, self.floor)
        ends = {coverage: np.minimum(width * scale, self._limit) for coverage, width in self.half_widths.items()}
        return {coverage: np.stack([centre - half, centre + half], axis=1) for coverage, half in ends.items()}

    @property
    def _limit(self) -> float:
        """Distance from the median beyond which an interval is the whole circle."""
        return np.inf if self.period is None else self.period / 2

    def state(self) -> dict[str, Any]:
        """All of it, for the file of the network, in JSON."""
        return vars(self) | {"levels": LEVELS}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Calibration:
        """The calibration that `state` was taken from.

        Raises
        ------
        ValueError
            It is for other levels than `LEVELS`.
        """
        values = dict(state)
        if tuple(values.pop("levels")) != LEVELS:
            raise ValueError("the calibration is for quantiles at other levels; calibrate the network again")
        values["half_widths"] = {float(coverage): width for coverage, width in values["half_widths"].items()}
        return cls(**values | {side: tuple(values[side]) for side in ("below", "above")})


def _checked(quantiles: np.ndarray, std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in double precision; quantiles that cross are sorted (Chernozhukov et al. 2010)."""
    quantiles, std = np.asarray(quantiles, float), np.asarray(std, float)
    if quantiles.shape != (len(std), len(LEVELS)):
        raise ValueError(
            f"quantiles of {len(std)} images have the shape {quantiles.shape}, not {(len(std), len(LEVELS))}"
        )
    return np.sort(quantiles, axis=1), std


def _scale(std: np.ndarray, floor: float) -> np.ndarray:
    scale = np.maximum(std, floor)
    return np.where(scale == 0, 1.0, scale)  # without a floor no image has an error


def _widths(quantiles: np.ndarray, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """Distances of the levels below and above from the median, outwards; at least those of the normal distribution of `floor`."""
    median = quantiles[:, MEDIAN, None]
    sides = median - quantiles[:, MEDIAN - 1 :: -1], quantiles[:, MEDIAN + 1 :] - median
    below, above = (np.maximum(side, floor * _SCORES) for side in sides)
    return below, above


def _factors(residual: np.ndarray, widths: np.ndarray) -> tuple[float, ...]:
    """Factors of one side, outwards; `residual` is positive there. An anchor covers what those within it do, so that levels never cross."""
    factors: list[float] = []
    reached = np.zeros(len(residual))
    for position, level in zip(_ANCHORS, ANCHORS, strict=True):
        width, beyond = widths[:, position], residual > reached
        needed = np.divide(residual, width, out=np.zeros_like(residual), where=beyond)
        factor = _order_statistic(needed, level)
        factors.append(factor if np.isfinite(factor) else factors[-1])
        reached = np.maximum(reached, factors[-1] * width)
    return tuple(np.interp(_SCORES, _SCORES[_ANCHORS], factors).tolist())


def _reach(factors: tuple[float, ...], widths: np.ndarray) -> np.ndarray:
    """Distances from the calibrated median, outwards, that do not fall from anchor to anchor nor between them."""
    reach = np.asarray(factors) * widths
    reach[:, _ANCHORS] = np.maximum.accumulate(reach[:, _ANCHORS], axis=1)
    reach = np.minimum(reach, reach[:, _NEXT_ANCHOR])
    return np.maximum.accumulate(reach, axis=1)


def _order_statistic(values: np.ndarray, level: float) -> float:
    """The smallest value that a new one stays below with at least this probability; infinite if there are too few."""
    rank = ceil(round((len(values) + 1) * level, 9))
    return float(np.partition(values, rank - 1)[rank - 1]) if rank <= len(values) else np.inf

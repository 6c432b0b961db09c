"""Scores of single predictive distributions, each given by its quantiles, against the truth."""

from __future__ import annotations

import numpy as np

from sim2sky.models.calibration import LEVELS, MEDIAN, short_way


def covered(ends: np.ndarray, true: np.ndarray, period: float | None = None) -> np.ndarray:
    """Whether the truth lies within an interval, shape (n,); the interval of an angle starts at its first end and goes up to the second.

    Parameters
    ----------
    ends : ndarray, shape (n, 2)
    true : ndarray, shape (n,)
    period : float, optional
        Of an angle.
    """
    low, high = ends.T
    return (low <= true) & (true <= high) if period is None else (true - low) % period <= high - low


def probability_integral(quantiles: np.ndarray, true: np.ndarray, period: float | None = None) -> np.ndarray:
    """Predictive probability that lies below the truth of each image, shape (n,): uniform if errors are right (Dawid 1984).

    It is linear between levels, and in the middle of those that have the truth as their quantile; beyond the outer ones it is that of the
    middle of the tail. NaN where a quantile is not finite.

    Parameters
    ----------
    quantiles : ndarray, shape (n, levels)
        At `LEVELS`.
    true : ndarray, shape (n,)
    period : float, optional
        Of an angle.
    """
    true = near_median(quantiles, true, period)[:, None]
    levels = np.array(LEVELS)
    below, not_above = (quantiles < true).sum(axis=1), (quantiles <= true).sum(axis=1)
    lower, upper = np.clip(below - 1, 0, None), np.clip(below, None, len(levels) - 1)
    gap = np.take_along_axis(quantiles, np.stack([lower, upper], axis=1), axis=1)
    width = gap[:, 1] - gap[:, 0]
    share = np.divide(true[:, 0] - gap[:, 0], width, out=np.zeros_like(width), where=width > 0)
    found = levels[lower] + share * (levels[upper] - levels[lower])
    found = np.where(not_above > below, (levels[upper] + levels[not_above - 1]) / 2, found)
    found = np.where(not_above == 0, levels[0] / 2, np.where(below == len(levels), (1 + levels[-1]) / 2, found))
    return np.where(np.isfinite(quantiles).all(axis=1), found, np.nan)


def crps(quantiles: np.ndarray, true: np.ndarray, period: float | None = None) -> np.ndarray:
    """Continuous ranked probability score of each image, shape (n,), in the unit of the parameter; smaller is better.

    It is twice the pinball loss integrated over the level (Laio & Tamea 2007, eq. 8), here by the trapezoidal rule; beyond the outer levels
    quantiles are those of the outer levels. For a single number it is the absolute error.

    Parameters
    ----------
    quantiles : ndarray, shape (n, levels)
        At `LEVELS`.
    true : ndarray, shape (n,)
    period : float, optional
        Of an angle.
    """
    true = near_median(quantiles, true, period)[:, None]
    levels = np.array([0.0, *LEVELS, 1.0])
    error = true - np.concatenate([quantiles[:, :1], quantiles, quantiles[:, -1:]], axis=1)
    return 2 * np.trapezoid(np.maximum(levels * error, (levels - 1) * error), levels, axis=1)


def near_median(quantiles: np.ndarray, true: np.ndarray, period: float | None) -> np.ndarray:
    """Truth as the angle that means the same and is nearest to the median."""
    median = quantiles[:, MEDIAN]
    return median + short_way(true - median, period) if period else true

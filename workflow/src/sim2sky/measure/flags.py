"""Reasons not to believe a measurement, each a truth value per image with its rule in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sim2sky.angles import ANGLE_PERIODS
from sim2sky.models.calibration import LEVELS

if TYPE_CHECKING:
    from sim2sky.models.measuring import Estimates

TAIL = 0.01  # of the domain's own images, that many are unlike the others, and that many make the seeds disagree
FLAGS = {
    "outside_population": "a median lies outside the range of the labels that the network has learnt",
    "unlike_training": f"fewer than {TAIL:.0%} of the domain's own images lie farther out in the latent space (typicality)",
    "seeds_disagree": (
        f"the networks of the ensemble differ more, in units of the aleatoric error, than on all but {TAIL:.0%} of the domain's own "
        "images (agreement)"
    ),
    "prior_edge": "a median lies within the range of the labels, and its interval from q16 to q84 reaches beyond",
    "bad_pixels": "some pixels had no value (NaN, masked, saturated or without data) and were filled",
    "not_measured": "the image could not be measured; the column reason says why",
}


def at_level(quantiles: np.ndarray, level: float) -> np.ndarray:
    """The quantile at one of `LEVELS`, shape (n, parameters), of all quantiles, shape (n, parameters, levels)."""
    return quantiles[..., int(np.flatnonzero(np.isclose(LEVELS, level)).item())]


def flag(estimates: Estimates, population: Mapping[str, Mapping[str, float]]) -> dict[str, np.ndarray]:
    """Flags that follow from what the networks say: all of `FLAGS` but those of the image itself.

    Parameters
    ----------
    estimates : Estimates
        Of n images.
    population : mapping of str to mapping
        ``low`` and ``high`` of the labels by parameter. An angle, which has no ends, needs none.

    Returns
    -------
    dict of str to (n,) bool array
    """
    ranged = [index for index, name in enumerate(estimates.parameters) if name not in ANGLE_PERIODS]
    ends = np.array([[population[estimates.parameters[i]][end] for i in ranged] for end in ("low", "high")])
    low, high = ends
    q16, median, q84 = (at_level(estimates.quantiles, level)[:, ranged] for level in (0.16, 0.5, 0.84))
    within = np.asarray((low <= median) & (median <= high))
    return {
        "outside_population": np.any(~within, axis=1),
        "unlike_training": estimates.distance < TAIL,
        "seeds_disagree": estimates.agreement < TAIL,
        "prior_edge": np.any(within & ((q16 < low) | (q84 > high)), axis=1),
    }

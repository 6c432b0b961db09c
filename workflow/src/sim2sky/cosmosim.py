"""What the configuration and the simulation share of the CosmoSim engine: its generators' numbers and its names.

The generators are those of Vegsund & Sukarevicius 2023, *Intergalactic Machine Vision* (bachelor's thesis, NTNU), Section 3.4. A
fingerprint counts this module, as it does not count the configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:  # the Snakefile needs no arrays
    import numpy as np

Number = TypeVar("Number", float, "np.ndarray")

GENERATED = {  # the ranges of each generator that a study does not set; of whole numbers both ends are drawn
    "thesis": {"R_E": (5, 50), "r": (26, 200), "phi": (0, 359), "theta": (0, 179), "chi": (0.5, 0.5)},
    "point_mass_2022": {
        "R_E": (10, 50),
        "r": (0, 100),
        "phi": (0, 359),
        "sigma": (1, 60),
        "sigma2": (1, 40),
        "theta": (0, 179),
        "chi": (0.3, 0.7),
    },
    "continuous": {"R_E": (5, 50), "r": (26, 200), "phi": (0, 360), "theta": (0, 180), "chi": (0.5, 0.5)},
}


def largest_sigma(R_E: Number, r: Number) -> Number:
    """Size [pixel] above which a source shows the edge of its roulette: equation 3.4 of the thesis, found by trial."""
    return 0.4 - 0.05 * R_E + 0.282 * r


def amplitude_names(order: int) -> list[tuple[str, int, int]]:
    """Names of the amplitudes up to m = `order`, with m and s: alpha_1_0, alpha_1_2, beta_1_2, alpha_2_1, beta_2_1, ..

    beta_m_0 is left out: it is zero.
    """
    orders = [(m, s) for m in range(1, order + 1) for s in range((m + 1) % 2, m + 2, 2)]
    return [(f"{kind}_{m}_{s}", m, s) for m, s in orders for kind in ("alpha", "beta") if kind == "alpha" or s > 0]

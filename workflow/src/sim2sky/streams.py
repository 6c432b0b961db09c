"""Random streams: every random number comes from (seed, purpose, index) and from nothing else.

Lens 17 of seed 1 therefore looks the same in whichever shard, job or order it is made, and drawing one more quantity for a new purpose
changes no other.
"""

from zlib import crc32

import numpy as np


def generator(seed: int, purpose: str, *index: int) -> np.random.Generator:
    """A generator of its own for one purpose and one index (lens, epoch, ...).

    Parameters
    ----------
    seed : int
        The configured seed, >= 0.
    purpose : str
        What is drawn, for example ``"population"``.
    *index : int
        Which one, >= 0.
    """
    return np.random.default_rng(np.random.SeedSequence([seed, crc32(purpose.encode()), *index]))


def torch_seed(seed: int, purpose: str, *index: int) -> int:
    """A seed for ``torch.manual_seed`` from the same three things."""
    return int(generator(seed, purpose, *index).integers(2**63))

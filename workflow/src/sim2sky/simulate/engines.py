"""Registry of simulation engines: a file with one decorated function adds one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sim2sky.store import Variable


class Simulated(NamedTuple):
    """What an engine makes of some lenses."""

    variables: Mapping[str, Variable]
    attributes: Mapping[str, Any]  # of the shard: zero_point, pixel_scale, bands; null if there is none


Engine = Callable[..., Simulated]
ENGINES: dict[str, Engine] = {}


def register_engine(simulate: Engine) -> Engine:
    """Register a function ``name(simulation, lenses, device, progress)`` under its own name.

    The name is what a simulation gives as its `engine`. `lenses` is a range of indices; a lens must have the
    same bytes whatever the range. The function calls `progress` with the fraction that is done.
    """
    ENGINES[simulate.__name__] = simulate
    return simulate

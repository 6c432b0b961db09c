"""Simulated lenses as a survey sees them: centring and cropping, seeing, noise, real sky."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import zarr

from sim2sky.store import Shards, Variable


def carried(shard: Shards, without: Collection[str]) -> dict[str, Variable]:
    """All variables of a shard except those in `without`, to be written again as they are."""
    return {name: described(shard.read(name), shard.variable(name)) for name in shard if name not in without}


def described(data: np.ndarray, array: zarr.Array) -> Variable:
    """`data` with the names of axes, the unit and the meaning of an array of a shard."""
    attributes: dict[str, Any] = array.attrs.asdict()
    axes: Any = array.metadata
    return Variable(data, tuple(axes.dimension_names), attributes["units"], attributes["long_name"])

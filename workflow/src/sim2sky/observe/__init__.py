"""Simulated lenses as a survey sees them: centring and cropping, seeing, noise, real sky."""

from __future__ import annotations

from collections.abc import Collection

from sim2sky.store import Shards, Variable


def carried(shard: Shards, without: Collection[str]) -> dict[str, Variable]:
    """All variables of a shard except those in `without`, to be written again as they are."""
    variables = {}
    for name in shard:
        if name not in without:
            array = shard.variable(name)
            dims, attributes = array.metadata.dimension_names, array.attrs
            variables[name] = Variable(shard.read(name), tuple(dims), attributes["units"], attributes["long_name"])
    return variables

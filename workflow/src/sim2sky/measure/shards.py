"""Catalogues of the workflow: a part for each shard of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from sim2sky import store
from sim2sky.measure.catalogue import columns, rows
from sim2sky.measure.run import metadata
from sim2sky.measure.tables import write_part
from sim2sky.models.measuring import MeasuringNetwork
from sim2sky.observe.ingest import INGEST_FLAGS

CONDITIONS = ("seeing", "signal_to_noise")


def measure_shard(
    network: str | Path,
    dataset: str,
    shard: str | Path,
    bounds: tuple[int, int],
    output: str | Path,
    fingerprint: Mapping[str, str],
) -> None:
    """Measure images of a shard, simulated or real.

    Parameters
    ----------
    network : path
        Network file that measures.
    dataset : str
        What the images are of: one of the network's domains, or another with images like theirs, which is measured as its target.
    shard : path
        Shard of the observed images.
    bounds : (int, int)
        First and one-past-last of the lenses in the shard that are measured.
    output : path
        Parquet file to write. Simulated lenses have their true parameters and observing conditions beside the estimates.
    fingerprint : mapping of str to str
        Hash of the code.
    """
    about = MeasuringNetwork.read(network).about
    measuring = MeasuringNetwork.read(network, dataset if dataset in about.domains else None)
    about, shards = measuring.about, store.open_shards([shard])
    real = "measured" in shards
    table = (
        _of_real(shards, bounds)
        if real
        else _of_simulated(shards, bounds, dataset, Path(shard), list(about.parameters))
    )
    measured = (table.reason == "").to_numpy()
    images = shards.read("image", *bounds)[measured]
    conditions = {name: str(shards.variable(name).attrs["units"]) for name in CONDITIONS if name in table}
    published = [name for name in about.parameters if f"{name}_published" in table]
    flags = INGEST_FLAGS if real else {}
    known = columns(about.parameters, flags, conditions, published, true=not real)
    estimates = measuring.measure(images) if len(images) else None
    table = rows(list(known), table, measured, estimates, about.population)
    write_part(table, output, known, metadata(about) | {"fingerprint": dict(fingerprint), "dataset": dataset})
    print(f"{output}: {measured.sum()} of {len(table)} images measured", flush=True)


def _of_simulated(
    shards: store.Shards, bounds: tuple[int, int], dataset: str, shard: Path, parameters: list[str]
) -> pd.DataFrame:
    lenses = shards.read("lens", *bounds)
    table = pd.DataFrame({"name": [f"{dataset}-{lens:07d}" for lens in lenses]})
    table = table.assign(file=str(shard), reason="", ra=np.nan, dec=np.nan)
    conditions = {name: shards.read(name, *bounds)[:, 0] for name in CONDITIONS if name in shards}
    return table.assign(**conditions, **{f"{name}_true": shards.read(name, *bounds) for name in parameters})


def _of_real(shards: store.Shards, bounds: tuple[int, int]) -> pd.DataFrame:
    """As :func:`sim2sky.observe.ingest.write_image_shard` keeps it."""
    part, about = slice(*bounds), shards.attributes
    table = pd.DataFrame({name: about[name][part] for name in ("name", "file", "reason")}, dtype=str)
    there = [name for name in shards if name in ("ra", "dec") or name in INGEST_FLAGS or "_published" in name]
    values = {name: shards.read(name, *bounds) for name in there}
    return table.assign(**{f"flag_{name}" if name in INGEST_FLAGS else name: value for name, value in values.items()})

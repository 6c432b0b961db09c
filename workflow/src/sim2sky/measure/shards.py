"""Catalogues of the workflow, of the shards of a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from sim2sky import store
from sim2sky.measure.catalogue import columns, rows
from sim2sky.measure.quantiles import write_quantiles
from sim2sky.measure.run import metadata
from sim2sky.measure.tables import join_parts, write_part
from sim2sky.models.measuring import Estimates, MeasuringNetwork
from sim2sky.observe.ingest import INGEST_FLAGS
from sim2sky.provenance import record

CONDITIONS = ("seeing", "signal_to_noise")
STEP = 2000  # images in memory at once


def measure_simulated(
    network: str | Path,
    dataset: str,
    shards: Sequence[str | Path],
    bounds: tuple[int, int],
    catalogue: str | Path,
    quantiles: str | Path,
    fingerprint: Mapping[str, str],
    information: str | Path | None = None,
) -> None:
    """Measure lenses of a simulated dataset, whose true parameters and observing conditions are written beside the estimates.

    Parameters
    ----------
    network : path
        Network file that measures.
    dataset : str
        What the images are of: one of the network's domains, or another with images like theirs, which is measured as its target.
    shards : sequence of path
        Observed shards.
    bounds : (int, int)
        First and one-past-last of the lenses that are measured, counted from the first of `shards`.
    catalogue : path
        Parquet file to write, with FITS and ECSV beside it.
    quantiles : path
        Shard to write, with all quantiles; see :func:`write_quantiles`.
    fingerprint : mapping of str to str
        Hash of the code.
    information : path, optional
        Table of the smallest errors that estimates of some of these lenses can have, ``<parameter>_bound``.
    """
    measuring = network_for(network, dataset)
    about, data = measuring.about, store.open_shards(shards)
    conditions = [name for name in CONDITIONS if name in data]
    units = {name: str(data.variable(name).attrs["units"]) for name in conditions}
    known = columns(about.parameters, {}, units, true=True, lens=True)
    start, stop = bounds
    found, tables = [], []
    for first in range(start, stop, STEP):
        span = first, min(first + STEP, stop)
        table = _simulated(data, span, dataset, conditions, list(about.parameters))
        found.append(measuring.measure(data.read("image", *span)))
        everywhere = np.ones(len(table), bool)
        tables.append(rows(list(known), table, everywhere, found[-1], about.population))
        print(f"{dataset}: {span[1] - start} of {stop - start} images measured", flush=True)
    made = metadata(about) | {"fingerprint": dict(fingerprint), "dataset": dataset}
    with TemporaryDirectory(dir=Path(catalogue).parent) as folder:
        part = Path(folder) / "part.parquet"
        write_part(pd.concat(tables, ignore_index=True), part, known, made)
        print(*join_parts([part], catalogue), flush=True)
    whole = pd.read_parquet(catalogue)
    true = {name: whole[f"{name}_true"].to_numpy() for name in about.parameters}
    origin = record.provenance({}, fingerprint, network=about.sha256, dataset=dataset)
    given = {name: whole[name].to_numpy() for name in conditions}
    limits = _limits(information, data.read("lens", *bounds), list(about.parameters)) if information else {}
    write_quantiles(quantiles, _joined(found), true, about.parameters, origin, given, limits)


def _limits(path: str | Path, lens: np.ndarray, parameters: Sequence[str]) -> dict[str, np.ndarray]:
    """Bounds of the parameters that a table has, NaN for lenses that it does not have."""
    table = pd.read_parquet(path).set_index("lens").reindex(lens)
    names = {name: f"{name}_bound" for name in parameters}
    return {name: table[column].to_numpy() for name, column in names.items() if column in table}


def measure_real(
    network: str | Path, dataset: str, shard: str | Path, part: str | Path, fingerprint: Mapping[str, str]
) -> None:
    """Measure real images of a shard that :func:`sim2sky.observe.ingest.write_image_shard` wrote; arguments as above.

    `part` is a Parquet file for :func:`sim2sky.measure.tables.join_parts`.
    """
    measuring = network_for(network, dataset)
    about, data = measuring.about, store.open_shards([shard])
    table, measured = _real(data), data.read("measured")
    published = [name for name in about.parameters if f"{name}_published" in table]
    known = columns(about.parameters, INGEST_FLAGS, published=published, lens=True)
    images = data.read("image")[measured]
    estimates = measuring.measure(images) if len(images) else None
    table = rows(list(known), table, measured, estimates, about.population)
    write_part(table, part, known, metadata(about) | {"fingerprint": dict(fingerprint), "dataset": dataset})
    print(f"{part}: {measured.sum()} of {len(table)} images measured", flush=True)


def network_for(path: str | Path, dataset: str) -> MeasuringNetwork:
    """A network file as it measures a dataset: by the dataset's own statistics if it has them."""
    network = MeasuringNetwork.read(path)
    return MeasuringNetwork.read(path, dataset) if dataset in network.about.domains else network


def _simulated(
    data: store.Shards, span: tuple[int, int], dataset: str, conditions: Sequence[str], parameters: Sequence[str]
) -> pd.DataFrame:
    lenses = data.read("lens", *span)
    files = [str(data.path_of(position)) for position in range(*span)]
    names = [f"{dataset}-{lens:07d}" for lens in lenses]
    table: dict[str, Any] = {"name": names, "file": files, "lens": lenses}
    table |= {"reason": "", "ra": np.nan, "dec": np.nan}
    table |= {name: data.read(name, *span)[:, 0] for name in conditions}
    return pd.DataFrame(table | {f"{name}_true": data.read(name, *span) for name in parameters})


def _real(data: store.Shards) -> pd.DataFrame:
    about = data.attributes
    reasons = [about["reasons"].get(str(place), "") for place in range(len(data))]
    table: dict[str, Any] = {"name": about["names"], "file": about["files"], "reason": reasons}
    table |= {name: data.read(name) for name in ("lens", "ra", "dec")}
    table |= {f"flag_{name}": data.read(name) for name in INGEST_FLAGS if name in data}
    for array in [name for name in data if name.startswith("published_")]:
        name, error = array.removeprefix("published_"), array.endswith("_error")
        table[f"{name.removesuffix('_error')}_published{'_error' * error}"] = data.read(array)
    return pd.DataFrame(table)


def _joined(parts: Sequence[Estimates]) -> Estimates:
    """Estimates of several lots of images as those of one."""
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in vars(parts[0])
        if name not in ("parameters", "conformal")
    }
    conformal = {level: np.concatenate([part.conformal[level] for part in parts]) for level in parts[0].conformal}
    return replace(parts[0], **arrays, conformal=conformal)

"""Undo the lensing of the first test images of a run with the parameters that its first network predicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from sim2sky import store
from sim2sky.config import CosmosimSimulation
from sim2sky.lensing.undo import reconstruct
from sim2sky.provenance import record

# of the images that are written: the sky's y and x, and v and u in the plane of the source
AXES = {
    "image": ("row", "y", "x"),
    "simulated": ("row", "y", "x"),
    "undone": ("row", "v", "u"),
    "source": ("row", "v", "u"),
}
NUMBERS = ["rms", "rms_image", "rms_source"]  # of :class:`sim2sky.lensing.undo.Reconstructed`


def reconstruct_block(
    predictions: str | Path,
    shards: Sequence[str | Path],
    simulation: CosmosimSimulation,
    *,
    domain: str,
    statistics: str,
    count: int,
    table: str | Path,
    images: str | Path,
    fingerprint: Mapping[str, str],
    provenance: str | Path | None = None,
) -> None:
    """Reconstruct the first test images of a domain from the predictions of a block's first seed.

    Parameters
    ----------
    predictions : path
        Written by :func:`sim2sky.evaluate.predict.predict_block`.
    shards : sequence of path
        All of the domain.
    simulation : CosmosimSimulation
        That of the domain.
    domain, statistics : str
        Which predictions.
    count : int
        How many images.
    table : path
        Written: CSV with ``lens``, `NUMBERS` and per parameter ``true_<name>`` and ``predicted_<name>``.
    images : path
        Written: a shard with ``image``, ``simulated``, ``undone`` and ``source``, in the order of the table.
    fingerprint : mapping of str to str
        Of the code.
    provenance : path
        Written, if given: what the table was made from, see :func:`sim2sky.provenance.record.write_provenance`.

    Raises
    ------
    StoreError
        A shard cannot be read.
    ValueError
        The networks do not regress all parameters that an image is simulated from.
    """
    wide = _estimates(predictions, domain, statistics)
    data = store.open_shards(shards)
    position = dict(zip(data.read("lens").tolist(), range(len(data)), strict=True))
    rows, found = [], []
    for lens in wide.index[:count]:
        image = data.read("image", position[lens], position[lens] + 1)[0, 0]
        estimate = {str(name): float(value) for name, value in wide.predicted.loc[lens].items()}
        result = reconstruct(image, estimate, simulation)
        found.append({"image": image, **result._asdict()})
        row = {"lens": lens} | {name: getattr(result, name) for name in NUMBERS}
        row |= {f"true_{name}": value for name, value in wide.true.loc[lens].items()}
        rows.append(row | {f"predicted_{name}": value for name, value in estimate.items()})
        print(f"lens {lens}: RMS {result.rms:.3g} of {result.rms_image:.3g} left", flush=True)
    store.write_table(pd.DataFrame(rows), table)
    config = {"simulation": simulation.params(), "domain": domain, "count": count, "recipe": wide.attrs.get("config")}
    about = record.provenance(config, fingerprint)
    variables = {
        name: store.Variable(np.stack([np.asarray(each[name], np.float32) for each in found]), axes, unit="count")
        for name, axes in AXES.items()
    }
    store.write_shard(images, variables, about)
    if provenance:
        record.write_provenance(provenance, [table], about)


def _estimates(predictions: str | Path, domain: str, statistics: str) -> pd.DataFrame:
    """True and predicted values of the block's first seed: a row per lens, columns (true or predicted, parameter).

    ``attrs`` says how they were made.
    """
    wanted = [("domain", "==", domain), ("statistics", "==", statistics)]
    columns = ["seed", "lens", "parameter", "true", "predicted"]
    table = pd.read_parquet(predictions, columns=columns, filters=wanted)
    table = table[table.seed == table.seed.min()]
    wide = table.pivot(index="lens", columns="parameter", values=["true", "predicted"])
    wide.attrs = table.attrs
    return wide

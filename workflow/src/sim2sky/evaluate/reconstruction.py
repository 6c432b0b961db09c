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
    """
    wide = _estimates(predictions, domain, statistics)
    config = {"simulation": simulation.params(), "domain": domain, "count": count, "recipe": wide.attrs.get("config")}
    lenses = wide.index[:count]
    data = store.open_shards(shards)
    index = dict(zip(data.read("lens").tolist(), range(len(data)), strict=True))
    found, rows = {name: [] for name in ("image", "simulated", "undone", "source")}, []
    for lens in lenses:
        place = index[lens]
        image = data.read("image", place, place + 1)[0, 0]
        estimate = {str(name): float(value) for name, value in wide.predicted.loc[lens].items()}
        result = reconstruct(image, estimate, simulation)
        for name, values in {"image": image, **result._asdict()}.items():
            if name in found:
                found[name].append(np.asarray(values, np.float32))
        true = {f"true_{name}": value for name, value in wide.true.loc[lens].items()}
        rows.append({"lens": lens} | {name: getattr(result, name) for name in NUMBERS} | true)
        rows[-1] |= {f"predicted_{name}": value for name, value in estimate.items()}
        print(f"lens {lens}: RMS {result.rms:.3g} of {result.rms_image:.3g} left", flush=True)
    store.write_table(pd.DataFrame(rows), table)
    axes = {"undone": ("row", "v", "u"), "source": ("row", "v", "u")}
    variables = {
        name: store.Variable(np.stack(values), axes.get(name, ("row", "y", "x")), unit="count")
        for name, values in found.items()
    }
    about = record.provenance(config, fingerprint)
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

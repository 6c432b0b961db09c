"""Networks that never learn: those whose training loss is above that of always answering with the mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

STUCK = "stuck_fraction"


def stuck_name(epoch: int | None = None) -> str:
    """Name of the metric after an epoch; after the last one without."""
    return STUCK if epoch is None else f"{STUCK}_after_{epoch}"


def stuck_metrics(history: str | Path, source: str, after_epochs: Sequence[int] = ()) -> pd.DataFrame:
    """Whether each network is stuck: 1 or 0, so that the mean over seeds is the fraction that is.

    A network is stuck if its mean training loss over an epoch exceeds the loss of always answering with the mean of
    the training labels, which a network that looks at its images at all falls below.

    Parameters
    ----------
    history : path
        Written by :func:`sim2sky.train.block.train_block`; its columns ``loss`` and ``guess_loss`` are compared.
    source : str
        Name of the domain that was learnt from.
    after_epochs : sequence of int
        Epochs after which to look, beside the last; those that a training does not reach are passed over.

    Returns
    -------
    DataFrame
        Columns ``seed``, ``domain``, ``statistics``, ``parameter``, ``metric``, ``value``, one row per seed and epoch. A
        network in training normalises by the statistics of its batch.
    """
    table = pd.read_csv(history)
    found = []
    for epoch in (None, *after_epochs):
        rows = table[table.epoch == (table.epoch.max() if epoch is None else epoch)]
        stuck = (rows.loss > rows.guess_loss).astype(float)
        found.append(pd.DataFrame({"seed": rows.seed, "metric": stuck_name(epoch), "value": stuck}))
    about = {"domain": source, "statistics": "batch", "parameter": ""}
    columns = ["seed", "domain", "statistics", "parameter", "metric", "value"]
    return pd.concat(found, ignore_index=True).assign(**about)[columns]

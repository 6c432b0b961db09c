"""Metrics of one block of seeds of a run, in a file of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from sim2sky import store
from sim2sky.evaluate.distances import run_distances
from sim2sky.evaluate.metrics import run_metrics
from sim2sky.evaluate.stuck import stuck_metrics

RUN_COLUMNS = ["run", "method", "recipe", "source", "target", "seed", "domain", "statistics", "parameter"]
RUN_COLUMNS += ["metric", "value"]


def evaluate_run(
    predictions: str | Path,
    latents: str | Path,
    path: str | Path,
    *,
    run: str,
    method: str,
    recipe: str,
    source: str,
    target: str | None,
    history: str | Path | None = None,
    after_epochs: Sequence[int] = (),
) -> None:
    """Write the metrics of one block of seeds of a run as CSV with `RUN_COLUMNS`.

    Parameters
    ----------
    predictions, latents : path
        What :func:`sim2sky.evaluate.predict.predict_block` wrote.
    path : path
        The CSV file.
    run, method, recipe, source, target : str
        Names, as in the study file; `target` is None for a run that adapts to no domain.
    history : path, optional
        Learning curves. If they are given, the file also says which networks are stuck after the last epoch.
    after_epochs : sequence of int
        Further epochs after which it says so.

    Raises
    ------
    StoreError
        `latents` is not a readable shard.
    ValueError
        The latents of two domains have different shapes, or are of fewer than two lenses.
    """
    names = {"run": run, "method": method, "recipe": recipe, "source": source, "target": target or ""}
    tables = [run_metrics(pd.read_parquet(predictions)), run_distances(latents, source).assign(parameter="")]
    if history:
        tables.append(stuck_metrics(history, source, after_epochs))
    rows = concatenate(tables)
    store.write_table(rows.assign(**names)[RUN_COLUMNS], path)


def read_metrics(path: str | Path) -> pd.DataFrame:
    """Read a metrics file exactly as it was written; no name is taken for a missing value."""
    text = ["study", "run", "method", "recipe", "source", "target", "domain", "statistics", "parameter", "metric"]
    types = dict.fromkeys(text, str) | {"seed": np.int64, "value": np.float64}
    return pd.read_csv(
        path, dtype=types, keep_default_na=False, na_values={"value": [""]}, float_precision="round_trip"
    )


def concatenate(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """All rows; empty tables have columns but no types, so they only count when there is nothing else."""
    tables = list(tables)
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)

"""What the other stages left behind for the figures of one study. What is missing is None, and a figure says so."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import pandas as pd
import safetensors
from pyarrow import parquet

from sim2sky import store
from sim2sky.config import CrossValidation, Measurement, Study, Survey
from sim2sky.evaluate.run_metrics import read_metrics
from sim2sky.provenance.stale import stale, stale_predictions, stale_shard, stale_table

# Paths by kind of file and key; a key is a name or, of what is made for each run, (run, block of seeds)
Inputs = Mapping[str, Mapping[Any, str | Path]]


class Results:
    """Files of one study that were handed over by kind; no other is read.

    Parameters
    ----------
    study : Study
        Its configuration.
    inputs : mapping of str to (mapping of key to path)
        Existing files, by kind: ``history``, ``predictions``, ``latents`` and ``models`` by (run, block of seeds), blocks in the
        order of the seeds; ``first_shards``, the first observed shard of each dataset, by dataset; ``cutouts``, of surveys, by
        name; ``catalogues`` by (run, dataset), and ``measured_shards``, the first shard of each dataset that is measured; ``metrics`` by ``table``; ``error_scores``, ``cross_validation``, ``degeneracy`` and ``reconstruction`` by ``table``,
        ``provenance`` and, but for the first two, ``images``.
    surveys : mapping of str to Survey
        Surveys by name, for the comparison with the real sky.

    Raises
    ------
    KeyError
        By any method that is asked for a kind that was not handed over.
    """

    def __init__(self, study: Study, inputs: Inputs, surveys: Mapping[str, Survey] | None = None):
        self.study, self.surveys, self._inputs = study, surveys or {}, inputs

    def only(self, kinds: Collection[str]) -> Results:
        """The same with fewer kinds of files."""
        return Results(self.study, {kind: self._inputs[kind] for kind in kinds}, self.surveys)

    def _blocks(self, kind: str, run: str) -> list[str | Path]:
        """Files of a run, one for each block of seeds."""
        return [path for (name, _), path in self._inputs[kind].items() if name == run]

    def predictions(
        self, run: str, domain: str, statistics: str, columns: Sequence[str], parameter: str | None = None
    ) -> pd.DataFrame | None:
        """Predictions of one parameter on a domain's test part, by all seeds of a run.

        Parameters
        ----------
        run, domain, statistics : str
            Which predictions.
        columns : sequence of str
            Columns beside ``seed``. One that is not there, such as the seeing of images without a survey, is NaN.
        parameter : str
            The first that is regressed if not given.
        """
        wanted = {"domain": domain, "statistics": statistics, "parameter": parameter or self.study.targets[0]}
        filters = [(column, "==", value) for column, value in wanted.items()]
        parts = [_columns(path, ["seed", *columns], filters) for path in self._blocks("predictions", run)]
        table = pd.concat(parts, ignore_index=True) if parts else None
        return None if table is None or table.empty else table

    def history(self, run: str) -> pd.DataFrame | None:
        """Learning curves of all seeds of a run."""
        parts = [pd.read_csv(path) for path in self._blocks("history", run)]
        return pd.concat(parts, ignore_index=True) if parts else None

    def network_size(self, run: str) -> int | None:
        """Number of trainable parameters of one network of a run; buffers, such as those of batch normalisation, do not count."""
        path = next(iter(self._blocks("models", run)), None)
        if path is None:
            return None
        with safetensors.safe_open(path, "np") as file:
            keys = sorted(file.keys())
            first = keys[0].partition("/")[0]
            trained = [key for key in keys if key.startswith(f"{first}/") and _trained(key)]
            return sum(prod(file.get_slice(key).get_shape()) for key in trained)

    def latents(self, run: str) -> str | Path | None:
        """File of the latent features of the run's first seed that has any."""
        return next(iter(self._blocks("latents", run)), None)

    def metrics(self) -> pd.DataFrame | None:
        """``metrics.csv``: one row per run, seed, domain, statistics and metric."""
        path = self._inputs["metrics"].get("table")
        return read_metrics(path) if path else None

    def cross_validation(self) -> pd.DataFrame | None:
        """``cross_validation.csv``, as :func:`read_folds` reads it."""
        path, cross = self._inputs["cross_validation"].get("table"), self.study.cross_validation
        return read_folds(path, cross) if path and cross else None

    def error_scores(self) -> pd.DataFrame | None:
        """``errors.csv``, which :func:`sim2sky.evaluate.errors.evaluate_errors` writes."""
        path = self._inputs["error_scores"].get("table")
        return pd.read_csv(path) if path else None

    def analysis(self, kind: str) -> tuple[pd.DataFrame, store.Shards] | None:
        """The table of ``degeneracy`` or ``reconstruction``, and the images of its rows."""
        files = self._inputs[kind]
        return (pd.read_csv(files["table"]), store.open_shards([files["images"]])) if files else None

    def first_shard(self, dataset: str) -> store.Shards | None:
        """The first observed shard of a dataset."""
        path = self._inputs["first_shards"].get(dataset)
        return store.open_shards([path]) if path else None

    def measured(self) -> Measurement:
        """What the study asks to be measured; LookupError if it asks for nothing."""
        if self.study.measurement is None:
            raise LookupError("the study measures nothing")
        return self.study.measurement

    def catalogue(self, run: str, dataset: str) -> str | Path | None:
        """Parquet file of what a run measured on a dataset."""
        return self._inputs["catalogues"].get((run, dataset))

    def measured_shard(self, dataset: str) -> store.Shards | None:
        """The shard with the first images of a dataset that are measured."""
        path = self._inputs["measured_shards"].get(dataset)
        return store.open_shards([path]) if path else None

    def cutouts(self, name: str) -> str | Path | None:
        """FITS file of a survey's cutouts."""
        return self._inputs["cutouts"].get(name)


def current(
    inputs: Inputs, study: Study, surveys: Mapping[str, Survey], cutouts: Mapping[str, str] | None = None
) -> Inputs:
    """`inputs` without what was made for another configuration than `study`, or from other survey cutouts.

    Parameters
    ----------
    inputs : mapping of str to (mapping of key to path)
        As :class:`Results` takes them, ``models`` among them if anything else is of single runs.
    study : Study
        The present configuration.
    surveys : mapping of str to Survey
        Surveys by name; those that are not given are not compared.
    cutouts : mapping of str to str
        Checksums of survey cutouts by their key in the configuration; those that are not given are not compared.

    Raises
    ------
    ValueError, StoreError
        A file does not say how it was made, or a table was changed since.
    """
    models, predictions = inputs.get("models", {}), inputs.get("predictions", {})
    old = {(run, seeds) for run, seeds in models if stale(models, study, run, seeds, surveys, cutouts)}
    old |= {
        block
        for block in predictions.keys() & models.keys() - old
        if stale_predictions(predictions[block], models[block], study, block[0], surveys, cutouts)
    }
    shards = inputs.get("first_shards", {})
    old |= {dataset for dataset in shards if stale_shard(shards[dataset], study, dataset, surveys, cutouts)}
    kept = {kind: {key: path for key, path in files.items() if key not in old} for kind, files in inputs.items()}
    for kind, files in kept.items():
        if "provenance" in files and stale_table(files["provenance"], [files["table"]], study, kind, surveys, cutouts):
            kept[kind] = {}
    return kept


def read_folds(path: str | Path, cross: CrossValidation) -> pd.DataFrame:
    """Scores of cross-validation, in which points of the grid are text as it was written: null is not a missing value."""
    table = pd.read_csv(path, dtype=dict.fromkeys(cross.grid, str), keep_default_na=False, na_values={"r2": [""]})
    return table.replace(dict.fromkeys([key for key in cross.grid if key in table], {"": "null"}))


def _columns(path: str | Path, names: Sequence[str], filters: Sequence[tuple]) -> pd.DataFrame:
    """Columns of a Parquet file; NaN for those that it lacks."""
    there = set(parquet.read_schema(path).names)
    table = pd.read_parquet(path, columns=[name for name in names if name in there], filters=filters)
    return table.reindex(columns=names)


def _trained(key: str) -> bool:
    """Whether a tensor is a parameter, not a buffer of batch normalisation or of Swin's attention windows."""
    buffers = ("running_mean", "running_var", "num_batches_tracked", "relative_position_index", "relative_coords_table")
    return key.rsplit(".", 1)[-1] not in buffers

"""What the other stages left behind for one study; what is missing is None, and a figure says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

import pandas as pd
import safetensors
from pyarrow import parquet

from sim2sky import store
from sim2sky.config import Study, Survey
from sim2sky.evaluate.run_metrics import read_metrics
from sim2sky.paths import Paths, of_run
from sim2sky.provenance.stale import stale, stale_table


class Products:
    """Files of one study under one results folder.

    Parameters
    ----------
    name : str
        Name of the study.
    study : Study
        Its configuration.
    paths : Paths
        Path patterns of the results folder.
    surveys : mapping of str to Survey
        Surveys by name, for the comparison with the real sky.
    cutouts : mapping of str to path
        Survey cutouts by name.
    partial : bool
        Results may be of an earlier configuration; those of networks that were not made as `study` says are passed over.
    """

    def __init__(
        self,
        name: str,
        study: Study,
        paths: Paths,
        surveys: Mapping[str, Survey] | None = None,
        cutouts: Mapping[str, str | Path | None] | None = None,
        partial: bool = False,
    ):
        self.name, self.study, self.paths = name, study, paths
        self.surveys, self.cutouts, self.partial = surveys or {}, cutouts or {}, partial

    def _blocks(self, pattern: str, run: str) -> list[Path]:
        found = []
        for seeds in self.study.seed_blocks:
            block = (self.name, self.study, run, seeds)
            path, model = (Path(of_run(each, *block)) for each in (pattern, self.paths.model))
            if path.is_file() and not (self.partial and model.is_file() and stale(self.paths, *block, self.surveys)):
                found.append(path)
        return found

    def predictions(
        self, run: str, domain: str, statistics: str, columns: Sequence[str], parameter: str | None = None
    ) -> pd.DataFrame | None:
        """Test-part predictions of a target, the first if none is named, by all seeds of a run; `columns` beside ``seed``.

        A column that is not there, such as the seeing of images without one, is NaN.
        """
        wanted = {"domain": domain, "statistics": statistics, "parameter": parameter or self.study.targets[0]}
        filters = [(column, "==", value) for column, value in wanted.items()]
        parts = [_columns(path, ["seed", *columns], filters) for path in self._blocks(self.paths.predictions, run)]
        table = pd.concat(parts, ignore_index=True) if parts else None
        return None if table is None or table.empty else table

    def history(self, run: str) -> pd.DataFrame | None:
        """Learning curves of all seeds of a run."""
        parts = [pd.read_csv(path) for path in self._blocks(self.paths.history, run)]
        return pd.concat(parts, ignore_index=True) if parts else None

    def network_size(self, run: str) -> int | None:
        """Trainable numbers of one network of a run; buffers, such as those of batch normalisation, do not count."""
        for path in self._blocks(self.paths.model, run):
            with safetensors.safe_open(path, "np") as file:
                keys = sorted(file.keys())
                first = keys[0].split("/")[0]
                sizes = [
                    file.get_slice(key).get_shape() for key in keys if key.startswith(f"{first}/") and _trained(key)
                ]
            return sum(map(prod, sizes))
        return None

    def latents(self, run: str) -> Path | None:
        """Latent features of the run's first seed that has any."""
        return next(iter(self._blocks(self.paths.latents, run)), None)

    def metrics(self) -> pd.DataFrame | None:
        """``metrics.csv``: one row per run, seed, domain, statistics and metric."""
        path = Path(self.paths.metrics.format(study=self.name))
        return read_metrics(path) if path.is_file() else None

    def cross_validation(self) -> pd.DataFrame | None:
        """``cross_validation.csv``."""
        found = self._of_this("cross_validation", self.paths.cross_validation, self.paths.cross_validation_provenance)
        return None if found is None else pd.read_csv(found)

    def degeneracy(self) -> tuple[pd.DataFrame, store.Shards] | None:
        """``degeneracy.csv``, and the images of its rows."""
        found = self._of_this("degeneracy", self.paths.degeneracy, self.paths.degeneracy_provenance)
        return found and self._with_images(found, self.paths.degenerate_images)

    def reconstruction(self) -> tuple[pd.DataFrame, store.Shards] | None:
        """``reconstruction.csv``, and the images of its rows."""
        found = self._of_this("reconstruction", self.paths.reconstruction, self.paths.reconstruction_provenance)
        return found and self._with_images(found, self.paths.reconstructed_images)

    def _of_this(self, kind: str, table: str, provenance: str) -> Path | None:
        """A table that there is; where results may be of an earlier configuration, only if it was made as the study says."""
        path, about = (Path(pattern.format(study=self.name)) for pattern in (table, provenance))
        if path.is_file() and not (self.partial and stale_table(about, [path], self.study, kind)):
            return path
        return None

    def _with_images(self, table: Path, images: str) -> tuple[pd.DataFrame, store.Shards] | None:
        path = Path(images.format(study=self.name))
        return (pd.read_csv(table), store.open_shards([path])) if path.is_file() else None

    def shards(self, dataset: str) -> list[Path]:
        """Observed shards of a dataset that exist, in the order of their lenses."""
        names = self.study.simulations[self.study.datasets[dataset].simulation].shards
        paths = (Path(self.paths.observed.format(dataset=dataset, shard=shard)) for shard in names)
        return [path for path in paths if path.is_file()]


def _columns(path: Path, names: Sequence[str], filters: Sequence[tuple]) -> pd.DataFrame:
    """Columns of a Parquet file; NaN for those that it lacks."""
    there = set(parquet.read_schema(path).names)
    table = pd.read_parquet(path, columns=[name for name in names if name in there], filters=filters)
    return table.reindex(columns=names)


def _trained(key: str) -> bool:
    """Whether a tensor is not a buffer, of batch normalisation or of the attention windows of Swin."""
    buffers = ("running_mean", "running_var", "num_batches_tracked", "relative_position_index", "relative_coords_table")
    return key.rsplit(".", 1)[-1] not in buffers

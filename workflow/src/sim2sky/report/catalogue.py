"""What pictures of a catalogue need of it: its numbers without its text, and which rows are shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from pyarrow import parquet

from sim2sky.angles import ANGLE_PERIODS
from sim2sky.measure.flags import FLAGS

SHOWN = 24  # images of each montage
DOUBTS = [f"flag_{name}" for name in FLAGS if name != "not_measured"]
_TEXT = ("name", "file", "reason")


def read_numbers(path: str | Path) -> pd.DataFrame:
    """All columns of a catalogue but text, with ``doubtful``, whether a measured row has any flag; ``attrs`` say what it is."""
    table = pd.read_parquet(path, columns=[name for name in parquet.read_schema(path).names if name not in _TEXT])
    return table.assign(doubtful=table[DOUBTS].any(axis=1) & ~table.flag_not_measured)


def read_text(path: str | Path, rows: Sequence[int]) -> pd.DataFrame:
    """Text of some rows of a catalogue, in their order, a row group in memory at a time."""
    file, found, first = parquet.ParquetFile(path), [], 0
    for group in range(file.num_row_groups):
        part = file.read_row_group(group, columns=list(_TEXT)).to_pandas()
        part.index += first
        found.append(part.loc[part.index.intersection(rows)])
        first += len(part)
    return pd.concat(found).loc[list(rows)]


def parameters_of(table: pd.DataFrame) -> list[str]:
    """Measured parameters; the first is the one that is shown beside images."""
    return list(table.attrs["parameters"])


def is_angle(parameter: str) -> bool:
    """Whether a parameter goes round in circles."""
    return parameter in ANGLE_PERIODS


def chosen(table: pd.DataFrame, count: int = SHOWN) -> tuple[list[int], list[int]]:
    """Rows to be shown: evenly spaced ones of those without flags, by the first parameter, and of those with flags, in order."""
    median = table[f"{parameters_of(table)[0]}_median"]
    rows = []
    for mine in (~table.doubtful & ~table.flag_not_measured, table.doubtful):
        found = median[mine].sort_values().index
        rows.append([int(row) for row in found[np.linspace(0, len(found) - 1, min(count, len(found))).astype(int)]])
    return rows[0], rows[1]


def reference_of(table: pd.DataFrame, parameter: str) -> str | None:
    """The column with which a parameter can be compared: true values, or published ones."""
    names = (f"{parameter}_{kind}" for kind in ("true", "published"))
    return next((name for name in names if name in table and table[name].notna().any()), None)

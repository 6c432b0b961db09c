"""``summary.csv`` of a study, read once and asked for single numbers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd

from sim2sky.config import MEAN_PARAMETER
from sim2sky.evaluate.metrics import CIRCULAR, FIXED, OVER_PARAMETERS
from sim2sky.report.tables.table import score


class Summary:
    """``summary.csv`` of one study, asked for single numbers.

    Parameters
    ----------
    path : path
        Written by :func:`sim2sky.evaluate.aggregate.aggregate`.
    """

    def __init__(self, path: str | Path):
        text = ["study", "method", "recipe", "domain", "statistics", "parameter", "metric", "published_source", "run"]
        numbers = ["mean", "std", "n_seeds", "published_mean", "published_std"]
        self.table = pd.read_csv(
            path, dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=dict.fromkeys(numbers, [""])
        )
        self._rows: dict[tuple[str, ...], dict[str, Any]] = {}
        for row in self.table.itertuples():
            self._rows.setdefault((row.run, row.domain, row.statistics, row.metric), {})[row.parameter] = row

    def row(self, run: str, domain: str, statistics: str, metric: str, parameter: str | None = None) -> Any | None:
        """The row of a parameter; None if there is none.

        If no parameter is named, the row is that of the mean over several parameters, or of the first where there is no mean.
        """
        rows = self._rows.get((run, domain, statistics, metric), {})
        if parameter is None:
            return rows.get(MEAN_PARAMETER, next(iter(rows.values()), None))
        return rows.get(parameter)

    def get(self, run: str, domain: str, statistics: str, metric: str, parameter: str | None = None) -> Any | None:
        """The row with ``mean``, ``std`` and ``n_seeds``; None if the run is missing or gave no number."""
        row = self.row(run, domain, statistics, metric, parameter)
        return None if row is None or math.isnan(row.mean) else row

    def text(self, run: str, domain: str, statistics: str, metric: str, parameter: str | None = None) -> str:
        """``mean ± std`` in words, what there is instead of an R2 that does not exist, or a dash."""
        row = self.row(run, domain, statistics, metric, parameter)
        if row is not None and not math.isnan(row.mean):
            return score(metric, row.mean, row.std)
        return FIXED if row is not None and self.why_none(row) == FIXED else "–"

    def why_none(self, row: Any) -> str:
        """Why the mean of a row is not there, in words."""
        if not row.n_seeds:
            return "not run"
        errors = self._rows.get((row.run, row.domain, row.statistics, "mae"), {})
        single = [
            error
            for name, error in errors.items()
            if name != MEAN_PARAMETER and row.parameter in (name, MEAN_PARAMETER)
        ]
        predicted = bool(single) and not any(math.isnan(error.mean) for error in single)
        return FIXED if predicted and row.metric in (*OVER_PARAMETERS, CIRCULAR) else "not a number"

    def seeds(self, run: str, domain: str, statistics: str, metric: str, parameter: str | None = None) -> str:
        """Number of seeds that a mean is of, or a dash."""
        row = self.row(run, domain, statistics, metric, parameter)
        return "–" if row is None else str(row.n_seeds)

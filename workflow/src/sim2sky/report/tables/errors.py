"""Table of how well errors describe what they are errors of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from sim2sky.config import Study
from sim2sky.report.comparisons import run_labels
from sim2sky.report.symbols import text_symbol
from sim2sky.report.tables.table import Table, decimals, number

_OTHERS = (0.5, 0.9, 0.95)  # intervals beside that of 68 %
_CHANGES = {"crps": "CRPS", "nll": "NLL"}  # before and after calibration


def errors(study: Study, path: str | Path) -> Table:
    """Coverage and scores of each run on each domain, for each parameter, beside the coverage that is asked for.

    Parameters
    ----------
    study : Study
        It says which runs measure which datasets.
    path : path
        Written by :func:`sim2sky.evaluate.errors.evaluate_errors`.
    """
    table = pd.read_csv(path)
    table = table[table.by == "all"]
    runs = list(dict.fromkeys(run for run, _ in study.error_scores))
    labels = dict(zip(runs, run_labels(study, runs), strict=True))
    several = len(study.targets) > 1
    limited = (table.metric == "limit").any()
    rows = []
    for run, domain in study.error_scores:
        here = table[(table.run == run) & (table.domain == domain)]
        for name in here.parameter.unique():
            of_parameter = here[here.parameter == name]
            first = [labels[run], study.datasets[domain].title, *([text_symbol(name)] if several else [])]
            rows.append([*first, *_scores(of_parameter, _goal(study, domain), limited)])
        if here.empty:
            rows.append([labels[run], study.datasets[domain].title, *["–"] * (len(_OTHERS) + 11 + several + limited)])
    groups = [("", 2 + several), ("68 % interval holds", 4), ("after, holds", len(_OTHERS))]
    groups += [(title, 2) for title in _CHANGES.values()]
    groups += [("", 3 + limited)]
    columns = ["run", "domain", *(["parameter"] if several else []), "asked for", "before", "after", "conformal"]
    columns += [f"{100 * each:g} %" for each in _OTHERS]
    columns += ["before", "after"] * len(_CHANGES) + [
        "width of 68 %",
        "RMSE",
        *(["bound"] if limited else []),
        "outliers",
    ]
    return Table(columns, rows, groups)


def _goal(study: Study, domain: str) -> str:
    within = study.measurement.coverage_within.get(domain) if study.measurement else None
    return f"68 ± {100 * within:g}" if within else "–"


def _scores(table: pd.DataFrame, goal: str, limited: bool) -> list[str]:
    """Cells of one parameter, coverages in per cent, of 68 % with the binomial scatter."""
    known = {(row.errors, row.metric, row.level): row for row in table.fillna({"level": 0}).itertuples()}

    def share(errors: str, level: float) -> str:
        row = known.get((errors, "coverage", level))
        if not row:
            return "–"
        return f"{100 * row.value:.1f}" + (f" ± {100 * row.scatter:.1f}" if level == 0.68 else "")

    def value(metric: str, errors: str = "after", level: float = 0, write: Callable[[float], str] | None = None) -> str:
        row = known.get((errors, metric, level))
        return (write or _written)(row.value) if row else "–"

    cells = [goal, *(share(errors, 0.68) for errors in ("before", "after", "conformal"))]
    cells += [share("after", level) for level in _OTHERS]
    cells += [value(metric, errors) for metric in _CHANGES for errors in ("before", "after")]
    cells += [value("width", level=0.68), value("rmse"), *([value("limit")] if limited else [])]
    return [*cells, value("outlier_fraction", write=lambda fraction: f"{100 * fraction:.1f} %")]


def _written(value: float) -> str:
    return "–" if pd.isna(value) else "∞" if value == float("inf") else number(value, decimals(value))

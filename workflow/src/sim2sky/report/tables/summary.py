"""Tables and headline sentences of the report, as rows of text made from ``summary.csv`` and the configuration."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from sim2sky.config import MEAN_PARAMETER, Study, Survey
from sim2sky.evaluate.aggregate import GAP_CLOSED
from sim2sky.evaluate.distances import DISTANCES
from sim2sky.evaluate.metrics import CIRCULAR
from sim2sky.report.plan import Comparison, comparisons, is_oracle, run_title, shown_statistics

METRIC_TITLES = {
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "MAE",
    "bias": "bias",
    "scatter": "scatter",
    "outlier_fraction": "outliers",
    "mse": "MSE",
    CIRCULAR: "MAE, angles the short way round,",
    "mmd": "squared MMD",
    "proxy_a_distance": "proxy A-distance",
    GAP_CLOSED: "gap closed",
}

SHOWN = ("r2", "rmse", "mae", "bias", "scatter", "outlier_fraction")
SYMBOLS = {"sigma": "σ₁", "sigma2": "σ₂", "theta": "θ", "phi": "φ", "theta_E": "θ_E"}


class Table(NamedTuple):
    """Text of a table; `groups` gives a row of headings, each with the number of columns that it spans."""

    columns: list[str]
    rows: list[list[str]]
    groups: list[tuple[str, int]] = []


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
        """A row of a parameter, if none is named of the mean over several, else of the first; None if there is none."""
        rows = self._rows.get((run, domain, statistics, metric), {})
        if parameter is None:
            return rows.get(MEAN_PARAMETER, next(iter(rows.values()), None))
        return rows.get(parameter)

    def get(self, run: str, domain: str, statistics: str, metric: str, parameter: str | None = None) -> Any | None:
        """The row with ``mean``, ``std`` and ``n_seeds``; None if the run is missing or gave no number."""
        row = self.row(run, domain, statistics, metric, parameter)
        return None if row is None or math.isnan(row.mean) else row

    def text(
        self, run: str, domain: str, statistics: str, metric: str, parameter: str | None = None, digits: int = 3
    ) -> str:
        """``mean ± std`` in words, or a dash."""
        row = self.get(run, domain, statistics, metric, parameter)
        return "–" if row is None else mean_std(row.mean, row.std, digits)


def symbol(parameter: str) -> str:
    """How a parameter is written in a table."""
    return SYMBOLS.get(parameter, parameter)


def number(value: float, digits: int = 3, signed: bool = False) -> str:
    """A number with a real minus sign, and none before zero."""
    text = f"{value:{'+' if signed else ''}z.{digits}f}"
    return text.replace("-", "−")


def mean_std(mean: float, std: float | None, digits: int = 3) -> str:
    """``mean ± std``; the mean alone where there is no deviation (one seed)."""
    return number(mean, digits) if std is None or math.isnan(std) else f"{number(mean, digits)} ± {std:.{digits}f}"


def headline(study: Study, summary: Summary) -> list[tuple[str, list[str]]]:
    """Per comparison a heading and sentences: what is lost without adaptation, what each method wins back."""
    found = []
    for comparison in comparisons(study):
        if comparison.target is not None:
            heading = f"Recipe {comparison.recipe}: {' → '.join(study.datasets[d].title for d in comparison.domains)}"
            found.append((heading, list(_sentences(study, summary, comparison)) or ["No run of this comparison yet."]))
    return found


def _sentences(study: Study, summary: Summary, comparison: Comparison) -> Iterator[str]:
    statistics, (source, target) = shown_statistics(study), comparison.domains
    base = None
    for run in comparison.runs:
        title = run_title(study, run, comparison.runs)
        here, there = (summary.get(run, domain, statistics, "r2") for domain in (source, target))
        if there is None:
            yield f"{title}: no result."
        elif is_oracle(study, run, comparison):
            yield f"{title}, the upper bound: R² {mean_std(there.mean, there.std)} on the target."
        elif study.runs[run].target is None:
            base = there.mean
            if here is not None:
                change = there.mean - here.mean
                yield (
                    f"{title}: R² {mean_std(here.mean, here.std)} on the source and {mean_std(there.mean, there.std)} "
                    f"on the target, a {'loss' if change < 0 else 'gain'} of {abs(change):.3f}."
                )
        else:
            against = f", {number(there.mean - base, signed=True)} against no adaptation" if base is not None else ""
            gap = summary.get(run, target, statistics, GAP_CLOSED)
            closed = f"; {100 * gap.mean:.0f} % of the gap to the oracle closed" if gap is not None else ""
            yield f"{title}: R² {mean_std(there.mean, there.std)} on the target{against}{closed}."


def published(summary: Summary, study: Study) -> Table:
    """Our numbers beside the published ones, with the difference in published standard deviations."""
    rows = []
    for row in summary.table[summary.table.published_mean.notna()].itertuples():
        ours, difference, sigmas = ("not run" if not row.n_seeds else "not a number"), "–", "–"
        if not math.isnan(row.mean):
            ours, delta = mean_std(row.mean, row.std), row.mean - row.published_mean
            difference = number(delta, signed=True)
            sigmas = number(delta / row.published_std, 1, signed=True) if row.published_std > 0 else "–"
        names = [study.methods[row.method].title, row.recipe, study.datasets[row.domain].title]
        names += [METRIC_TITLES.get(row.metric, row.metric), row.statistics]
        theirs = f"{row.published_mean:g}" + (f" ± {row.published_std:g}" if row.published_std > 0 else "")
        rows.append([*names, ours, str(row.n_seeds), theirs, difference, sigmas])
    columns = ["method", "recipe", "domain", "metric", "statistics", "this run", "seeds", "published"]
    return Table([*columns, "difference", "in published σ"], rows)


def scores(study: Study, summary: Summary) -> Table:
    """R2 of every run on every domain under each kind of statistics."""
    rows = []
    for run in study.runs:
        cells = [summary.text(run, domain, kind, "r2") for domain in study.datasets for kind in study.statistics]
        rows.append([run, _seeds(summary, run), *cells])
    groups = [("", 2), *((study.datasets[domain].title, len(study.statistics)) for domain in study.datasets)]
    return Table(["run", "seeds", *study.statistics * len(study.datasets)], rows, groups)


def _seeds(summary: Summary, run: str) -> str:
    rows = summary.table[(summary.table.run == run) & (summary.table.metric == "r2")]
    return str(int(rows.n_seeds.max())) if len(rows) else "0"


def metrics(study: Study, summary: Summary) -> Table:
    """Point metrics of every run and domain, under the statistics that figures show; of several parameters, of each."""
    kind, rows = shown_statistics(study), []
    for run, about in study.runs.items():
        for domain in about.evaluate_on:
            for target in study.targets if summary.get(run, domain, kind, "r2") else ():
                cells = [summary.text(run, domain, kind, metric, target) for metric in SHOWN]
                name = [symbol(target)] if len(study.targets) > 1 else []
                rows.append([run, study.datasets[domain].title, *name, *cells])
    name = ["parameter"] if len(study.targets) > 1 else []
    return Table(["run", "domain", *name, *(METRIC_TITLES[metric] for metric in SHOWN)], rows)


def distances(study: Study, summary: Summary) -> Table:
    """Gap closed and distance between the domains in latent space, per run and domain."""
    rows = []
    for run, about in study.runs.items():
        for domain in about.evaluate_on:
            kinds = [summary.text(run, domain, kind, GAP_CLOSED) for kind in study.statistics]
            far = [summary.text(run, domain, "batch", metric) for metric in DISTANCES]
            if set(kinds + far) != {"–"}:
                pair = f"{study.datasets[about.source].title} – {study.datasets[domain].title}"
                rows.append([run, pair, *far, *kinds])
    groups = [
        ("", 2),
        ("distance in latent space", len(DISTANCES)),
        ("gap to the oracle closed", len(study.statistics)),
    ]
    return Table(["run", "domains", *(METRIC_TITLES[metric] for metric in DISTANCES), *study.statistics], rows, groups)


def controls(study: Study, summary: Summary, metric: str = "r2") -> Table:
    """Pairs of runs of one method, domains and start whose recipes differ in one setting, and what that changes."""
    rows, kind = [], shown_statistics(study)
    for first, second in combinations(study.runs, 2):
        one, two = study.runs[first], study.runs[second]
        if any(
            getattr(one, key) != getattr(two, key) for key in ("method", "source", "target", "start_from", "train_on")
        ):
            continue
        changed = _differences(flat(study.recipe_of(first).params()), flat(study.recipe_of(second).params()))
        if len(changed) != 1:
            continue
        for domain in (name for name in study.datasets if name in one.evaluate_on and name in two.evaluate_on):
            before, after = (summary.get(run, domain, kind, metric) for run in (first, second))
            if before and after:
                (setting, values), delta = next(iter(changed.items())), number(after.mean - before.mean, signed=True)
                texts = [mean_std(row.mean, row.std) for row in (before, after)]
                setting = f"{setting}: {values[0]} → {values[1]}"
                rows.append([first, second, setting, study.datasets[domain].title, *texts, delta])
    scores = [f"{METRIC_TITLES[metric]} {when}" for when in ("before", "after")]
    return Table(["from run", "to run", "the one change", "domain", *scores, "difference"], rows)


def flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """``{"a": {"b": 1}}`` as ``{"a.b": 1}``."""
    found: dict[str, Any] = {}
    for key, item in value.items():
        found |= flat(item, f"{prefix}{key}.") if isinstance(item, Mapping) else {f"{prefix}{key}": item}
    return found


def _differences(one: dict[str, Any], two: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    keys = {**one, **two}
    return {key: (one.get(key), two.get(key)) for key in keys if one.get(key) != two.get(key)}


def recipes(study: Study) -> Table:
    """How each run was trained."""
    rows = []
    for run, about in study.runs.items():
        recipe, method = study.recipe_of(run), study.methods[about.method]
        options = ", ".join(f"{key} {value}" for key, value in method.options.items())
        weight = f"{method.weight:g}, {method.weight_schedule}" + (f", {options}" if options else "")
        training = [recipe.network, str(recipe.epochs), str(recipe.batch_size), recipe.loss, recipe.optimiser.name]
        training += [f"{recipe.optimiser.lr:g}", recipe.schedule.name, recipe.normalisation.replace("_", " ")]
        adapting = [about.target, weight] if about.target else ["–", "–"]
        rows.append([run, method.title, about.source, *adapting, *training])
    columns = [
        "run",
        "method",
        "labels from",
        "adapted to",
        "weight",
        "network",
        "epochs",
        "batch",
        "loss",
        "optimiser",
    ]
    return Table([*columns, "learning rate", "schedule", "normalisation"], rows)


def datasets(study: Study, surveys: Mapping[str, Survey]) -> Table:
    """What each domain is made of."""
    rows = []
    for name, dataset in study.datasets.items():
        simulation = study.simulations[dataset.simulation]
        parts = [f"{stop - start:,}" for start, stop in dataset.split.bounds(simulation.lenses).values()]
        survey = surveys[dataset.survey].title if dataset.survey in surveys else dataset.survey or "none"
        noise = (
            "real sky + Poisson of the source" if dataset.background else dataset.noise if dataset.survey else "none"
        )
        zero = f"{dataset.zero_point:g}" if dataset.zero_point is not None else "survey's" if dataset.survey else "none"
        crop = dataset.centre_crop
        frame = f"centred ({crop.centre}), {crop.pixels} px" if crop else f"{simulation.pixels} px as simulated"
        frame += f" averaged to {crop.downscale}" if crop and crop.downscale else ""
        scale = f"{dataset.scale(simulation.pixel_scale):g}″/px" if simulation.pixel_scale else "none"
        scale = f"{', '.join(simulation.bands)}; {scale}"
        rows.append([name, dataset.title, " / ".join(parts), survey, noise, zero, scale, frame])
    columns = ["dataset", "title", "train / validation / test", "survey", "noise", "zero point", "bands; scale"]
    return Table([*columns, "frame"], rows)


def cross_validation(study: Study, path: str | Path) -> Table:
    """Mean and standard deviation over folds for each point of the grid, the best one first."""
    table = pd.read_csv(path)
    keys = [key for key in study.cross_validation.grid if key in table]
    scored = table.groupby(keys, sort=False).r2.agg(["mean", "std", "size"]).sort_values("mean", ascending=False)
    points = scored.index if len(keys) > 1 else [(value,) for value in scored.index]
    rows = [
        [*(f"{value:g}" if isinstance(value, float) else str(value) for value in point), mean_std(row.mean, row.std)]
        + [str(int(row.size))]
        for point, row in zip(points, scored.itertuples(), strict=True)
    ]
    return Table([*keys, "R² on the fold left out", "folds"], rows)

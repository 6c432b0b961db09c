"""Tables and headline of a study that regresses several parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from sim2sky.angles import ANGLE_PERIODS
from sim2sky.config import Study
from sim2sky.evaluate.metrics import CIRCULAR
from sim2sky.evaluate.stuck import stuck_name
from sim2sky.report.comparisons import overall, settings, shown_statistics, tested
from sim2sky.report.symbols import METRIC_TITLES, text_symbol
from sim2sky.report.tables import runs
from sim2sky.report.tables.summary import Summary
from sim2sky.report.tables.table import Table, number, published_number, score

# Settings of a recipe that only some runs have
FURTHER = ("standardise", "angles", "weight_angles", "eval_after_first_epoch", "network_options")


def headline(study: Study, summary: Summary) -> list[tuple[str, list[str]]]:
    """Per dataset a heading and sentences: which run is best by which score, and how it compares with its published value."""
    if study.stuck_at_mean:
        return [("Networks that are stuck at the mean", list(_stuck_sentences(study, summary)) or ["No run yet."])]
    kind, whole = shown_statistics(study), overall(study)
    angle = next((name for name in study.targets if name in ANGLE_PERIODS), None)
    wanted = [("mae", whole, min, "mean absolute error"), ("mse", whole, min, "mean squared error")]
    if angle:
        wanted.append((CIRCULAR, whole, min, "mean absolute error with angles the short way round"))
    wanted.append(("r2", whole, max, "R²"))
    if angle:
        wanted.append((CIRCULAR, angle, min, f"error of {text_symbol(angle)} the short way round, in degrees"))
    found = []
    for test in tested(study):
        sentences = []
        for metric, parameter, best, title in wanted:
            rows = [row for run in test.runs if (row := summary.get(run, test.source, kind, metric, parameter))]
            if rows:
                row = best(rows, key=lambda row: row.mean)
                sentences.append(f"Best {title}: {row.run}, {score(metric, row.mean, row.std)}{_beside(row)}.")
        found.append((study.datasets[test.source].title, sentences or ["No run yet."]))
    return found


def _stuck_sentences(study: Study, summary: Summary) -> Iterator[str]:
    free = []
    for setting, size, epoch, networks, count, *_ in stuck(study, summary).rows:
        if count == "0":
            free.append(f"{setting} with batches of {size}" + f" ({epoch} epochs)")
        elif count != "–":
            yield f"{setting}, batches of {size}: {count} of {networks} networks after {epoch} epochs."
    if free:
        yield f"None: {', '.join(free)}."


def _beside(row: Any) -> str:
    """The published value of a row, in brackets, if there is one."""
    return "" if math.isnan(row.published_mean) else f" (published: {row.published_mean:g})"


def scores(study: Study, summary: Summary, domain: str) -> Table:
    """MAE and MSE of every run per parameter and on average, mean R2, circular error of angles, and the published MAE."""
    kind, whole = shown_statistics(study), overall(study)
    single = study.targets if len(study.targets) > 1 else []  # the only parameter is the whole
    angles = [name for name in study.targets if name in ANGLE_PERIODS]
    shortened = list(dict.fromkeys([whole, *angles])) if angles else []
    rows = []
    for run in next(test.runs for test in tested(study) if test.source == domain):
        cells = [
            _text(summary.get(run, domain, kind, metric, name))
            for name in [whole, *single]
            for metric in ("mae", "mse")
        ]
        mean = summary.row(run, domain, kind, "mae", whole)
        theirs = "–" if mean is None or math.isnan(mean.published_mean) else f"{mean.published_mean:g}"
        cells.insert(1, theirs)
        cells += [_text(summary.get(run, domain, kind, CIRCULAR, name)) for name in shortened]
        cells.append(summary.text(run, domain, kind, "r2", whole))
        rows.append([run, str(mean.n_seeds if mean is not None else 0), *cells])
    groups = [("", 2), (text_symbol(whole), 3), *((text_symbol(name), 2) for name in single)]
    groups += [("MAE the short way round", len(shortened))] * bool(angles) + [("", 1)]
    columns = ["run", "seeds", "MAE", "published", "MSE", *["MAE", "MSE"] * len(single)]
    return Table([*columns, *map(text_symbol, shortened), "mean R²"], rows, groups)


def _text(row: Any | None) -> str:
    """``mean ± std``, with fewer digits for large numbers."""
    return "–" if row is None else score(row.metric, row.mean, row.std, 2 if row.mean < 100 else 0)


def published(study: Study, summary: Summary) -> Table:
    """Our numbers beside the published ones, by run and parameter."""
    rows = []
    for row in summary.table[summary.table.published_mean.notna()].itertuples():
        ours, ratio = summary.why_none(row), "–"
        if not math.isnan(row.mean):
            ours = score(row.metric, row.mean, row.std)
            ratio = number(row.mean / row.published_mean, 2) if row.published_mean else "–"
        theirs = published_number(row.published_mean, row.published_std)
        names = [row.run or row.recipe, study.datasets[row.domain].title, text_symbol(row.parameter)]
        names.append(METRIC_TITLES.get(row.metric, row.metric.replace("_", " ")))
        rows.append([*names, ours, str(row.n_seeds), theirs, ratio, row.published_source])
    columns = ["run", "dataset", "parameter", "metric", "this run", "seeds", "published", "ratio", "source"]
    return Table(columns, rows)


def stuck(study: Study, summary: Summary) -> Table:
    """How many networks of each setting are stuck at the mean, by batch size and epoch, beside the published counts."""
    rows = []
    for epoch in (*(study.stuck_at_mean.after_epochs if study.stuck_at_mean else []), None):
        for setting, names in settings(study).items():
            for run in names:
                recipe, about = study.recipe_of(run), study.runs[run]
                row = summary.row(run, about.source, "batch", stuck_name(epoch), "")
                reached = epoch or recipe.epochs
                if reached == recipe.epochs and epoch:
                    continue  # counted after the last epoch anyway
                rows.append([setting, str(recipe.batch_size), str(reached), *_counts(row)])
    rows.sort(key=lambda row: list(settings(study)).index(row[0]))
    return Table(["setting", "batch size", "after epoch", "networks", "stuck", "per cent", "published per cent"], rows)


def _counts(row: Any | None) -> list[str]:
    """Networks, stuck ones, and both shares in per cent."""
    if row is None:
        return ["0", "–", "–", "–"]
    theirs = "–" if math.isnan(row.published_mean) else f"{100 * row.published_mean:.0f}"
    if math.isnan(row.mean):
        return [str(row.n_seeds), "–", "–", theirs]
    return [str(row.n_seeds), f"{row.mean * row.n_seeds:.0f}", f"{100 * row.mean:.0f}", theirs]


def recipes(study: Study) -> Table:
    """How each run was trained, with the options that only some runs have."""
    columns, rows, *_ = runs.recipes(study)
    for row in rows:
        run, recipe = study.runs[row[0]], study.recipe_of(row[0]).params()
        given = [key for key in FURTHER if recipe.get(key) not in (None, False, {}, "degrees")]
        options = [f"{key} {_plain(recipe[key])}" for key in given]
        if run.start_from:
            options.append(f"starts from {run.start_from}")
        if run.train_on:
            options.append(f"{100 * run.train_on.fraction:g} % that {run.train_on.worst_of} predicts worst")
        row.append("; ".join(options).replace("_", " ") or "–")
    return Table([*columns, "further"], rows)


def _plain(value: Any) -> str:
    """The value of an option; nothing for a switch, whose name says it."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return "" if value is True else str(value)

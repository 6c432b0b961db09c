"""Tables that every study with runs has: further metrics, controls, and what was run on what."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from sim2sky.config import Dataset, Study, Survey
from sim2sky.report.comparisons import shown_statistics
from sim2sky.report.symbols import METRIC_TITLES, text_symbol
from sim2sky.report.tables.summary import Summary
from sim2sky.report.tables.table import Table, decimals, number, score

SHOWN = ("r2", "rmse", "mae", "bias", "scatter", "outlier_fraction")
SAME = ("method", "source", "target", "start_from", "train_on")  # of two runs whose recipes are compared


def metrics(study: Study, summary: Summary) -> Table:
    """Every metric of every run and domain, with the statistics that figures show; of several parameters, of each."""
    kind, rows = shown_statistics(study), []
    for run, about in study.runs.items():
        for domain in about.evaluate_on:
            for target in (name for name in study.targets if summary.get(run, domain, kind, "mae", name)):
                cells = [summary.text(run, domain, kind, metric, target) for metric in SHOWN]
                name = [text_symbol(target)] if len(study.targets) > 1 else []
                seeds = summary.seeds(run, domain, kind, "r2", target)
                rows.append([run, study.datasets[domain].title, *name, seeds, *cells])
    name = ["parameter"] if len(study.targets) > 1 else []
    return Table(["run", "domain", *name, "seeds", *(METRIC_TITLES[metric] for metric in SHOWN)], rows)


def controls(study: Study, summary: Summary, metric: str = "r2") -> Table:
    """Pairs of runs of one method, domains and start whose recipes differ in one setting, and what that changes."""
    rows, kind = [], shown_statistics(study)
    for first, second in combinations(study.runs, 2):
        one, two = study.runs[first], study.runs[second]
        if any(getattr(one, key) != getattr(two, key) for key in SAME):
            continue
        changed = _differences(flat(study.recipe_of(first).params()), flat(study.recipe_of(second).params()))
        if len(changed) != 1:
            continue
        for domain in (name for name in study.datasets if name in one.evaluate_on and name in two.evaluate_on):
            before, after = (summary.get(run, domain, kind, metric) for run in (first, second))
            if before and after:
                setting, values = next(iter(changed.items()))
                digits = 3 if metric == "r2" else decimals(before.mean, after.mean)
                delta = number(after.mean - before.mean, digits, signed=True)
                texts = [
                    text for row in (before, after) for text in (score(metric, row.mean, row.std), str(row.n_seeds))
                ]
                setting = f"{setting}: {values[0]} → {values[1]}"
                rows.append([first, second, setting, study.datasets[domain].title, *texts, delta])
    scores = [title for when in ("before", "after") for title in (f"{METRIC_TITLES[metric]}, {when}", "seeds")]
    return Table(["from run", "to run", "the one change", "domain", *scores, "difference"], rows)


def flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """``{"a": {"b": 1}}`` as ``{"a.b": 1}``."""
    found: dict[str, Any] = {}
    for key, item in value.items():
        found |= flat(item, f"{prefix}{key}.") if isinstance(item, Mapping) else {f"{prefix}{key}": item}
    return found


def _differences(one: dict[str, Any], two: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Both values of each key where two mappings differ; None stands for a key that is not there."""
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
    columns = ["run", "method", "labels from", "adapted to", "weight", "network", "epochs", "batch", "loss"]
    return Table([*columns, "optimiser", "learning rate", "schedule", "normalisation"], rows)


def datasets(study: Study, surveys: Mapping[str, Survey]) -> Table:
    """What each domain is made of."""
    rows = []
    for name in study.datasets:
        dataset, simulation = study.observed(name)  # real images are in the frame of what they are like
        real = study.datasets[name].images
        parts = [f"{stop - start:,}" for start, stop in dataset.split.bounds(simulation.lenses).values()]
        survey = surveys.get(dataset.survey) if dataset.survey else None
        seen = f"real images ({real.folder})" if real else survey.title if survey else dataset.survey or "none"
        zero = f"{dataset.zero_point:g}" if dataset.zero_point is not None else "survey's" if dataset.survey else "none"
        crop = dataset.centre_crop
        frame = f"centred ({crop.centre}), {crop.pixels} px" if crop else f"{simulation.pixels} px as simulated"
        frame += f" averaged to {crop.downscale}" if crop and crop.downscale else ""
        frame = f"cut to that of {real.like}" if real else frame
        scale = f"{dataset.scale(simulation.pixel_scale):g}″/px" if simulation.pixel_scale else "none"
        scale = f"{', '.join(simulation.bands)}; {scale}"
        noise = "their own" if real else _noise(dataset)
        rows.append([name, study.datasets[name].title, " / ".join(parts), seen, noise, zero, scale, frame])
    columns = ["dataset", "title", "train / validation / test", "survey", "noise", "zero point", "bands; scale"]
    return Table([*columns, "frame"], rows)


def _noise(dataset: Dataset) -> str:
    if dataset.background:
        return "real sky + Poisson of the source"
    return dataset.noise if dataset.survey else "none"

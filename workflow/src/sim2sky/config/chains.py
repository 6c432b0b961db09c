"""Runs that are made from earlier runs: whether both fit and no cycle arises, and which other runs the wanted ones need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from sim2sky.config.base import known
from sim2sky.config.observe import Dataset
from sim2sky.config.study import Study
from sim2sky.config.train import Recipe, Run

# settings that must be the same in the recipes of a run and of the earlier run that this key names
SHARED = {
    "start_from": ("architecture", "angles", "standardise", "predictive"),
    "train_on.worst_of": ("normalisation",),
}


def chain_problems(study: Study, recipes: Mapping[str, Recipe | None]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each mistake as (path in the study, what is wrong); `recipes` are those of the runs, see :func:`changed_recipe`."""
    for name, run in study.runs.items():
        for key, other in run.earlier.items():
            path = ("runs", name, key)
            try:
                known(other, study.runs, "run")
            except ValueError as error:
                yield path, str(error)
                continue
            cycle = _cycle(study, name)
            if cycle and name == min(cycle, key=list(study.runs).index):
                yield path, f"the runs wait for each other: {' <- '.join(cycle)}"
            mine, theirs = recipes[name], recipes[other]
            for setting in SHARED[key] if mine and theirs else ():
                if getattr(mine, setting) != getattr(theirs, setting):
                    yield path, f"{other} has {setting} {getattr(theirs, setting)}, {name} {getattr(mine, setting)}"


def changed_recipe(study: Study, run: str) -> Recipe | None:
    """The recipe of a run with its own changes; None where the recipe is itself a mistake, which is reported elsewhere."""
    try:
        return study.recipe_of(run)
    except (KeyError, ValidationError):
        return None


def wanted_runs(study: Study) -> dict[str, Run]:
    """The runs of `only_runs`, in the order of the study, with all earlier runs that they need; all runs if it is empty."""
    wanted, todo = set(), list(study.only_runs or study.runs)
    while todo:
        name = todo.pop()
        wanted.add(name)
        todo += study.runs[name].earlier.values()
    return {name: run for name, run in study.runs.items() if name in wanted}


def used_datasets(study: Study) -> dict[str, Dataset]:
    """The datasets that runs and analyses of `study` name."""
    used = {name for run in study.runs.values() for _, name in run.domains}
    if study.cross_validation:
        used.add(study.cross_validation.dataset)
    if study.reconstruction:
        used.add(study.reconstruction.dataset)
    if study.measurement:
        used |= {*study.measurement.datasets, *filter(None, [study.measurement.calibrate_on])}
    used |= {images.like for name, dataset in study.datasets.items() if name in used and (images := dataset.images)}
    return {name: dataset for name, dataset in study.datasets.items() if name in used}


def without_dangling(study: Study) -> Study:
    """`study` without the runs whose earlier runs are absent, and without the runs that need these."""
    runs = study.runs
    while (left := {name: run for name, run in runs.items() if runs.keys() >= set(run.earlier.values())}) != runs:
        runs = left
    return study.model_copy(update={"runs": runs})


def _cycle(study: Study, start: str) -> list[str]:
    """The runs from `start` through earlier ones back to `start`; empty if there is no such cycle."""
    ways = [[start]]
    while ways:
        way = ways.pop()
        run = study.runs.get(way[-1])
        for other in run.earlier.values() if run else ():
            if other == start:
                return [*way, start]
            if other not in way:
                ways.append([*way, other])
    return []

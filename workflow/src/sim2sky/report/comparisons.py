"""Which runs of a study are compared with each other, and what a comparison and a run are called.

It needs the configuration alone, so that the Snakefile and the page can ask without matplotlib, torch or pandas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sim2sky.config import MEAN_PARAMETER, Published, Study


@dataclass(frozen=True)
class Comparison:
    """Runs that are compared with each other: those of one recipe and one pair of domains, or of all recipes.

    Attributes
    ----------
    recipe : str or None
        Name of the recipe; None stands for all of them.
    source, target : str
        Datasets; `target` is None in a study of one domain.
    runs : tuple of str
        Names of the runs, in the order of the study's methods.
    """

    recipe: str | None
    source: str
    target: str | None
    runs: tuple[str, ...]

    @property
    def domains(self) -> tuple[str, ...]:
        """Source and, if there is one, target."""
        return (self.source, self.target) if self.target else (self.source,)

    @property
    def last(self) -> str:
        """The domain that matters: the target, or the only one."""
        return self.domains[-1]


def comparisons(study: Study) -> list[Comparison]:
    """One comparison per recipe and pair of domains that some run adapts between.

    It holds the runs of that recipe that adapt, those trained on the source alone, and those trained on the target's
    labels (the oracle), as far as they are evaluated on the target. Runs that adapt to real images, which have no labels, are
    compared on the first other domain that they are tested on.
    """
    return [_compare(study, *pair) for pair in _pairs(study)]


def overviews(study: Study) -> list[Comparison]:
    """One comparison per pair of domains with the runs of all recipes, controls among them."""
    return [_compare(study, None, *pair) for pair in dict.fromkeys(pair[1:] for pair in _pairs(study))]


def tested(study: Study) -> list[Comparison]:
    """One comparison per dataset that runs are evaluated on, with these runs, in the order of the study."""
    datasets = [name for name in study.datasets if any(name in run.evaluate_on for run in study.runs.values())]
    runs = {name: tuple(run for run, about in study.runs.items() if name in about.evaluate_on) for name in datasets}
    return [Comparison(None, name, None, runs[name]) for name in datasets]


def settings(study: Study) -> dict[str, list[str]]:
    """Runs that differ in their batch size alone, smaller batches first, by the part of their names that they share."""
    groups: dict[str, list[str]] = {}
    for run, about in study.runs.items():
        recipe = study.recipe_of(run).model_copy(update={"batch_size": 0})
        groups.setdefault(f"{about.method} {about.source} {recipe}", []).append(run)
    found = {}
    for runs in groups.values():
        runs.sort(key=lambda run: study.recipe_of(run).batch_size)
        parts = [run.split("-") for run in runs]
        shared = [part for part in parts[0] if all(part in other for other in parts)]
        found["-".join(shared) or runs[0]] = runs
    return found


def key(study: Study, comparison: Comparison) -> str:
    """Short name of a comparison, ``recipe_target``; the source is in it only if the target has several."""
    sources = {source for _, source, target in _pairs(study) if target == comparison.target}
    parts = (comparison.recipe, comparison.source if len(sources) > 1 else None, comparison.target)
    return "_".join(part for part in parts if part) or comparison.source


def overall(study: Study) -> str:
    """The parameter whose metrics summarise a network: the only one that is regressed, or the mean over several."""
    return study.targets[0] if len(study.targets) == 1 else MEAN_PARAMETER


def shown_statistics(study: Study) -> str:
    """BatchNorm statistics of the predictions that figures show: those of the published numbers, or the study's first."""
    return next((row.statistics for row in study.published if row.statistics in study.statistics), study.statistics[0])


def published_of(study: Study, run: str, domain: str, metric: str, parameter: str) -> list[Published]:
    """The published numbers of a run, also by its method and recipe, under any statistics."""
    about = study.runs[run]
    return [
        item
        for item in study.published
        if (item.domain, item.metric, item.parameter or study.targets[0]) == (domain, metric, parameter)
        and (item.run == run or (item.method, item.recipe) == (about.method, about.recipe))
    ]


def is_oracle(study: Study, run: str, comparison: Comparison) -> bool:
    """Whether a run was trained on the labels of the comparison's target."""
    return comparison.target is not None and study.runs[run].source == comparison.target


def domains_title(study: Study, comparison: Comparison) -> str:
    """Titles of the domains of a comparison, with an arrow from source to target."""
    return " → ".join(study.datasets[name].title for name in comparison.domains)


def run_title(study: Study, run: str, runs: Sequence[str]) -> str:
    """Title of a run's method; with the run's name where several of `runs` share the method."""
    method = study.runs[run].method
    shared = sum(study.runs[name].method == method for name in runs) > 1
    return study.methods[method].title + (f" [{run}]" if shared else "")


def run_labels(study: Study, runs: Sequence[str]) -> list[str]:
    """``method, recipe`` of each run; with the run's name where two would be the same."""
    labels = [f"{study.methods[study.runs[run].method].title}, {study.runs[run].recipe}" for run in runs]
    return [text if labels.count(text) == 1 else f"{text} [{run}]" for text, run in zip(labels, runs, strict=True)]


def _pairs(study: Study) -> list[tuple[str, str, str | None]]:
    """(recipe, source, target) of all adapting runs; of all runs where none adapts."""
    runs = [run for run in study.runs.values() if run.target] or list(study.runs.values())
    return list(dict.fromkeys((run.recipe, run.source, run.compared_on) for run in runs))


def _compare(study: Study, recipe: str | None, source: str, target: str | None) -> Comparison:
    last = target or source
    methods = list(study.methods)
    runs = [
        name
        for name, run in study.runs.items()
        if recipe in (None, run.recipe)
        and run.source in (source, last)
        and (run.target is None or run.compared_on == target)
        and last in run.evaluate_on
    ]
    runs.sort(key=lambda name: methods.index(study.runs[name].method))
    if recipe is None:
        recipes = list(study.recipes)
        runs.sort(key=lambda name: recipes.index(study.runs[name].recipe))
    return Comparison(recipe, source, target, tuple(runs))

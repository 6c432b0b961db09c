"""Published numbers must be of what the study measures, or they would stand in its tables beside nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sim2sky.angles import ANGLE_PERIODS
from sim2sky.config.base import known
from sim2sky.config.check import Mistake
from sim2sky.config.study import MEAN_PARAMETER, Published, Study
from sim2sky.config.train import Run

# Metrics of `summary.csv`: of predictions, and others, whose statistics are always those of the batch.
OF_PREDICTIONS = ("r2", "rmse", "mae", "bias", "scatter", "outlier_fraction", "mse", "circular_mae", "gap_closed")
DISTANCES = ("mmd", "proxy_a_distance")
OF_BATCHES = ("stuck_fraction", *DISTANCES)
OF_THE_MEAN = ("r2", "mae", "mse", "circular_mae", "gap_closed")  # those that are averaged over the parameters


def published_problems(study: Study) -> Iterator[Mistake]:
    """Each mistake as (path in the study, what is wrong)."""
    numbers = [row.model_copy(update={"mean": 0, "std": None, "source": ""}) for row in study.published]
    for index, row in enumerate(study.published):
        where = ("published", index)
        if (first := numbers.index(numbers[index])) < index:
            yield where, f"is of the same run, domain and metric as published.{first}; each number is compared once"
        if wrong := list(_names(study, row)):
            yield from (((*where, key), text) for key, text in wrong)
        elif reason := _unmeasured(study, row):
            yield where, f"is compared with nothing: {reason}"


def _names(study: Study, row: Published) -> Iterator[tuple[str, str]]:
    """Names that point nowhere, each as (key, what is wrong)."""
    epochs = study.stuck_at_mean.after_epochs if study.stuck_at_mean else []
    metrics = [*OF_PREDICTIONS, *OF_BATCHES, *(f"stuck_fraction_after_{epoch}" for epoch in epochs)]
    of_batches = row.metric.startswith(OF_BATCHES)
    kinds: dict[str, tuple[Iterable[str], str]] = {
        "run": (study.runs, "run"),
        "method": (study.methods, "method"),
        "recipe": (study.recipes, "recipe"),
        "domain": (study.datasets, "domain"),
        "parameter": ([*study.targets, MEAN_PARAMETER], "target"),
        "metric": (metrics, "metric"),
        "statistics": (["batch"], f"statistics of {row.metric}")
        if of_batches
        else (study.statistics, "statistics of the study"),
    }
    for key, (names, what) in kinds.items():
        try:
            if (name := getattr(row, key)) is not None:
                known(name, names, what)
        except ValueError as error:
            yield key, str(error)


def _unmeasured(study: Study, row: Published) -> str | None:
    """Why no run of the study measures a number; None if one does."""
    of = [
        run
        for name, run in study.runs.items()
        if row.run == name or (run.method, run.recipe) == (row.method, row.recipe)
    ]
    whose = row.run or f"method {row.method} with recipe {row.recipe}"
    if not of:
        return f"there is no run of {whose}"
    parameter = row.parameter or study.targets[0]
    if row.metric in OF_PREDICTIONS and parameter == MEAN_PARAMETER:
        if len(study.targets) == 1:
            return f"the one target, {study.targets[0]}, has no mean over parameters"
        if row.metric not in OF_THE_MEAN:
            return f"{row.metric} is not averaged over the parameters"
    angles = ANGLE_PERIODS.keys() & ({*study.targets} if parameter == MEAN_PARAMETER else {parameter})
    if row.metric == "circular_mae" and not angles:
        return f"circular_mae is of angles, and {parameter} is none"
    if row.metric == "outlier_fraction" and angles:
        return f"{parameter} is an angle, which has no outlier_fraction"
    if row.metric.startswith("stuck_fraction") and not study.stuck_at_mean:
        return "stuck_at_mean is not set"
    if not any(_measures(run, row) for run in of):
        return f"{whose} does not measure {row.metric} on {row.domain}"
    return None


def _measures(run: Run, row: Published) -> bool:
    """Whether a run has the metric of a published number on its domain."""
    if row.metric.startswith("stuck_fraction"):
        return row.domain == run.source
    if row.metric == "gap_closed":
        return row.domain == run.target
    if row.metric in DISTANCES:
        return row.domain != run.source and {run.source, row.domain} <= {*run.evaluate_on}
    return row.domain in run.evaluate_on

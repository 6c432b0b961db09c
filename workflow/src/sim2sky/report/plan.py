"""Which figures a study has and what they are drawn from, found from its configuration alone.

The Snakefile asks while it is parsed, so nothing here imports matplotlib, torch or pandas, or reads a result. Figures are
functions under ``@register_figure`` in `figures/`, which names the kinds of files that each reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, count
from typing import NamedTuple

from sim2sky import registry
from sim2sky.config import Study
from sim2sky.report.comparisons import Comparison, comparisons, key, overviews, tested

PER_COMPARISON = ("predictions", "residuals", "learning_curves", "latent_space")
PER_TARGET = ("scores", "domain_distance")
ANALYSES = ("degeneracy", "reconstruction", "cross_validation")
OF_CATALOGUES = ("measured_examples", "measured_flags")
OF_ERRORS = ("error_calibration", "error_coverage", "error_pit", "error_sizes")
RUNS_PER_FIGURE = 8  # rows of a figure with histograms


class Figure(NamedTuple):
    """One figure of a study: its kind, a registered function, and what it compares (None: the study as a whole)."""

    kind: str
    comparison: Comparison | None = None


def figure_plan(study: Study) -> dict[str, Figure]:
    """The figures of a study by name, in the order of the report."""
    analyses = [(name, Figure(name)) for name in ANALYSES if getattr(study, name)]
    analyses += [(name, Figure(name)) for name in OF_ERRORS if study.error_scores]
    analyses += [(name, Figure(name)) for name in OF_CATALOGUES if study.measurement]
    plan: dict[str, Figure] = {}
    for name, figure in [*_PLANS[study.chapter](study), *analyses]:
        # recipe `a` on domain `b_c` and recipe `a_b` on domain `c` would have one name, and one figure would be lost
        names = chain([name], (f"{name}_{number}" for number in count(2)))
        plan[next(free for free in names if free not in plan)] = figure
    return plan


def inputs_of(study: Study) -> list[str]:
    """Kinds of files that the figures of a study read between them."""
    needed = registry.inputs("report/figures")
    return sorted({kind for figure in figure_plan(study).values() for kind in needed[figure.kind]})


def _adaptation(study: Study) -> Iterator[tuple[str, Figure]]:
    for overview in overviews(study):  # the result first
        for kind in PER_TARGET if overview.target else PER_TARGET[:1]:
            yield f"{kind}_{key(study, overview)}", Figure(kind, overview)
    yield "examples", Figure("examples")
    if any(dataset.background for dataset in study.datasets.values()):
        yield "sky_scatter", Figure("sky_scatter")
    for comparison in comparisons(study):
        for kind in PER_COMPARISON:
            yield f"{kind}_{key(study, comparison)}", Figure(kind, comparison)


def _regression(study: Study) -> Iterator[tuple[str, Figure]]:
    yield "examples", Figure("parameter_examples")
    if study.stuck_at_mean:
        yield "stuck_at_mean", Figure("stuck_at_mean")
        return
    for kind in ("loss_linear", "loss_log"):
        yield kind, Figure(kind)
    tests = tested(study)
    for test in tests:
        yield f"parameter_scores_{test.source}", Figure("parameter_scores", test)
    for test in tests:
        parts = [test.runs[first : first + RUNS_PER_FIGURE] for first in range(0, len(test.runs), RUNS_PER_FIGURE)]
        for number, runs in enumerate(parts, start=1):
            end = f"{test.source}_{number}" if len(parts) > 1 else test.source
            for kind in ("errors", "errors_zoomed"):
                yield f"{kind}_{end}", Figure(kind, replace(test, runs=runs))


# What each kind of chapter shows, besides analyses.
_PLANS = {"adaptation": _adaptation, "regression": _regression, "images": lambda study: ()}

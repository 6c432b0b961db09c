"""Which figures a study has, found from its configuration alone.

Snakemake asks while it parses, so nothing here imports matplotlib, torch or pandas, and no file is read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sim2sky.config import MEAN_PARAMETER, Study

STATISTICS_TITLES = {"running": "of training", "batch": "of each test batch", "adabn": "re-estimated (AdaBN)"}
PER_COMPARISON = ("predictions", "residuals", "learning_curves", "latent_space")
PER_TARGET = ("scores", "domain_distance")
ANALYSES = ("degeneracy", "reconstruction")
RUNS_PER_FIGURE = 8  # rows of a figure with histograms


@dataclass(frozen=True)
class Comparison:
    """Runs that are held against each other: trained by one recipe for one pair of domains.

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


def _pairs(study: Study) -> list[tuple[str, str, str | None]]:
    """(recipe, source, target) of all adapting runs; of all runs where none adapts."""
    runs = [run for run in study.runs.values() if run.target] or list(study.runs.values())
    return list(dict.fromkeys((run.recipe, run.source, run.second_domain) for run in runs))


def _compare(study: Study, recipe: str | None, source: str, target: str | None) -> Comparison:
    last = target or source
    methods = list(study.methods)
    runs = [
        name
        for name, run in study.runs.items()
        if recipe in (None, run.recipe)
        and run.source in (source, last)
        and run.target in (None, target)
        and last in run.evaluate_on
    ]
    runs.sort(key=lambda name: methods.index(study.runs[name].method))
    if recipe is None:
        recipes = list(study.recipes)
        runs.sort(key=lambda name: recipes.index(study.runs[name].recipe))
    return Comparison(recipe, source, target, tuple(runs))


def comparisons(study: Study) -> list[Comparison]:
    """One comparison per recipe and pair of domains that some run adapts between.

    To it belong the runs of that recipe that adapt, those trained on the source alone, and those trained on the
    target's labels (the oracle), as far as they are evaluated on the target.
    """
    return [_compare(study, *pair) for pair in _pairs(study)]


def overviews(study: Study) -> list[Comparison]:
    """One comparison per pair of domains with the runs of all recipes, controls among them."""
    return [_compare(study, None, *pair) for pair in dict.fromkeys(pair[1:] for pair in _pairs(study))]


def key(study: Study, comparison: Comparison) -> str:
    """Short name of a comparison, ``recipe_target``; the source is in it only if the target has several."""
    sources = {source for _, source, target in _pairs(study) if target == comparison.target}
    parts = (comparison.recipe, comparison.source if len(sources) > 1 else None, comparison.target)
    return "_".join(part for part in parts if part) or comparison.source


def figure_plan(study: Study) -> dict[str, tuple[str, Comparison | None]]:
    """Name of every figure of a study -> its kind and what it compares (None: the study as a whole)."""
    plan = PLANS[study.chapter](study)
    plan |= {name: (name, None) for name in ANALYSES if getattr(study, name)}
    if study.cross_validation:
        plan["cross_validation"] = ("cross_validation", None)
    return plan


def _adaptation_plan(study: Study) -> dict[str, tuple[str, Comparison | None]]:
    plan: dict[str, tuple[str, Comparison | None]] = {"examples": ("examples", None)}
    if any(dataset.background for dataset in study.datasets.values()):
        plan["sky_scatter"] = ("sky_scatter", None)
    for overview in overviews(study):
        kinds = PER_TARGET if overview.target else PER_TARGET[:1]
        plan |= {f"{kind}_{key(study, overview)}": (kind, overview) for kind in kinds}
    for comparison in comparisons(study):
        plan |= {f"{kind}_{key(study, comparison)}": (kind, comparison) for kind in PER_COMPARISON}
    return plan


def _regression_plan(study: Study) -> dict[str, tuple[str, Comparison | None]]:
    plan: dict[str, tuple[str, Comparison | None]] = {"examples": ("parameter_examples", None)}
    if study.stuck_at_mean:
        return plan | {"stuck_at_mean": ("stuck_at_mean", None)}
    plan |= {f"loss_{scale}": (f"loss_{scale}", None) for scale in ("linear", "log")}
    tests = tested(study)
    plan |= {f"parameter_scores_{test.source}": ("parameter_scores", test) for test in tests}
    for test in tests:
        parts = [test.runs[first : first + RUNS_PER_FIGURE] for first in range(0, len(test.runs), RUNS_PER_FIGURE)]
        for number, runs in enumerate(parts, start=1):
            end = f"{test.source}_{number}" if len(parts) > 1 else test.source
            rows = replace(test, runs=runs)
            plan |= {f"{kind}_{end}": (kind, rows) for kind in ("errors", "errors_zoomed")}
    return plan


# What each kind of chapter shows, beside analyses and cross-validation.
PLANS = {"adaptation": _adaptation_plan, "regression": _regression_plan, "images": lambda study: {}}


def tested(study: Study) -> list[Comparison]:
    """One comparison per dataset that runs are evaluated on, with these runs, in the order of the study."""
    datasets = [name for name in study.datasets if any(name in run.evaluate_on for run in study.runs.values())]
    runs = {name: tuple(run for run, about in study.runs.items() if name in about.evaluate_on) for name in datasets}
    return [Comparison(None, name, None, runs[name]) for name in datasets]


def figure_names(study: Study) -> list[str]:
    """Names of all figures of a study, in the order of the report, without reading a file."""
    return list(figure_plan(study))


def overall(study: Study) -> str:
    """The parameter whose metrics sum a network up: the only target, or the mean over several."""
    return study.targets[0] if len(study.targets) == 1 else MEAN_PARAMETER


def shown_statistics(study: Study) -> str:
    """BatchNorm statistics of the predictions that figures show: those of the published numbers, or the study's first."""
    return next((row.statistics for row in study.published if row.statistics in study.statistics), study.statistics[0])


def is_oracle(study: Study, run: str, comparison: Comparison) -> bool:
    """Whether a run saw the labels of the comparison's target."""
    return comparison.target is not None and study.runs[run].source == comparison.target


def run_title(study: Study, run: str, runs: tuple[str, ...]) -> str:
    """Title of a run's method; with the run's name where several of `runs` share the method."""
    method = study.runs[run].method
    shared = sum(study.runs[name].method == method for name in runs) > 1
    return study.methods[method].title + (f" [{run}]" if shared else "")

"""Draws every figure of a study, each into a PNG file of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from sim2sky import store
from sim2sky.config import Study, Survey
from sim2sky.paths import Paths
from sim2sky.provenance.figures import png_text
from sim2sky.report.figures import style
from sim2sky.report.figures.analyses import degeneracy, reconstruction
from sim2sky.report.figures.domains import domain_distance, latent_space
from sim2sky.report.figures.images import examples, sky_scatter_figure
from sim2sky.report.figures.losses import loss_linear, loss_log, stuck_at_mean
from sim2sky.report.figures.parameters import errors, errors_zoomed, parameter_examples, parameter_scores
from sim2sky.report.figures.predictions import predictions, residuals
from sim2sky.report.figures.scores import scores
from sim2sky.report.figures.training import cross_validation, learning_curves
from sim2sky.report.plan import Comparison, figure_plan
from sim2sky.report.results import Products

DRAW: dict[str, Callable[[Products, Comparison | None], Figure]] = {
    "examples": examples,
    "sky_scatter": sky_scatter_figure,
    "scores": scores,
    "domain_distance": domain_distance,
    "predictions": predictions,
    "residuals": residuals,
    "learning_curves": learning_curves,
    "latent_space": latent_space,
    "cross_validation": cross_validation,
    "parameter_examples": parameter_examples,
    "loss_linear": loss_linear,
    "loss_log": loss_log,
    "parameter_scores": parameter_scores,
    "errors": errors,
    "errors_zoomed": errors_zoomed,
    "stuck_at_mean": stuck_at_mean,
    "degeneracy": degeneracy,
    "reconstruction": reconstruction,
}


def draw_figures(
    name: str,
    study: Study,
    paths: Paths,
    surveys: Mapping[str, Survey] | None = None,
    cutouts: Mapping[str, str | Path | None] | None = None,
    only: Sequence[str] | None = None,
    partial: bool = False,
    fingerprint: Mapping[str, str] | None = None,
) -> dict[str, Path]:
    """Draw the figures of a study from what the other stages left behind.

    Parameters
    ----------
    name : str
        Name of the study.
    study : Study
        Its configuration; it decides which figures there are (:func:`sim2sky.report.plan.figure_names`).
    paths : Paths
        Where the products are and the figures go. A product that does not exist leaves a panel that says "not run".
    surveys : mapping of str to Survey
        Surveys by name; needed for `sky_scatter`.
    cutouts : mapping of str to path
        Survey cutouts by name, as in ``config.yaml``; needed for `sky_scatter`.
    only : sequence of str
        Names of the figures to draw; all of them by default.
    partial : bool
        Pass over results of networks that were not made as the study says.
    fingerprint : mapping of str to str
        Hash of the code, which goes into each file with the configuration and the versions.

    Returns
    -------
    dict of str to Path
        PNG file of each figure.
    """
    text = png_text(study, fingerprint or {})
    products, plan, drawn = Products(name, study, paths, surveys, cutouts, partial), figure_plan(study), {}
    for figure_name in only or plan:
        kind, comparison = plan[figure_name]
        path, started = Path(paths.figure.format(study=name, figure=figure_name)), time.perf_counter()
        with style.style(), store.atomic(path) as temporary:
            DRAW[kind](products, comparison).savefig(temporary, format="png", metadata=text)
        drawn[figure_name] = path
        seconds = time.perf_counter() - started
        print(f"{name}: figure {len(drawn)} of {len(only or plan)}, {figure_name}, {seconds:.1f} s", flush=True)
    return drawn

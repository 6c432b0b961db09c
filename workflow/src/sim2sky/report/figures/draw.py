"""Draws the figures of a study, each into a PNG file of its own."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from sim2sky import store
from sim2sky.config import Study, Survey
from sim2sky.provenance.figures import png_text
from sim2sky.report.figures import style
from sim2sky.report.figures.registry import draw
from sim2sky.report.plan import figure_plan
from sim2sky.report.results import Inputs, Results, current


def draw_figures(
    study: Study,
    inputs: Inputs,
    outputs: Mapping[str, str | Path],
    surveys: Mapping[str, Survey] | None = None,
    *,
    partial: bool = False,
    fingerprint: Mapping[str, str] | None = None,
    cutouts: Mapping[str, str] | None = None,
) -> None:
    """Draw figures of a study from what the other stages left behind.

    Parameters
    ----------
    study : Study
        The configuration, which decides what figures there are (:func:`sim2sky.report.plan.figure_plan`).
    inputs : mapping of str to (mapping of key to path)
        Files by kind, as :class:`sim2sky.report.results.Results` takes them. A run without files leaves a panel that says "not run".
    outputs : mapping of str to path
        PNG file of each figure that is wanted, by its name in the plan.
    surveys : mapping of str to Survey
        Surveys by name; needed for `sky_scatter`.
    partial : bool
        Files may be of an earlier configuration; those that were not made as `study` says are left out.
    fingerprint : mapping of str to str
        Hash of the code, which goes into each file with the configuration and the versions.
    cutouts : mapping of str to str
        Checksums of the survey cutouts by their key in the configuration, which each file keeps.

    Raises
    ------
    KeyError
        A name in `outputs` is not in the plan, or a kind of files that a figure reads is not in `inputs`.
    """
    plan, surveys = figure_plan(study), surveys or {}
    text = png_text(study, fingerprint or {}, surveys, cutouts or {})
    results = Results(study, current(inputs, study, surveys, cutouts) if partial else inputs, surveys)
    for number, (name, path) in enumerate(outputs.items(), start=1):
        started = time.perf_counter()
        with style.style(), store.atomic(path) as temporary:
            draw(plan[name].kind, results, plan[name].comparison).savefig(temporary, format="png", metadata=text)
        seconds = time.perf_counter() - started
        print(f"{path}: figure {number} of {len(outputs)}, {seconds:.1f} s", flush=True)

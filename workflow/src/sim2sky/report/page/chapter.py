"""A chapter of the report: what it is made from, and what the template shows of it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sim2sky.angles import ANGLE_PERIODS
from sim2sky.config import Strict, Study, Survey
from sim2sky.evaluate.aggregate import missing_runs, present_runs
from sim2sky.evaluate.metrics import CIRCULAR
from sim2sky.evaluate.run_metrics import read_metrics
from sim2sky.provenance.figures import check_figure
from sim2sky.report.comparisons import Comparison, domains_title, shown_statistics, tested
from sim2sky.report.page.captions import Caption
from sim2sky.report.plan import figure_plan
from sim2sky.report.symbols import STATISTICS_TITLES, text_symbol, unit
from sim2sky.report.tables import adaptation, analyses, errors, regression, runs
from sim2sky.report.tables.sizes import extent, sizes
from sim2sky.report.tables.summary import Summary
from sim2sky.report.tables.table import Table


class Tables(Strict):
    """Tables of one kind, and the file that says what they were made from."""

    files: list[Path]
    provenance: Path | None = None


class Chapter(Strict):
    """What the chapter of one study is made from.

    Attributes
    ----------
    study : Study
        The study as it was run.
    full : Study or None
        The study as its file has it, before overrides. Where sizes differ the chapter says that it is not the full study, and how.
    surveys : dict of str to Survey
        Surveys by name, for their titles, and as tables and figures must have been made with them.
    cutouts : dict of str to str
        Checksums of survey cutouts by their key in the configuration, likewise.
    tables : dict of str to Tables
        ``metrics`` (``metrics.csv`` and ``summary.csv``) of a study that trains, and ``error_scores``, ``cross_validation``, ``degeneracy`` and
        ``reconstruction``, as far as there are any. Runs that lack a seed in the metrics are named as missing.
    figures : dict of str to path
        PNG files by name. A figure of the plan that is not among them, or does not exist, is named in its place.
    code_of_networks : dict of str to str
        Hash of the code that now trains each file of networks. Those that other code trained are named.
    """

    study: Study
    full: Study | None = None
    surveys: dict[str, Survey] = {}
    cutouts: dict[str, str] = {}
    tables: dict[str, Tables] = {}
    figures: dict[str, Path] = {}
    code_of_networks: dict[str, str] = {}


def contents(
    name: str, chapter: Chapter, captions: Mapping[str, Caption], trained_by: Mapping[str, str]
) -> dict[str, Any]:
    """What the template shows of a chapter.

    Parameters
    ----------
    name : str
        Name of the study, which links refer to.
    chapter : Chapter
        What it is made from.
    captions : mapping of str to Caption
        By kind of figure.
    trained_by : mapping of str to str
        Hash of the code that trained each file of networks.

    Returns
    -------
    dict of str to object
        Variables of the template ``report.html``.

    Raises
    ------
    ValueError
        A figure is of another configuration than the study.
    """
    study, size = chapter.study, sizes(chapter.study, chapter.full)
    now = chapter.code_of_networks
    of_runs = _of_runs(chapter) if study.runs else {}
    return {
        "name": name,
        "sections": _sections(of_runs, "error_scores" in chapter.tables),
        "study": study,
        "sizes": size,
        "extent": extent(size),
        "missing": {},
        "other_code": [path for path, code in now.items() if trained_by.get(path, code) != code],
        "figures": _figures(chapter, captions),
        "errors": errors.errors(study, chapter.tables["error_scores"].files[0])
        if "error_scores" in chapter.tables
        else None,
        "analyses": _analyses(chapter, captions),
        "cross_validation": _cross_validation(chapter),
        "configuration": yaml.safe_dump(study.params(), sort_keys=False, allow_unicode=True, width=110),
    } | of_runs


def _sections(of_runs: Mapping[str, Any], errors: bool) -> list[tuple[str, str]]:
    """Identifier and title of each section that the chapter has."""
    there = {
        ("headline", "in numbers"): of_runs and of_runs["headline"],
        ("published", "beside the paper"): of_runs and of_runs["published"].rows,
        ("scores", "all scores"): of_runs,
        ("controls", "controls"): of_runs and of_runs["controls"].rows,
        ("errors", "errors"): errors,
    }
    return [
        *(section for section, filled in there.items() if filled),
        ("figures", "figures"),
        ("setup", "what was run"),
    ]


def _of_runs(chapter: Chapter) -> dict[str, Any]:
    """What the template shows besides of a study that trains."""
    study, (metrics, summary) = chapter.study, chapter.tables["metrics"].files
    missing: dict[str, list[str]] = {}
    for run, block in missing_runs(study, present_runs(read_metrics(metrics), study)):
        missing.setdefault(run, []).append(block)
    table = Summary(summary)
    return {
        "missing": {run: "all seeds" if blocks == study.seed_blocks else blocks for run, blocks in missing.items()},
        "statistics": STATISTICS_TITLES[shown_statistics(study)],
        "units": _units(study),
        "metrics": runs.metrics(study, table),
        "datasets": runs.datasets(study, chapter.surveys),
        **(_regression if study.chapter == "regression" else _adaptation)(study, table),
    }


def _units(study: Study) -> str:
    """Units of the parameters that are regressed, in words."""
    found: dict[str, list[str]] = {}
    for name in study.targets:
        found.setdefault(unit(study, name), []).append(text_symbol(name))
    return "; ".join(
        f"{', '.join(names)} {f'in {text}' if text else 'without a unit'}" for text, names in found.items()
    )


def _adaptation(study: Study, summary: Summary) -> dict[str, Any]:
    return {
        "headline": adaptation.headline(study, summary),
        "published": adaptation.published(study, summary),
        "scores": adaptation.scores(study, summary),
        "distances": adaptation.distances(study, summary),
        "controls": runs.controls(study, summary),
        "recipes": runs.recipes(study),
    }


def _regression(study: Study, summary: Summary) -> dict[str, Any]:
    tests = [test.source for test in tested(study)]
    angles = ANGLE_PERIODS.keys() & set(study.targets)
    return {
        "headline": regression.headline(study, summary),
        "published": regression.published(study, summary),
        "scores": [(study.datasets[name].title, regression.scores(study, summary, name)) for name in tests],
        "stuck": regression.stuck(study, summary) if study.stuck_at_mean else None,
        "controls": runs.controls(study, summary, CIRCULAR if angles else "mae"),
        "recipes": regression.recipes(study),
    }


def _figures(chapter: Chapter, captions: Mapping[str, Caption]) -> list[dict[str, Any]]:
    found = []
    for name, (kind, comparison) in figure_plan(chapter.study).items():
        path, image = chapter.figures.get(name), None
        if path and path.is_file():
            check_figure(path, chapter.study, chapter.surveys, chapter.cutouts)
            image = base64.b64encode(path.read_bytes()).decode()
        subject = _subject(chapter.study, comparison) if comparison else ""
        found.append({"name": name, "image": image, "subject": subject} | captions[kind]._asdict())
    return found


def _subject(study: Study, comparison: Comparison) -> str:
    """What a figure compares, in words."""
    domains = domains_title(study, comparison)
    return f"recipe {comparison.recipe}: {domains}" if comparison.recipe else domains


def _analyses(chapter: Chapter, captions: Mapping[str, Caption]) -> list[tuple[str, Table]]:
    """Heading and table of each analysis that there is."""
    tables, found = chapter.tables, []
    if "degeneracy" in tables:
        found.append(("Identical pairs and largest differences", analyses.degeneracy(tables["degeneracy"].files[0])))
    if "reconstruction" in tables:
        table = analyses.reconstruction(chapter.study, tables["reconstruction"].files[0])
        found.append((captions["reconstruction"].title, table))
    return found


def _cross_validation(chapter: Chapter) -> Table | None:
    cross, made = chapter.study.cross_validation, chapter.tables.get("cross_validation")
    return analyses.cross_validation(cross, made.files[0]) if cross and made else None

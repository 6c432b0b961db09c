"""Files of a made-up study, handed over as the rules of the workflow hand them over; used by the tests of this folder and others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sim2sky.config import Study
from sim2sky.paths import Paths, of_run
from sim2sky.report.page.chapter import Chapter
from sim2sky.report.page.write import write_report
from sim2sky.report.plan import figure_plan
from sim2sky.report.results import Results

ROOT = Path(__file__).parents[3]
CAPTIONS = sorted((ROOT / "workflow/report").glob("*.rst"))
CAPTIONS.remove(ROOT / "workflow/report/workflow.rst")  # the text around them
NAME = "toy"


class Made(NamedTuple):
    """A study with its results and figures."""

    study: Study
    paths: Paths
    results: Results
    figures: dict[str, Path]


def inputs_of(study: Study, paths: Paths, cutouts: Mapping[str, Path] | None = None) -> dict[str, dict[Any, Path]]:
    """Every kind of file that figures read, as far as it exists."""
    blocks = [(run, seeds) for run in study.runs for seeds in study.seed_blocks]
    of_runs = {
        "history": paths.history,
        "predictions": paths.predictions,
        "latents": paths.latents,
        "models": paths.model,
    }
    found = {
        kind: {block: Path(of_run(pattern, NAME, study, *block)) for block in blocks}
        for kind, pattern in of_runs.items()
    }
    shards = {
        name: Path(paths.observed.format(dataset=name, shard=study.simulations[dataset.simulation].shards[0]))
        for name, dataset in study.datasets.items()
    }
    tables = {"metrics": paths.metrics, "cross_validation": paths.cross_validation, "error_scores": paths.errors}
    found |= {kind: {"table": Path(pattern.format(study=NAME))} for kind, pattern in tables.items()}
    found |= {"first_shards": shards, "cutouts": dict(cutouts or {}), "degeneracy": {}, "reconstruction": {}}
    return {kind: {key: path for key, path in files.items() if path.is_file()} for kind, files in found.items()}


def outputs_of(study: Study, paths: Paths) -> dict[str, Path]:
    """PNG file of every figure."""
    return {name: Path(paths.figure.format(study=NAME, figure=name)) for name in figure_plan(study)}


def chapter_of(made: Made, **more: Any) -> Chapter:
    """The chapter of a study; `more` replaces what it is made from."""
    tables = {
        "metrics": {"files": [pattern.format(study=NAME) for pattern in (made.paths.metrics, made.paths.summary)]}
    }
    folds = Path(made.paths.cross_validation.format(study=NAME))
    if folds.is_file():
        tables["cross_validation"] = {"files": [folds]}
    tables |= more.pop("tables", {})
    return Chapter.model_validate({"study": made.study, "tables": tables, "figures": made.figures, **more})


def page(made: Made, path: Path, **more: Any) -> str:
    """The page with this one chapter."""
    write_report(path, {NAME: chapter_of(made, **more)}, CAPTIONS, {"versions": {"sim2sky": "0.0"}})
    return path.read_text()

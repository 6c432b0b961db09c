"""Reads the configuration and checks all of it before a job starts.

`load` is what the Snakefile calls. It merges ``config/config.yaml``, the study files and any overrides, and raises
:class:`ConfigError` with one line per mistake that names the file, the key and, for a misspelt name, the nearest valid one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from sim2sky.config import Config, Strict, Study, Survey, known, merge
from sim2sky.config.chains import used_datasets, wanted_runs, without_dangling
from sim2sky.config.check import ConfigError, check, place
from sim2sky.config.references import mistakes


def load(config: dict[str, Any], root: Path) -> tuple[Config, dict[str, Study], dict[str, Survey]]:
    """Read and check the whole configuration.

    Parameters
    ----------
    config : dict
        What Snakemake made of the config files and ``--config``.
    root : Path
        Folder of the Snakefile.

    Returns
    -------
    config, studies, surveys
        `studies` in the order of ``config.studies``; datasets whose cutouts have no path, and their runs, are already left out.

    Raises
    ------
    ConfigError
        With one line per mistake.
    """
    top = check(Config, config, "config/config.yaml", {})
    for name in top.overrides:  # those of studies that are not run wait for their turn
        try:
            known(name, [file.stem for file in (root / "config/studies").glob("*.yaml")], "study")
        except ValueError as error:
            raise ConfigError(f"config: overrides: {error}") from None
    for name, path in top.cutouts.items():
        if path and not Path(path).is_file():
            raise ConfigError(f"config: cutouts.{name}: no such FITS file: {path}")
        if path and not _is_fits(path):
            raise ConfigError(f"config: cutouts.{name}: not a FITS file: {path}")
    studies, surveys = {}, {}
    for name in top.studies:
        file = f"config/studies/{name}.yaml"
        overrides = top.overrides.get(name, {})
        study = check(Study, merge(_read(root / "config/studies", name, "study", root), overrides), file, overrides)
        for dataset in study.datasets.values():
            if dataset.survey and dataset.survey not in surveys:
                raw = _read(root / "resources/surveys", dataset.survey, "survey", root)
                surveys[dataset.survey] = check(Survey, raw, f"resources/surveys/{dataset.survey}.yaml", {})
        if problems := dict.fromkeys(mistakes(study, top.cutouts, surveys)):
            raise ConfigError("\n".join(f"{place(file, path, overrides)}: {text}" for path, text in problems))
        studies[name] = _available(study, top)
    _check_shared(studies)
    return top, studies, surveys


def _is_fits(path: str) -> bool:
    """Whether a file begins as FITS does, or is compressed."""
    with open(path, "rb") as file:
        return file.read(9).startswith((b"SIMPLE  =", b"\x1f\x8b", b"BZh"))


def _read(folder: Path, name: str, what: str, root: Path) -> dict[str, Any]:
    """The content of ``<folder>/<name>.yaml``; a ConfigError says what is wrong with the name or the file."""
    path = folder / f"{name}.yaml"
    try:
        known(name, [file.stem for file in folder.glob("*.yaml")], what)
        raw = yaml.load(path.read_text(), yaml.CSafeLoader)  # ten times as fast as safe_load
    except yaml.YAMLError as error:
        raise ConfigError(f"{path.relative_to(root)}: not valid YAML: {error}") from None
    except ValueError as error:
        raise ConfigError(f"{folder.relative_to(root)}: {error}") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{path.relative_to(root)}: the file must hold keys and values")
    return raw


def _available(study: Study, top: Config) -> Study:
    """`study` without the datasets whose cutouts have no path, the runs that need them, and what is not wanted."""
    absent = {n for n, d in study.datasets.items() if d.background and not top.cutouts.get(d.background.cutouts)}
    runs = {
        name: run.model_copy(update={"evaluate_on": [d for d in run.evaluate_on if d not in absent]})
        for name, run in wanted_runs(study).items()
        if not absent & {run.source, run.target}
    }
    datasets = {name: dataset for name, dataset in study.datasets.items() if name not in absent}
    runs = {name: run for name, run in runs.items() if run.evaluate_on}
    left = without_dangling(study.model_copy(update={"datasets": datasets, "runs": runs}))
    if (asked := left.reconstruction) and (asked.run not in left.runs or asked.dataset not in left.datasets):
        left = left.model_copy(update={"reconstruction": None})
    if study.only_runs and left.runs:
        left = left.model_copy(update={"datasets": used_datasets(left)})
    published = [
        row for row in left.published if row.domain in left.datasets and (row.run is None or row.run in left.runs)
    ]
    return left.model_copy(update={"published": published})


def _check_shared(studies: dict[str, Study]) -> None:
    """Studies may share a simulation or dataset by name; then both must mean the same."""
    for kind in ("simulations", "datasets"):
        seen: dict[str, tuple[str, Strict]] = {}
        for study_name, study in studies.items():
            for name, value in getattr(study, kind).items():
                other, first = seen.setdefault(name, (study_name, value))
                if first != value:
                    raise ConfigError(
                        f"config/studies/{study_name}.yaml: {kind}.{name}: differs from the one of the same name in {other}.yaml"
                    )

"""Reads the configuration and checks all of it before a job starts.

`load` is what the Snakefile calls. It merges ``config/config.yaml``, the study files and any overrides, and raises
:class:`ConfigError` with one line per mistake that names the file, the key and, for a misspelt name, the nearest valid one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from sim2sky.config import SOURCE_AXES, Config, Recipe, Run, Simulation, Strict, Study, Survey, known, merge, nested
from sim2sky.config.chains import chain_problems, without_dangling


class ConfigError(ValueError):
    """The configuration is wrong; the message says where and what."""


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
    top = _check(Config, config, "config/config.yaml", {})
    unused = set(top.overrides) - set(top.studies)
    if unused:
        raise ConfigError(
            f"config: overrides: {', '.join(sorted(unused))} is not among studies: {', '.join(top.studies)}"
        )
    for name, path in top.cutouts.items():
        if path and not (root / path).is_file():
            raise ConfigError(f"config: cutouts.{name}: no such FITS file: {path}")
    studies, surveys = {}, {}
    for name in top.studies:
        place = f"config/studies/{name}.yaml"
        overrides = top.overrides.get(name, {})
        study = _check(Study, merge(_read(root / "config/studies", name, "study", root), overrides), place, overrides)
        for dataset in study.datasets.values():
            if dataset.survey not in surveys:
                raw = _read(root / "resources/surveys", dataset.survey, "survey", root)
                surveys[dataset.survey] = _check(Survey, raw, f"resources/surveys/{dataset.survey}.yaml", {})
        if problems := dict.fromkeys(_dangling(study, top, surveys)):
            raise ConfigError("\n".join(f"{_place(place, path, overrides)}: {text}" for path, text in problems))
        studies[name] = _available(study, top)
    _check_shared(studies)
    return top, studies, surveys


def _read(folder: Path, name: str, what: str, root: Path) -> dict[str, Any]:
    path = folder / f"{name}.yaml"
    try:
        known(name, [file.stem for file in folder.glob("*.yaml")], what)
        raw = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ConfigError(f"{path.relative_to(root)}: not valid YAML: {error}") from None
    except ValueError as error:
        raise ConfigError(f"{folder.relative_to(root)}: {error}") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{path.relative_to(root)}: the file must hold keys and values")
    return raw


def _place(file: str, path: tuple[Any, ...], overrides: Any) -> str:
    """File and dotted key; values that came from an override are blamed on it."""
    for key in path:
        overrides = overrides.get(key) if isinstance(overrides, dict) else None
    if overrides is not None:
        file = f"overrides of {file}"
    return f"{file}: {'.'.join(map(str, path))}" if path else file


def _check(model: type[Strict], raw: Any, file: str, overrides: Any) -> Any:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        lines = []
        for mistake in error.errors():
            path, text = mistake["loc"], mistake["msg"].removeprefix("Value error, ")
            if mistake["type"] == "extra_forbidden":
                try:
                    known(str(path[-1]), _fields_at(model, path[:-1]), "key")
                except ValueError as unknown:
                    text = str(unknown)
            elif mistake["type"] == "missing":
                text = "is missing"
            elif not isinstance(mistake["input"], dict):
                text += f" (got {mistake['input']!r})"
            lines.append(f"{_place(file, path, overrides)}: {text}")
        raise ConfigError("\n".join(lines)) from None


def _fields_at(model: Any, path: tuple[Any, ...]) -> list[str]:
    """Field names of the model that sits at `path` inside `model`."""
    schema = model.model_json_schema()
    node = schema
    for key in path:
        options = [_resolve(schema, option) for option in node.get("anyOf", [node])]
        node = next((option for option in options if option.get("type") in ("object", "array")), node)
        node = node.get("properties", {}).get(key) or node.get("additionalProperties") or node.get("items") or {}
        node = _resolve(schema, node)
    for option in node.get("anyOf", [node]):
        if fields := _resolve(schema, option).get("properties"):
            return list(fields)
    return []


def _resolve(schema: dict[str, Any], node: Any) -> dict[str, Any]:
    if isinstance(node, dict) and "$ref" in node:
        return schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node if isinstance(node, dict) else {}


def _dangling(study: Study, top: Config, surveys: dict[str, Survey]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Names that point nowhere and values that do not fit each other, as (path, what is wrong)."""

    def check(path: tuple[Any, ...], name: str, names: Any, what: str) -> Iterator[tuple[tuple[Any, ...], str]]:
        try:
            known(name, names, what)
        except ValueError as error:
            yield path, str(error)

    for name, simulation in study.simulations.items():
        for light in ("lens_light", "source_light"):
            for band in getattr(simulation.population, light).colors:
                yield from check(
                    ("simulations", name, "population", light, "colors"), band, simulation.bands[1:], "band"
                )
    for name, dataset in study.datasets.items():
        where = ("datasets", name)
        yield from check((*where, "simulation"), dataset.simulation, study.simulations, "simulation")
        survey, simulation = surveys[dataset.survey], study.simulations.get(dataset.simulation)
        if simulation is None:
            continue
        for band in simulation.bands:
            yield from check((*where, "survey"), band, survey.bands, f"band of survey {dataset.survey}")
        if survey.pixel_scale != simulation.pixel_scale:
            text = f"{dataset.survey} has {survey.pixel_scale} arcsec/pixel, its simulation {simulation.pixel_scale}"
            yield (*where, "survey"), text
        if dataset.centre_crop and dataset.centre_crop.pixels > simulation.pixels:
            yield (
                (*where, "centre_crop", "pixels"),
                f"cannot keep {dataset.centre_crop.pixels} of {simulation.pixels} pixels",
            )
        for part, (start, stop) in dataset.split.bounds(simulation.lenses).items():
            if stop - start < 2:
                yield (
                    (*where, "split"),
                    f"leaves {stop - start} of {simulation.lenses} lenses for {part}; at least 2 are needed",
                )
        if dataset.background:
            yield from check((*where, "background", "cutouts"), dataset.background.cutouts, top.cutouts, "cutouts")
            if dataset.background.pixel_scale != simulation.pixel_scale:
                text = f"{dataset.background.pixel_scale} arcsec/pixel, but its simulation has {simulation.pixel_scale}"
                yield (*where, "background", "pixel_scale"), text
            if len(simulation.bands) > 1:
                yield (*where, "background"), "cutouts have one band, the simulation has several"
    for name, run in study.runs.items():
        where = ("runs", name)
        for simulation in _simulations_of(study, run):
            for index, target in enumerate(study.targets):
                yield from check(("targets", index), target, simulation.parameters, "parameter")
        yield from check((*where, "method"), run.method, study.methods, "method")
        yield from check((*where, "recipe"), run.recipe, study.recipes, "recipe")
        for key, dataset in [
            ("source", run.source),
            ("target", run.target),
            *(("evaluate_on", d) for d in run.evaluate_on),
        ]:
            if dataset is not None:
                yield from check((*where, key), dataset, study.datasets, "dataset")
        if run.method in study.methods and (study.methods[run.method].adaptation != "none") != (run.target is not None):
            yield (*where, "target"), "a method that adapts needs a target, `adaptation: none` takes none"
        if run.recipe in study.recipes:
            yield from _recipe_problems((*where, "change"), study.recipes[run.recipe], run.change)
        yield from _weight_problems(study, name)
    yield from chain_problems(study)
    if study.cross_validation:
        where, cross = ("cross_validation",), study.cross_validation
        yield from check((*where, "recipe"), cross.recipe, study.recipes, "recipe")
        yield from check((*where, "dataset"), cross.dataset, study.datasets, "dataset")
        for key, values in cross.grid.items():
            for value in values if cross.recipe in study.recipes else []:
                yield from _recipe_problems((*where, "grid", key), study.recipes[cross.recipe], nested(key, value))
    for index, row in enumerate(study.published):
        for key, names in (("method", study.methods), ("recipe", study.recipes), ("domain", study.datasets)):
            yield from check(("published", index, key), getattr(row, key), names, key)
        if row.parameter:
            yield from check(("published", index, "parameter"), row.parameter, study.targets, "target")


def _simulations_of(study: Study, run: Run) -> list[Simulation]:
    names = dict.fromkeys([run.source, run.target, *run.evaluate_on])
    datasets = [study.datasets[name] for name in names if name in study.datasets]
    return [study.simulations[dataset.simulation] for dataset in datasets if dataset.simulation in study.simulations]


def _recipe_problems(
    path: tuple[Any, ...], recipe: Recipe, change: dict[str, Any]
) -> Iterator[tuple[tuple[Any, ...], str]]:
    try:
        _check(Recipe, merge(recipe.model_dump(), change), "", {})
    except ConfigError as error:
        for line in str(error).splitlines():
            yield path, line.lstrip(": ")


def _weight_problems(study: Study, name: str) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Weights of angles need an orientation among the targets and the axes of the source."""
    run = study.runs[name]
    recipe = study.recipes.get(run.recipe)
    if recipe is None or not (recipe.weight_angles or run.change.get("weight_angles")):
        return
    if "theta" not in study.targets:
        yield ("runs", name, "recipe"), "weight_angles: theta is not among the targets"
    for simulation in _simulations_of(study, run):
        if lacking := [axis for axis in SOURCE_AXES if axis not in simulation.parameters]:
            yield ("runs", name, "recipe"), f"weight_angles: the simulation has no {' and no '.join(lacking)}"


def _available(study: Study, top: Config) -> Study:
    """`study` without the datasets whose cutouts have no path, and without the runs that need them."""
    absent = {n for n, d in study.datasets.items() if d.background and not top.cutouts.get(d.background.cutouts)}
    runs = {
        name: run.model_copy(update={"evaluate_on": [d for d in run.evaluate_on if d not in absent]})
        for name, run in study.runs.items()
        if not absent & {run.source, run.target}
    }
    datasets = {name: dataset for name, dataset in study.datasets.items() if name not in absent}
    runs = {name: run for name, run in runs.items() if run.evaluate_on}
    return without_dangling(study.model_copy(update={"datasets": datasets, "runs": runs}))


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

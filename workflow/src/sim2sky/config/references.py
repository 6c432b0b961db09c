"""Names inside a study that point nowhere, and values that do not fit each other.

Each check yields mistakes as (path in the study, what is wrong).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from math import isclose
from typing import Any

from sim2sky.config.analyses import MINIMUM_IMAGES
from sim2sky.config.base import merge, nested
from sim2sky.config.chains import chain_problems, changed_recipe
from sim2sky.config.check import check, place, unknown
from sim2sky.config.cosmosim import CosmosimSimulation
from sim2sky.config.domains import domain_problems, images_of, recipe_problems
from sim2sky.config.leaks import leak_problems
from sim2sky.config.observe import Dataset, Survey
from sim2sky.config.published import published_problems
from sim2sky.config.simulate import AnySimulation, Simulation
from sim2sky.config.study import Study
from sim2sky.config.train import Recipe
from sim2sky.config.unlabelled import images_problems, label_problems

Path = tuple[Any, ...]
Mistakes = Iterator[tuple[Path, str]]


def mistakes(
    study: Study,
    cutouts: Mapping[str, str | None],
    surveys: Mapping[str, Survey],
    images: Mapping[str, str | None] | None = None,
    counts: Mapping[str, int] | None = None,
) -> Mistakes:
    """All mistakes of a study; the same one may come twice.

    Parameters
    ----------
    study : Study
        With what :func:`sim2sky.config.unlabelled.counted` adds.
    cutouts, images : mapping of str to (str or None)
        As config.yaml has them.
    surveys : mapping of str to Survey
        Those of the study's datasets.
    counts : mapping of str to int
        How many images there are, by key of `images`, as far as it is known.
    """
    for name, simulation in study.simulations.items():
        yield from _of_simulation(("simulations", name), simulation)
    for name, dataset in study.datasets.items():
        where = ("datasets", name)
        if dataset.images:
            yield from images_problems(study, name, images or {}, counts or {})
        if not dataset.simulation:
            continue
        yield from _name((*where, "simulation"), dataset.simulation, study.simulations, "simulation")
        if seen := study.simulations.get(dataset.simulation):
            survey = surveys.get(dataset.survey) if dataset.survey else None
            yield from _of_survey(where, dataset, survey, seen)
            yield from _of_sizes(where, dataset, seen)
            yield from _of_background((*where, "background"), dataset, seen, cutouts)
    for index, name in enumerate(study.only_runs):
        yield from _name(("only_runs", index), name, study.runs, "run")
    recipes = {name: changed_recipe(study, name) for name in study.runs}
    for name in study.runs:
        yield from _of_run(study, name, recipes[name])
    yield from chain_problems(study, recipes)
    yield from domain_problems(study, recipes)
    yield from leak_problems(study)
    yield from label_problems(study)
    yield from _of_cross_validation(study)
    yield from published_problems(study)
    yield from _of_reconstruction(study)
    yield from _of_measurement(study)
    yield from _of_information(study)


def _name(path: Path, name: str, names: Iterable[str], what: str) -> Mistakes:
    """`name` must be one of `names`."""
    if name not in (there := list(names)):
        yield path, unknown(name, there, what)


def _of_simulation(where: Path, simulation: AnySimulation) -> Mistakes:
    """Colours must be of bands that are simulated."""
    for light in ("lens_light", "source_light") if simulation.engine == "galaxy" else ():
        for band in getattr(simulation.population, light).colors:
            yield from _name((*where, "population", light, "colors"), band, simulation.bands[1:], "band")


def _of_survey(where: Path, dataset: Dataset, survey: Survey | None, simulation: AnySimulation) -> Mistakes:
    """A survey must have the simulation's bands and pixel scale, and what turns counts into fluxes must be known."""
    counts = simulation.engine == "cosmosim"
    if survey is None:
        if not counts:
            yield (*where, "survey"), "is missing; only images of `engine: cosmosim` can be taken as they are"
        return
    for band in simulation.bands:
        yield from _name((*where, "survey"), band, survey.bands, f"band of survey {dataset.survey}")
    pixel_scale = simulation.pixel_scale
    if pixel_scale is None or (counts and dataset.peak_magnitude is None):
        text = "to see its simulation it needs the latter's pixel_scale, and the dataset's peak_magnitude"
        yield (*where, "survey"), text
    elif not counts and dataset.peak_magnitude is not None:
        yield (*where, "peak_magnitude"), "its simulation has fluxes already"
    elif not isclose(survey.pixel_scale, scale := dataset.scale(pixel_scale), rel_tol=1e-9):
        yield (*where, "survey"), f"{dataset.survey} has {survey.pixel_scale} arcsec/pixel, its simulation {scale:g}"


def _of_sizes(where: Path, dataset: Dataset, simulation: AnySimulation) -> Mistakes:
    """The simulation must have the pixels that are kept and enough lenses for each part."""
    if dataset.centre_crop and dataset.centre_crop.pixels > simulation.pixels:
        text = f"cannot keep {dataset.centre_crop.pixels} of {simulation.pixels} pixels"
        yield (*where, "centre_crop", "pixels"), text
    for part, (start, stop) in dataset.split.bounds(simulation.lenses).items():
        if stop - start < 2:
            text = f"leaves {stop - start} of {simulation.lenses} lenses for {part}; at least 2 are needed"
            yield (*where, "split"), text


def _of_background(
    where: Path, dataset: Dataset, simulation: AnySimulation, cutouts: Mapping[str, str | None]
) -> Mistakes:
    """Cutouts must be known and have the simulation's pixel scale, and there must be one band."""
    background = dataset.background
    if not background:
        return
    yield from _name((*where, "cutouts"), background.cutouts, cutouts, "cutouts")
    scale = dataset.scale(simulation.pixel_scale or 0)
    if not isclose(background.pixel_scale, scale, rel_tol=1e-9):
        text = f"{background.pixel_scale} arcsec/pixel, but its simulation has {scale:g}"
        yield (*where, "pixel_scale"), text
    if len(simulation.bands) > 1:
        yield where, "cutouts have one band, the simulation has several"


def _of_run(study: Study, name: str, recipe: Recipe | None) -> Mistakes:
    """A run's names must exist, and its recipe, method and datasets must fit each other."""
    run, where = study.runs[name], ("runs", name)
    yield from _name((*where, "method"), run.method, study.methods, "method")
    yield from _name((*where, "recipe"), run.recipe, study.recipes, "recipe")
    for key, dataset in run.domains:
        yield from _name((*where, key), dataset, study.datasets, "dataset")
    for dataset in dict.fromkeys(name for name in run.evaluate_on if run.evaluate_on.count(name) > 1):
        yield (*where, "evaluate_on"), f"{dataset} is given twice; its rows would be, too"
    if run.target == run.source:
        yield (*where, "target"), f"{run.target} is the source itself; there is nothing to adapt to"
    if run.method in study.methods and (study.methods[run.method].adaptation != "none") != (run.target is not None):
        yield (*where, "target"), "a method that adapts needs a target, `adaptation: none` takes none"
    if run.recipe in study.recipes:
        yield from _of_change((*where, "change"), study.recipes[run.recipe], run.change)
    if recipe is None:
        return  # reported above
    for key, dataset in run.domains:
        if images := images_of(study, dataset):
            yield from (((*where, "recipe"), text) for text in recipe_problems(study, recipe, images))
        if key != "evaluate_on" and (count := _training_lenses(study, dataset)) is not None:
            count = round(count * run.train_on.fraction) if run.train_on and key == "source" else count
            if count < recipe.batch_size:
                yield (*where, key), f"{count} lenses to train on do not fill one batch of {recipe.batch_size}"


def _training_lenses(study: Study, name: str) -> int | None:
    """How many lenses a dataset's training part has; None if it is not there."""
    try:
        dataset, simulation = study.observed(name)
    except KeyError:
        return None
    start, stop = dataset.split.bounds(simulation.lenses)["train"]
    return stop - start


def _of_change(where: Path, recipe: Recipe, change: dict[str, Any]) -> Mistakes:
    """A recipe must be valid after a change."""
    for path, text in check(Recipe, merge(recipe.model_dump(), change))[1]:
        yield where, place("", path).removeprefix(": ") + f": {text}" if path else text


def _of_cross_validation(study: Study) -> Mistakes:
    """Its recipe must be valid at each point of the grid and fit the images, and its folds must be large enough."""
    cross, where = study.cross_validation, ("cross_validation",)
    if not cross:
        return
    yield from _name((*where, "recipe"), cross.recipe, study.recipes, "recipe")
    yield from _name((*where, "dataset"), cross.dataset, study.datasets, "dataset")
    count, images = _training_lenses(study, cross.dataset), images_of(study, cross.dataset)
    if count is not None and cross.lenses > count:
        yield (*where, "lenses"), f"{cross.lenses} are asked for, {cross.dataset} has {count} to train on"
    if (recipe := study.recipes.get(cross.recipe)) is None:
        return
    left = cross.lenses - -(-cross.lenses // cross.folds)  # without the largest fold
    for point in cross.points:
        change = reduce(merge, (nested(key, value) for key, value in point.items()))
        changed, wrong = check(Recipe, merge(recipe.model_dump(), change))
        for path, text in wrong:
            yield (*where, "grid"), place(_point(point), path) + f": {text}"
        if changed and (left < changed.batch_size or cross.lenses < 2 * cross.folds):
            text = f"{cross.folds} folds of {cross.lenses} lenses leave {left} to train on"
            yield (*where, "folds"), f"{text}; a batch of {changed.batch_size} is needed"
        if changed and images:
            yield from (((*where, "recipe"), text) for text in recipe_problems(study, changed, images))


def _point(point: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in point.items())


def _of_reconstruction(study: Study) -> Mistakes:
    """It takes images of CosmoSim as they are, predicted by one of the runs."""
    asked, where = study.reconstruction, ("reconstruction",)
    if not asked:
        return
    yield from _name((*where, "run"), asked.run, study.runs, "run")
    yield from _name((*where, "dataset"), asked.dataset, study.datasets, "dataset")
    if asked.run in study.runs and asked.dataset not in study.runs[asked.run].evaluate_on:
        yield (*where, "dataset"), f"{asked.run} is not evaluated on {asked.dataset}"
    if (dataset := study.datasets.get(asked.dataset)) and dataset.simulation:
        simulation = study.simulations.get(dataset.simulation)
        if dataset.survey or dataset.centre_crop or isinstance(simulation, Simulation):
            yield (*where, "dataset"), "needs images of `engine: cosmosim` as they are, without survey or centre_crop"
        elif simulation and (lacking := simulation.lacking(study.targets)):
            yield where, f"an image cannot be simulated without {', '.join(lacking)}, which are not among the targets"


def _of_measurement(study: Study) -> Mistakes:
    """Runs and datasets must exist, and errors are calibrated with labels of simulations alone."""
    asked, where = study.measurement, ("measurement",)
    if not asked:
        return
    for index, name in enumerate(asked.runs):
        yield from _name((*where, "runs", index), name, study.runs, "run")
    for index, name in enumerate(asked.datasets):
        yield from _name((*where, "datasets", index), name, study.datasets, "dataset")
    for name in asked.coverage_within:
        yield from _name((*where, "coverage_within", name), name, asked.datasets, "dataset of `measurement`")
    sources = [study.runs[run].source for run in asked.runs if run in study.runs]
    for name in dict.fromkeys([*sources, *([asked.calibrate_on] if asked.calibrate_on else [])]):
        dataset = study.datasets.get(name)
        if not dataset or not (simulation := study.simulations.get(dataset.simulation or "")):
            continue
        first, last = dataset.split.bounds(simulation.lenses)["validation"]
        if last - first < MINIMUM_IMAGES:
            text = f"has {last - first} of {simulation.lenses} lenses, by whose labels `measurement` calibrates errors"
            yield ("datasets", name, "split", "validation"), f"{text}; at least {MINIMUM_IMAGES} are needed"
    if asked.calibrate_on is not None:
        yield from _name((*where, "calibrate_on"), asked.calibrate_on, study.datasets, "dataset")
        dataset = study.datasets.get(asked.calibrate_on)
        if dataset and (dataset.background or dataset.images):
            text = f"{asked.calibrate_on} is not simulated alone; errors are calibrated with labels of simulations, so name one"
            yield (*where, "calibrate_on"), text


def _of_information(study: Study) -> Mistakes:
    """Derivatives are of simulated galaxies, and the noise must be known."""
    for index, name in enumerate(study.information.datasets if study.information else ()):
        where = ("information", "datasets", index)
        yield from _name(where, name, study.datasets, "dataset")
        dataset = study.datasets.get(name)
        simulation = study.simulations.get(dataset.simulation or "") if dataset else None
        if dataset and (dataset.images or dataset.background):
            yield where, f"{name} has real images, whose parameters nobody knows; name simulated ones"
        elif isinstance(simulation, CosmosimSimulation) or (dataset and dataset.centre_crop):
            yield where, f"{name} is not made of galaxies in the frame that they are simulated in"
        elif dataset and dataset.noise == "none":
            yield where, f"{name} has no noise, so that nothing bounds its errors"

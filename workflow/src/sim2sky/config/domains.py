"""Whether one network can take the images of several datasets, and whether these have the parameters that it regresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import isclose
from typing import Any, NamedTuple

from sim2sky.angles import SOURCE_AXES
from sim2sky.config.check import Mistake, unknown
from sim2sky.config.networks import check_side
from sim2sky.config.simulate import AnySimulation
from sim2sky.config.study import Study
from sim2sky.config.train import Recipe

Path = tuple[Any, ...]
COUNTS, FLUXES = "8-bit counts", "counts/s"  # units of images as CosmoSim makes them, and as a survey sees them


class Images(NamedTuple):
    """What the images of a dataset are like, as far as the configuration says it."""

    dataset: str
    simulation_name: str
    simulation: AnySimulation
    pixels: int
    label_pixel: float  # side of a pixel, in the unit of the parameters that are lengths
    unit: str
    real_sky: bool
    labelled: bool = True

    @property
    def parameters(self) -> list[str]:
        """Parameters that its lenses have; real sky stands in for the simulated light of lens galaxies."""
        return [name for name in self.simulation.parameters if not (self.real_sky and name.startswith("lens_light_"))]


def images_of(study: Study, name: str) -> Images | None:
    """The images of a dataset; None if it or its simulation is not there, which is reported elsewhere."""
    try:
        dataset, simulation = study.observed(name)
    except KeyError:
        return None
    sizes = dataset.side(simulation.pixels), dataset.scale(simulation.label_pixel)
    unit = FLUXES if dataset.survey or simulation.engine == "galaxy" else COUNTS
    labelled = study.datasets[name].images is None
    return Images(name, dataset.simulation or "", simulation, *sizes, unit, dataset.background is not None, labelled)


def domain_problems(study: Study, recipes: Mapping[str, Recipe | None]) -> Iterator[Mistake]:
    """Each mistake as (path in the study, what is wrong); `recipes` are those of the runs, see :func:`changed_recipe`."""
    images = {name: found for name in study.datasets if (found := images_of(study, name))}
    named: dict[str, list[Path]] = {}  # where the study names the datasets that it has
    for name, run in study.runs.items():
        source, recipe = images.get(run.source), recipes[name]
        for key, dataset in run.domains:
            if dataset in images:
                named.setdefault(dataset, []).append(("runs", name, key))
                if source and dataset != run.source:
                    yield from _placed(("runs", name, key), _misfits(images[dataset], source, recipe))
        for key, other in run.earlier.items():
            theirs = images.get(study.runs[other].source) if other in study.runs else None
            if source and theirs:
                # networks that choose lenses take the images themselves, those to start from give weights alone
                predicts = key == "train_on.worst_of"
                texts = _misfits(source, theirs, recipes[other]) if predicts else _other_shape(source, theirs, recipe)
                yield from _placed(("runs", name, key), (f"{other}: {text}" for text in texts))
    for name, where, dataset in _measured(study):
        if dataset in images:
            named.setdefault(dataset, []).append(where)
            source = images.get(study.runs[name].source)
            if source and dataset != study.runs[name].source:
                yield from _placed(where, _misfits(images[dataset], source, recipes[name]))
    if (cross := study.cross_validation) and cross.dataset in images:
        named.setdefault(cross.dataset, []).append(("cross_validation", "dataset"))
    named = {dataset: places for dataset, places in named.items() if images[dataset].labelled}
    for dataset, places in named.items():
        yield from _of_parameters(study, images[dataset], places)
    yield from _of_fixed(study, [images[dataset] for dataset in named])


def _placed(where: Path, texts: Iterable[str]) -> Iterator[Mistake]:
    return ((where, text) for text in texts)


def recipe_problems(study: Study, recipe: Recipe, images: Images) -> Iterator[str]:
    """What keeps networks of a recipe from learning from, or being tested on, images."""
    try:
        check_side(recipe.network, images.pixels, recipe.network_options)
    except ValueError as error:
        yield str(error)
    if recipe.normalisation == "eight_bit" and images.unit != COUNTS:
        yield (
            f"normalisation: eight_bit divides by 255, but images of {images.dataset} are in {images.unit}, which have "
            "no largest value; per_domain fits them"
        )
    if recipe.weight_angles and images.labelled:
        if "theta" not in study.targets:
            yield "weight_angles: theta is not among the targets"
        if lacking := [axis for axis in SOURCE_AXES if axis not in images.parameters]:
            yield f"weight_angles: simulation {images.simulation_name} has no {' and no '.join(lacking)}"


def _of_parameters(study: Study, images: Images, places: Iterable[Path]) -> Iterator[Mistake]:
    """A dataset must have all parameters that are regressed."""
    there, simulated = images.parameters, images.simulation.parameters
    for index, target in enumerate(study.targets):
        if target in there:
            continue
        lacks = f"{images.dataset} has no {target}, which is among the targets"
        if target in simulated:
            reason = "its lens galaxies are those of the real sky"
        elif any(target in simulation.parameters for simulation in study.simulations.values()):
            reason = f"its simulation {images.simulation_name} has {', '.join(simulated)}"
        else:  # misspelt, not missing
            yield ("targets", index), unknown(target, simulated, "parameter")
            continue
        yield from ((where, f"{lacks}: {reason}") for where in places)


def _measured(study: Study) -> Iterator[tuple[str, Path, str]]:
    """Each run that measures, with the datasets that it meets then and where they are named."""
    if asked := study.measurement:
        named: list[tuple[Path, str]] = [
            (("measurement", "datasets", index), name) for index, name in enumerate(asked.datasets)
        ]
        named += [(("measurement", "calibrate_on"), asked.calibrate_on)] if asked.calibrate_on else []
        yield from ((run, *place) for run in asked.runs if run in study.runs for place in named)


def _of_fixed(study: Study, used: Iterable[Images]) -> Iterator[Mistake]:
    """Nothing can be learnt of a parameter that has one value, and no R2 exists for it."""
    datasets: dict[str, list[Images]] = {}
    for images in used:
        datasets.setdefault(images.simulation_name, []).append(images)
    for name, shown in datasets.items():
        for index, target in enumerate(study.targets):
            if reason := shown[0].simulation.unseen.get(target):
                yield (
                    ("targets", index),
                    f"{target} does not show in images of simulation {name}, for {reason}, so that it cannot be learnt; take "
                    "it from the targets",
                )
            if target in shown[0].simulation.fixed:
                by = ", ".join(images.dataset for images in shown)
                yield (
                    ("targets", index),
                    f"{target} does not vary in simulation {name} (datasets: {by}), so that it can be neither learnt nor "
                    "scored; give it more than one value there, or take it from the targets",
                )


def _misfits(images: Images, learnt: Images, recipe: Recipe | None) -> Iterator[str]:
    """What keeps a network that learns from other images from taking these."""
    compared = [
        ("pixels a side", images.pixels, learnt.pixels),
        ("bands", images.simulation.bands, learnt.simulation.bands),
    ]
    if (
        images.simulation.engine == learnt.simulation.engine
    ):  # CosmoSim's lengths are in pixels, whatever these are on the sky
        unit = "simulated pixels per pixel" if images.simulation.engine == "cosmosim" else "arcsec/pixel"
        compared.append((unit, images.label_pixel, learnt.label_pixel))
    for what, mine, theirs in compared:
        if not _same(mine, theirs):
            yield (
                f"{images.dataset} has {_words(mine)} {what}, {learnt.dataset}, which the network learns from, has "
                f"{_words(theirs)}; one network takes images of one kind alone"
            )
    if images.unit != learnt.unit and recipe and recipe.normalisation == "none":
        yield (
            f"{images.dataset} is in {images.unit}, {learnt.dataset}, which the network learns from, in {learnt.unit}; "
            "only normalisation per_domain brings them to one scale"
        )


def _other_shape(images: Images, earlier: Images, recipe: Recipe | None) -> Iterator[str]:
    """What keeps weights learnt from `earlier` from being the first ones of a network that learns from `images`."""
    resized = recipe and recipe.network_options.get("input_pixels")
    if images.pixels != earlier.pixels and not resized:
        yield (
            f"it learns from {earlier.dataset} with {earlier.pixels} pixels a side, this run from {images.dataset} "
            f"with {images.pixels}; its weights fit images of one size"
        )
    mine, theirs = images.simulation.bands, earlier.simulation.bands
    if len(mine) != len(theirs):
        yield (
            f"it learns from {earlier.dataset} with the bands {_words(theirs)}, this run from {images.dataset} with "
            f"{_words(mine)}; its weights fit one number of bands"
        )


def _same(one: Any, other: Any) -> bool:
    """Whether both are equal, to rounding."""
    return isclose(one, other, rel_tol=1e-6) if isinstance(one, float) else one == other


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return f"{value:.7g}" if isinstance(value, float) else str(value)

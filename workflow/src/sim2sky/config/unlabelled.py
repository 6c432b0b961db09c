"""Datasets of real images: what they are like, and where they have no place because they have no labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sim2sky.config.check import Mistake, unknown
from sim2sky.config.observe import Dataset, Survey
from sim2sky.config.simulate import AnySimulation
from sim2sky.config.study import Study

_WHY = "are real images without labels; a run may adapt to them (`target`), but they can be neither learnt from nor scored on"


def counted(study: Study, counts: Mapping[str, int]) -> Study:
    """The study with the number of images of each dataset that takes all of them; `counts` is by key of `images` in config.yaml."""
    found = {
        name: dataset.model_copy(update={"images": images.model_copy(update={"lenses": counts[images.folder]})})
        for name, dataset in study.datasets.items()
        if (images := dataset.images) and images.lenses is None and images.folder in counts
    }
    return study.model_copy(update={"datasets": study.datasets | found}) if found else study


def frame_of(like: Dataset, simulation: AnySimulation, survey: Survey) -> dict[str, Any]:
    """Bands, side [pixel], pixel scale [arcsec] and zero points [mag] of the images of a simulated dataset, to which real ones are brought."""
    zero_points = [
        survey.bands[band].zero_point if like.zero_point is None else like.zero_point for band in simulation.bands
    ]
    return {
        "bands": list(simulation.bands),
        "pixels": like.side(simulation.pixels),
        "pixel_scale": like.scale(simulation.pixel_scale or 0),
        "zero_points": zero_points,
    }


def images_problems(
    study: Study, name: str, folders: Mapping[str, str | None], counts: Mapping[str, int]
) -> Iterator[Mistake]:
    """What is wrong with a dataset of real images, each as (path in the study, what is wrong).

    Parameters
    ----------
    study : Study
        With what :func:`counted` adds.
    name : str
        Key of its `datasets`.
    folders, counts : mapping
        `images` of config.yaml, and how many there are in those that have a path.
    """
    where, images = ("datasets", name, "images"), study.datasets[name].images
    if images is None:
        return
    if images.folder not in folders:
        yield (*where, "folder"), unknown(images.folder, folders, "images")
    like = study.datasets.get(images.like)
    if like is None:
        yield (*where, "like"), unknown(images.like, study.datasets, "dataset")
    elif like.images:
        yield (*where, "like"), f"{images.like} are real images as well; name a dataset that has a simulation"
    elif like.survey is None:
        text = (
            f"{images.like} has no survey, so that its images have no zero point that real images could be brought to"
        )
        yield (*where, "like"), text
    if (there := counts.get(images.folder)) and images.lenses and images.lenses > there:
        yield (*where, "lenses"), f"{images.lenses} are asked for, {folders[images.folder]} holds {there} images"
    elif images.lenses:
        for part, (start, stop) in study.datasets[name].split.bounds(images.lenses).items():
            if part == "train" and stop - start < 2:
                text = f"leaves {stop - start} of {images.lenses} images for train; at least 2 are needed"
                yield ("datasets", name, "split"), text


def label_problems(study: Study) -> Iterator[Mistake]:
    """Each place where a study needs labels and names real images, as (path in the study, what is wrong)."""
    named: list[tuple[tuple[str, ...], Iterable[str]]] = []
    for name, run in study.runs.items():
        named += [(("runs", name, "source"), [run.source]), (("runs", name, "evaluate_on"), run.evaluate_on)]
    for key in ("cross_validation", "reconstruction"):
        if asked := getattr(study, key):
            named.append(((key, "dataset"), [asked.dataset]))
    for index, row in enumerate(study.published):
        named.append((("published", str(index), "domain"), [row.domain]))
    for where, datasets in named:
        for dataset in datasets:
            if dataset in study.datasets and study.datasets[dataset].images:
                yield where, f"{dataset} {_WHY}"

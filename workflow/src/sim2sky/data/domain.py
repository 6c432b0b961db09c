"""A domain, and the images and labels of its parts as networks take them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sim2sky import store
from sim2sky.angles import SOURCE_AXES
from sim2sky.config import Recipe
from sim2sky.data.images import FloatImages, HeldImages, Images, Statistics, statistics_of
from sim2sky.data.streaming import ChosenImages, StreamedImages, read_finite
from sim2sky.provenance.checksums import joined
from sim2sky.provenance.said import said_of


@dataclass(frozen=True)
class Domain:
    """A domain's shards, in the order of their lenses, and its parts.

    Parameters
    ----------
    name : str
        Key of `datasets`.
    shards : sequence of path
        At least those that hold the lenses of the parts in `bounds`, without a gap.
    bounds : mapping of str to (int, int)
        Part -> first and one-past-last lens, counted from the first one of `shards`.
    labelled : bool
        Whether its lenses have true values of the parameters; real images have none.
    """

    name: str
    shards: Sequence[str | Path]
    bounds: Mapping[str, tuple[int, int]]
    labelled: bool = True

    def origin(self) -> dict[str, Any]:
        """Name, the lenses of each part, and the configuration that the shards were made with, for provenance."""
        made_with = store.open_shards(self.shards).attributes.get("config", {})
        if not self.labelled:  # each shard of real images says the checksum of its own files
            files = joined(said_of(path)["config"]["files"] for path in self.shards)
            made_with = {key: value for key, value in made_with.items() if key != "files"} | {"all_files": files}
        return {"name": self.name, "bounds": dict(self.bounds), **made_with}


@dataclass(frozen=True)
class Part:
    """Images and labels of one part of a domain.

    Parameters
    ----------
    images : Images, shape (n, band, y, x)
        In counts/s or 8-bit counts, until they are prepared.
    labels : Tensor, shape (n, parameters)
        True values of the parameters, each in its unit; NaN for real images, which have none.
    lens : ndarray, shape (n,)
        Lens indices.
    weight : Tensor, shape (n, parameters), or None
        Weight of each label in the loss; None stands for one.
    """

    images: Images
    labels: torch.Tensor
    lens: np.ndarray
    weight: torch.Tensor | None = None

    def prepared(self, statistics: Statistics | None, device: torch.device) -> Part:
        """The same part on `device`, with images normalised with `statistics`."""
        weight = None if self.weight is None else self.weight.to(device)
        return Part(self.images.prepared(statistics, device), self.labels.to(device), self.lens, weight)

    def subset(self, positions: np.ndarray) -> Part:
        """The lenses at `positions`."""
        weight = None if self.weight is None else self.weight[positions]
        return Part(self.images.subset(positions), self.labels[positions], self.lens[positions], weight)


def load_training_parts(
    domain: Domain, targets: Sequence[str], recipe: Recipe, device: torch.device, held: float
) -> dict[str, Part]:
    """Training and validation part on `device`, normalised by the training part's pixels; `held` as for `load_part`.

    Without labels there is nothing to validate by, so a domain of real images has its training part alone.
    """
    parts = {
        name: load_part(domain.shards, domain.bounds[name], targets, recipe.weight_angles, held, domain.labelled)
        for name in (("train", "validation") if domain.labelled else ("train",))
    }
    statistics = statistics_of(recipe.normalisation, parts["train"].images)
    return {name: part.prepared(statistics, device) for name, part in parts.items()}


def load_part(
    shards: Sequence[str | Path],
    bounds: tuple[int, int],
    targets: Sequence[str],
    weight_angles: bool = False,
    held: float = 1.0,
    labelled: bool = True,
) -> Part:
    """Read lenses `bounds` of a data set, without those real images that could not be used.

    Parameters
    ----------
    shards : sequence of path
        In the order of their lenses, without a gap.
    bounds : (int, int)
        First and one-past-last lens, counted from the first one of `shards`.
    targets : sequence of str
        Names of the parameters whose values are the labels.
    weight_angles : bool
        Weight labels of `theta` by the ellipticity of the source.
    held : float
        Fraction of the images that may be in memory; below one, they are streamed.
    labelled : bool
        Whether there are labels to read; without, they are NaN.

    Raises
    ------
    StoreError
        A shard is not readable or holds a value that is not finite, or no image could be used; the message names the file, and the
        lens if it is one.
    """
    data = store.open_shards(shards)
    images = _images(data, bounds, held)
    lens = data.read("lens", *bounds).astype(np.int64)
    if not labelled:
        part = Part(images, torch.full((len(lens), len(targets)), torch.nan), lens)
        return _usable(part, data, bounds)
    labels = np.stack([read_finite(data, name, *bounds) for name in targets], axis=1)
    weight = _weight(data, bounds, targets) if weight_angles else None
    return Part(images, torch.from_numpy(labels).float(), lens, weight)


def _usable(part: Part, data: store.Shards, bounds: tuple[int, int]) -> Part:
    """The real images of a part that could be read; the others are rows of zeros in the shard."""
    usable = np.flatnonzero(data.read("measured", *bounds))
    if not len(usable):
        reason = next(iter(data.attributes.get("reasons", {}).values()), "no reason is given")
        raise store.StoreError(
            f"{data.paths[0]}: of the {len(part.lens)} images that are asked for from this file on none could be used; the first: {reason}"
        )
    if len(usable) == len(part.lens):
        return part
    streamed = isinstance(part.images, StreamedImages)
    images = ChosenImages(part.images, usable) if streamed else part.images.subset(usable)
    return Part(images, part.labels[usable], part.lens[usable])


def _images(data: store.Shards, bounds: tuple[int, int], held: float) -> Images:
    """Images in the form that suits their type and the fraction of them that may be in memory."""
    if held < 1:
        chunks = sum(bounds[0] <= start < bounds[1] for start in data.chunk_starts("image"))
        return StreamedImages(data, bounds, buffer=max(1, int(held * chunks)))
    values = torch.from_numpy(read_finite(data, "image", *bounds))
    return FloatImages(values.float()) if values.is_floating_point() else HeldImages(values)


def fraction_held(recipe: Recipe, domains: Iterable[Domain], parts: Sequence[str]) -> float:
    """Fraction of the images of `parts` of all `domains` that fit into the recipe's limit of memory; 1 means all."""
    size = 0
    for domain in domains:
        image = store.open_shards(domain.shards).variable("image")
        lenses = sum(domain.bounds[part][1] - domain.bounds[part][0] for part in parts)
        size += lenses * prod(image.shape[1:]) * image.dtype.itemsize
    return min(1.0, recipe.memory_limit_gb * 1e9 / size)


def _weight(data: store.Shards, bounds: tuple[int, int], targets: Sequence[str]) -> torch.Tensor:
    """1 - axis ratio of the source for its orientation, which a round source has none of; 1 for other parameters."""
    axes = np.stack([data.read(name, *bounds).astype(np.float64) for name in SOURCE_AXES])
    weight = np.ones((axes.shape[1], len(targets)))
    weight[:, list(targets).index("theta")] = 1 - axes.min(axis=0) / axes.max(axis=0)
    return torch.from_numpy(weight).float()

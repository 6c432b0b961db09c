"""Images and labels of one part of one domain."""

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
from sim2sky.data.images import HeldImages, Images, Statistics, StreamedImages, normalise, read_finite


@dataclass(frozen=True)
class Domain:
    """A domain's shards, in the order of their lenses, and its parts.

    Parameters
    ----------
    name : str
        Key of `datasets`.
    shards : sequence of path
        All of them.
    bounds : mapping of str to (int, int)
        Part -> first and one-past-last lens, as `Split.bounds` gives them.
    """

    name: str
    shards: Sequence[str | Path]
    bounds: Mapping[str, tuple[int, int]]

    def origin(self) -> dict[str, Any]:
        """Name, the lenses of each part, and the configuration that the shards were made with, for provenance."""
        made_with = store.open_shards(self.shards).attributes.get("config", {})
        return {"name": self.name, "bounds": dict(self.bounds), **made_with}


@dataclass(frozen=True)
class Part:
    """Images and labels of one part of a domain.

    Parameters
    ----------
    images : Tensor, HeldImages or StreamedImages, shape (n, band, y, x)
        Floats in counts/s are a tensor if they fit into memory.
    target : Tensor, shape (n, targets)
        Parameters in their own units.
    lens : ndarray, shape (n,)
        Lens indices.
    weight : Tensor, shape (n, targets), or None
        Weight of each label in the loss; None for one.
    """

    images: Images
    target: torch.Tensor
    lens: np.ndarray
    weight: torch.Tensor | None = None

    def prepared(self, statistics: Statistics | None, device: torch.device) -> Part:
        """Normalised, on `device`, in the memory layout that convolutions are fast with."""
        if isinstance(self.images, torch.Tensor):
            images = normalise(self.images, statistics).to(device, memory_format=torch.channels_last)
        else:
            images = self.images.prepared(statistics, device)
        return Part(images, self.target.to(device), self.lens, None if self.weight is None else self.weight.to(device))

    def subset(self, index: np.ndarray) -> Part:
        """The images at positions `index`."""
        images = self.images[index] if isinstance(self.images, torch.Tensor) else self.images.subset(index)
        weight = None if self.weight is None else self.weight[index]
        return Part(images, self.target[index], self.lens[index], weight)

    def order(self, random: np.random.Generator) -> np.ndarray:
        """Every position once, in random order."""
        streamed = isinstance(self.images, StreamedImages)
        return self.images.order(random) if streamed else random.permutation(len(self.images))


def load_part(
    shards: Sequence[str | Path],
    bounds: tuple[int, int],
    targets: Sequence[str],
    weight_angles: bool = False,
    held: float = 1.0,
) -> Part:
    """Read lenses `bounds` of a data set.

    Parameters
    ----------
    shards : sequence of path
        All shards of the data set, in order.
    bounds : (int, int)
        First and one-past-last lens.
    targets : sequence of str
        The parameters that are the labels.
    weight_angles : bool
        Weigh `theta` by the ellipticity of the source.
    held : float
        Fraction of the images that may be in memory; below one, they are streamed.

    Raises
    ------
    StoreError
        A shard is not readable or holds a value that is not finite; the message names the file and the lens.
    """
    data = store.open_shards(shards)
    if held < 1:
        chunks = sum(bounds[0] <= start < bounds[1] for start in data.chunk_starts("image"))
        images = StreamedImages(data, bounds, buffer=max(1, int(held * chunks)))
    else:
        images = torch.from_numpy(read_finite(data, "image", *bounds))
        images = images.float() if images.is_floating_point() else HeldImages(images)
    labels = np.stack([read_finite(data, name, *bounds) for name in targets], axis=1)
    lens = data.read("lens", *bounds).astype(np.int64)
    weight = _weight(data, bounds, targets) if weight_angles else None
    return Part(images, torch.from_numpy(labels).float(), lens, weight)


def fraction_held(recipe: Recipe, domains: Iterable[Domain], parts: Sequence[str]) -> float:
    """Fraction of the images of `parts` of all `domains` that the recipe's limit of memory allows; 1 is all."""
    size = 0
    for domain in domains:
        image = store.open_shards(domain.shards).variable("image")
        lenses = sum(domain.bounds[part][1] - domain.bounds[part][0] for part in parts)
        size += lenses * prod(image.shape[1:]) * image.dtype.itemsize
    return min(1.0, recipe.memory_limit_gb * 1e9 / size)


def _weight(data: store.Shards, bounds: tuple[int, int], targets: Sequence[str]) -> torch.Tensor:
    """One, but 1 - axis ratio of the source for its orientation: a round source has none."""
    axes = np.stack([data.read(name, *bounds).astype(np.float64) for name in SOURCE_AXES])
    weight = np.ones((axes.shape[1], len(targets)))
    weight[:, list(targets).index("theta")] = 1 - axes.min(axis=0) / axes.max(axis=0)
    return torch.from_numpy(weight).float()

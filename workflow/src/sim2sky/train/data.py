"""Data sets in memory: images and labels of one part of one domain, as tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sim2sky import store


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


@dataclass(frozen=True)
class Part:
    """Images, shape (n, band, y, x) in counts/s; parameters, shape (n, targets); lens indices, shape (n,)."""

    images: torch.Tensor
    target: torch.Tensor
    lens: np.ndarray

    def prepared(self, statistics: tuple[torch.Tensor, torch.Tensor] | None, device: torch.device) -> Part:
        """Normalised, on `device`, in the memory layout that convolutions are fast with."""
        images = normalise(self.images, statistics).to(device, memory_format=torch.channels_last)
        return Part(images, self.target.to(device), self.lens)

    def subset(self, index: np.ndarray) -> Part:
        """The images at positions `index`."""
        return Part(self.images[index], self.target[index], self.lens[index])


def load_part(shards: Sequence[str | Path], bounds: tuple[int, int], targets: Sequence[str]) -> Part:
    """Read lenses `bounds` of a data set.

    Parameters
    ----------
    shards : sequence of path
        All shards of the data set, in order.
    bounds : (int, int)
        First and one-past-last lens.
    targets : sequence of str
        The parameters that are the labels.

    Raises
    ------
    StoreError
        A shard is not readable or holds a value that is not finite; the message names the file and the lens.
    """
    data = store.open_shards(shards)
    images, lens, *labels = (data.read(name, *bounds) for name in ("image", "lens", *targets))
    for name, values in zip(("image", *targets), (images, *labels), strict=True):
        finite = np.isfinite(values.reshape(len(values), -1)).all(axis=1)
        if not finite.all():
            first = int(np.argmin(finite))
            path = _shard_of(shards, bounds[0] + first)
            also = f" ({(~finite).sum()} such lenses in this part)"
            raise store.StoreError(f"{path}: {name!r} of lens {lens[first]} is not finite{also}")
    return Part(
        torch.from_numpy(images).float(), torch.from_numpy(np.stack(labels, axis=1)).float(), lens.astype(np.int64)
    )


def _shard_of(shards: Sequence[str | Path], position: int) -> str | Path:
    for path in shards:
        position -= len(store.open_shards([path]))
        if position < 0:
            return path
    raise IndexError(position)


def pixel_statistics(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of all pixels of each band, shapes (band, 1, 1).

    Raises
    ------
    ValueError
        The pixels are all the same, so they cannot be normalised.
    """
    std, mean = torch.std_mean(images, dim=(0, 2, 3))
    if not (std > 0).all():
        raise ValueError("images cannot be normalised: in at least one band all pixels are equal")
    return mean[:, None, None], std[:, None, None]


def normalise(images: torch.Tensor, statistics: tuple[torch.Tensor, torch.Tensor] | None) -> torch.Tensor:
    """`images` minus the mean, over the standard deviation; unchanged when `statistics` is None."""
    if statistics is None:
        return images
    mean, std = statistics
    return (images - mean).div_(std)

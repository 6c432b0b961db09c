"""Images as networks take them: one protocol, and the images that are held in memory, as floats or as they are stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Protocol

import numpy as np
import torch

from sim2sky import store

Statistics = tuple[torch.Tensor | None, torch.Tensor]  # mean to subtract, if any, and deviation to divide by
BLOCK = store.CHUNK  # images that become floats at once where statistics run over all of them


class Images(Protocol):
    """Images of one part of a domain, of which an index gives some as floats.

    :class:`FloatImages`, :class:`HeldImages` and :class:`sim2sky.data.streaming.StreamedImages` fulfil it.
    """

    @property
    def shape(self) -> torch.Size:
        """(n, band, y, x)."""

    @property
    def device(self) -> torch.device:
        """Where the images are that an index gives."""

    def __len__(self) -> int:
        """Number of images."""

    def __getitem__(self, index: slice | torch.Tensor) -> torch.Tensor:
        """Images of a slice or at positions, shape (m, band, y, x), normalised if these images are prepared."""

    def prepared(self, statistics: Statistics | None, device: torch.device) -> Images:
        """The same images, normalised with `statistics` as by :func:`normalise`, on `device`."""

    def subset(self, positions: np.ndarray) -> Images:
        """The images at `positions`, held in memory."""

    def order(self, random: np.random.Generator) -> np.ndarray:
        """Every position once, in a random order that these images are read fast in, shape (n,)."""

    def moments(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and standard deviation of all pixels of each band, shapes (band,)."""


@dataclass(frozen=True)
class FloatImages:
    """Floats in memory, which are normalised once.

    Parameters
    ----------
    values : Tensor, shape (n, band, y, x)
        The pixels, on the device to train on.
    """

    values: torch.Tensor

    @property
    def shape(self) -> torch.Size:
        return self.values.shape

    @property
    def device(self) -> torch.device:
        return self.values.device

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: slice | torch.Tensor) -> torch.Tensor:
        return self.values[index]

    def prepared(self, statistics: Statistics | None, device: torch.device) -> FloatImages:
        return FloatImages(normalise(self.values, statistics).to(device, memory_format=torch.channels_last))

    def subset(self, positions: np.ndarray) -> FloatImages:
        return FloatImages(self.values[positions])

    def order(self, random: np.random.Generator) -> np.ndarray:
        return random.permutation(len(self))

    def moments(self) -> tuple[torch.Tensor, torch.Tensor]:
        std, mean = torch.std_mean(self.values, dim=(0, 2, 3))
        return mean, std


@dataclass(frozen=True)
class HeldImages:
    """Images in memory as they are stored, 8-bit ones for instance, which are normalised batch by batch.

    Parameters
    ----------
    raw : Tensor, shape (n, band, y, x)
        Of any type, on the device to train on if there is room.
    statistics : (Tensor or None, Tensor) or None
        For :func:`normalise`.
    device : device
        Where batches go.
    """

    raw: torch.Tensor
    statistics: Statistics | None = None
    device: torch.device = torch.device("cpu")

    @property
    def shape(self) -> torch.Size:
        return self.raw.shape

    def __len__(self) -> int:
        return len(self.raw)

    def __getitem__(self, index: slice | torch.Tensor) -> torch.Tensor:
        # batches alone are laid out for convolutions: all at once would be in memory twice
        if isinstance(index, slice):
            images = self.raw[index]
        else:  # copies whole images, where raw[index] goes pixel by pixel
            images = self.raw.index_select(0, torch.as_tensor(index, device=self.raw.device))
        return normalise(images.to(self.device), self.statistics)

    def prepared(self, statistics: Statistics | None, device: torch.device) -> HeldImages:
        raw = self.raw.to(device) if _has_room(device, self.raw.nbytes) else self.raw
        return HeldImages(raw, on_device(statistics, device), device)

    def subset(self, positions: np.ndarray) -> HeldImages:
        return HeldImages(self.raw[positions], self.statistics, self.device)

    def order(self, random: np.random.Generator) -> np.ndarray:
        return random.permutation(len(self))

    def moments(self) -> tuple[torch.Tensor, torch.Tensor]:
        return moments_by_blocks(self)


def moments_by_blocks(images: Images) -> tuple[torch.Tensor, torch.Tensor]:
    """`Images.moments` in double precision, of `BLOCK` images at a time: all of them as floats may not fit into memory."""

    def blocks() -> Iterator[torch.Tensor]:
        return (images[start : start + BLOCK].double() for start in range(0, len(images), BLOCK))

    count = len(images) * images.shape[2] * images.shape[3]
    mean = reduce(torch.add, (block.sum(dim=(0, 2, 3)) for block in blocks())) / count
    squares = reduce(torch.add, ((block - mean[:, None, None]).square().sum(dim=(0, 2, 3)) for block in blocks()))
    return mean.float(), (squares / (count - 1)).sqrt().float()


def pixel_statistics(images: Images) -> Statistics:
    """Mean and standard deviation of all pixels of each band, shapes (band, 1, 1).

    Raises
    ------
    ValueError
        The pixels are all the same, so they cannot be normalised.
    """
    mean, std = images.moments()
    if not (std > 0).all():
        raise ValueError("images cannot be normalised: in at least one band all pixels are equal")
    return mean[:, None, None], std[:, None, None]


def statistics_of(normalisation: str, images: Images | None) -> Statistics | None:
    """Mean and standard deviation that a recipe's `normalisation` asks for; None if images stay as they are.

    The training part `images` is needed for ``per_domain`` alone.

    Raises
    ------
    ValueError
        It is needed and not given, or its pixels cannot be normalised.
    """
    match normalisation:
        case "per_domain":
            if images is None:
                raise ValueError("normalisation per_domain needs the training part")
            return pixel_statistics(images)
        case "eight_bit":
            return None, torch.full((1, 1, 1), 255.0)
    return None


def normalise(images: torch.Tensor, statistics: Statistics | None) -> torch.Tensor:
    """`images` minus the mean, over the standard deviation, as floats in the memory layout that suits convolutions.

    Only type and layout change when `statistics` is None.
    """
    # bytes become floats first: torch is slow at sums and products of bytes with floats
    floats = images.to(torch.float32, memory_format=torch.channels_last, copy=statistics is not None)
    if statistics is None:
        return floats
    mean, std = statistics
    return (floats if mean is None else floats.sub_(mean)).mul_(std.reciprocal())  # a quotient takes twice the time


def on_device(statistics: Statistics | None, device: torch.device) -> Statistics | None:
    """`statistics` on `device`."""
    if statistics is None:
        return None
    mean, std = statistics
    return (None if mean is None else mean.to(device)), std.to(device)


def _has_room(device: torch.device, size: int) -> bool:
    """Whether `size` bytes of images take at most a quarter of a GPU's free memory, so that networks have the rest."""
    return device.type != "cuda" or size <= torch.cuda.mem_get_info(device)[0] / 4

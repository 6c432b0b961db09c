"""Images as networks take them: one protocol, and the images that are held in memory, as floats or as they are stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple, Protocol

import numpy as np
import torch

from sim2sky import store

BLOCK = store.CHUNK  # images that become floats at once where statistics run over all of them
# A normal deviation is this many times the median absolute difference of two pixels.
DEVIATION_OF_DIFFERENCES = 1.4826 / 2**0.5


class Statistics(NamedTuple):
    """What images are normalised with, each of shape (band, 1, 1) or (1, 1, 1).

    Attributes
    ----------
    mean : Tensor or None
        Subtracted, if there is one.
    std : Tensor
        What is left is divided by it.
    softening : Tensor or None
        If there is one, the pixels are stretched before all that: ``arcsinh(pixel / softening)``.
    """

    mean: torch.Tensor | None
    std: torch.Tensor
    softening: torch.Tensor | None = None


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


def moments_by_blocks(images: Images, softening: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """`Images.moments` in double precision, of `BLOCK` images at a time: all of them as floats may not fit into memory.

    Those of the stretched pixels, if there is a `softening`.
    """

    def blocks() -> Iterator[torch.Tensor]:
        parts = _blocks(images)
        return (part.double() if softening is None else (part.double() / softening).asinh() for part in parts)

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
    return Statistics(mean[:, None, None], std[:, None, None])


def stretched_statistics(images: Images) -> Statistics:
    """As `pixel_statistics`, of pixels that were stretched by an arcsinh softened with the noise of the images.

    The softening is the median over the images of each one's noise, which is the median absolute difference of
    neighbours in a row, as a deviation. It leaves the noise as it is and brings light that spans orders of magnitude to
    a few units (Lupton, Gunn & Szalay 1999, AJ 118, 1406).

    Raises
    ------
    ValueError
        Most neighbours are equal, or all pixels, so that there is no noise or nothing to divide by.
    """
    noise = torch.cat([part.diff(dim=-1).abs_().flatten(2).median(dim=2).values for part in _blocks(images)])
    softening = DEVIATION_OF_DIFFERENCES * noise.median(dim=0).values[:, None, None]
    if not (softening > 0).all():
        text = "in at least one band most pixels equal their neighbour, so that there is no noise to soften with"
        raise ValueError(f"images cannot be stretched by an arcsinh: {text}")
    mean, std = moments_by_blocks(images, softening)
    return Statistics(mean[:, None, None], std[:, None, None], softening)


OF_TRAINING_PIXELS = {"per_domain": pixel_statistics, "arcsinh": stretched_statistics}  # by the name of a normalisation


def _blocks(images: Images) -> Iterator[torch.Tensor]:
    """All images as floats, `BLOCK` at a time."""
    return (images[start : start + BLOCK] for start in range(0, len(images), BLOCK))


def statistics_of(normalisation: str, images: Images | None) -> Statistics | None:
    """What a recipe's `normalisation` normalises with; None if images stay as they are.

    The training part `images` is needed for those of `OF_TRAINING_PIXELS` alone.

    Raises
    ------
    ValueError
        It is needed and not given, or its pixels cannot be normalised.
    """
    if normalisation in OF_TRAINING_PIXELS:
        if images is None:
            raise ValueError(f"normalisation {normalisation} needs the training part")
        return OF_TRAINING_PIXELS[normalisation](images)
    return Statistics(None, torch.full((1, 1, 1), 255.0)) if normalisation == "eight_bit" else None


def normalise(images: torch.Tensor, statistics: Statistics | None) -> torch.Tensor:
    """`images` stretched, minus the mean, over the deviation, as floats in the memory layout that suits convolutions.

    Only type and layout change when `statistics` is None.
    """
    # bytes become floats first: torch is slow at sums and products of bytes with floats
    floats = images.to(torch.float32, memory_format=torch.channels_last, copy=statistics is not None)
    if statistics is None:
        return floats
    mean, std, softening = statistics
    if softening is not None:
        floats.mul_(softening.reciprocal()).asinh_()
    return (floats if mean is None else floats.sub_(mean)).mul_(std.reciprocal())  # a quotient takes twice the time


def on_device(statistics: Statistics | None, device: torch.device) -> Statistics | None:
    """`statistics` on `device`."""
    if statistics is None:
        return None
    mean, std, softening = statistics
    return Statistics(
        None if mean is None else mean.to(device),
        std.to(device),
        None if softening is None else softening.to(device),
    )


def _has_room(device: torch.device, size: int) -> bool:
    """Whether `size` bytes of images take at most a quarter of a GPU's free memory, so that networks have the rest."""
    return device.type != "cuda" or size <= torch.cuda.mem_get_info(device)[0] / 4

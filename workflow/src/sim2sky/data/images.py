"""Images that become numbers batch by batch: 8-bit ones in memory, and those that do not fit into it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from sim2sky import store

Statistics = tuple[torch.Tensor | None, torch.Tensor]  # what is taken off, and what is divided by
BLOCK = store.CHUNK  # images made numbers at once where all of them are looked at


@dataclass(frozen=True)
class HeldImages:
    """Images in memory as they are stored; an index gives them normalised.

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
        """Images that are normalised with `statistics` on `device`."""
        raw = self.raw.to(device) if _has_room(device, self.raw.nbytes) else self.raw
        return HeldImages(raw, _on(statistics, device), device)

    def subset(self, index: np.ndarray) -> HeldImages:
        """Images at positions `index`."""
        return HeldImages(self.raw[index], self.statistics, self.device)


class StreamedImages:
    """Images that are read where they are asked for; at most `buffer` chunks of the shards are in memory.

    These are a group of chunks that is in use, and the next one, which is read in the background. :meth:`order` is the
    order to train in: there each chunk is read once.

    Parameters
    ----------
    data : Shards
        The data set.
    bounds : (int, int)
        First and one-past-last lens.
    buffer : int
        Chunks in memory. If it is one, nothing is read ahead.
    statistics : (Tensor or None, Tensor) or None
        For :func:`normalise`.
    device : device
        Where images go.
    """

    def __init__(
        self,
        data: store.Shards,
        bounds: tuple[int, int],
        buffer: int,
        statistics: Statistics | None = None,
        device: torch.device | str = "cpu",
    ):
        self.bounds, self.buffer, self.statistics, self.device = bounds, buffer, statistics, torch.device(device)
        image = data.variable("image")
        self.shape, self._dtype = torch.Size((bounds[1] - bounds[0], *image.shape[1:])), image.dtype
        starts = np.array(data.chunk_starts("image"))
        self._starts = np.r_[bounds[0], starts[(starts > bounds[0]) & (starts < bounds[1])]] - bounds[0]
        self._data, self._held, self._reader = data, {}, ThreadPoolExecutor(1)
        self._group(np.arange(len(self._starts)))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: slice | torch.Tensor) -> torch.Tensor:
        return normalise(torch.from_numpy(self._read(index)).to(self.device), self.statistics)

    def prepared(self, statistics: Statistics | None, device: torch.device) -> StreamedImages:
        """Images that are normalised with `statistics` on `device`."""
        return StreamedImages(self._data, self.bounds, self.buffer, _on(statistics, device), device)

    def subset(self, index: np.ndarray) -> HeldImages:
        """Images at positions `index`, which are held in memory."""
        raw, chunks = self._empty(len(index)), self._chunks_of(index)
        for chunk in np.unique(chunks):  # no more than these are read
            here = chunks == chunk
            raw[here] = self._read_chunk(chunk)[index[here] - self._starts[chunk]]
        return HeldImages(torch.from_numpy(raw), self.statistics, self.device)

    def order(self, random: np.random.Generator) -> np.ndarray:
        """All positions: chunks in random order, a group of them at a time, in random order within these."""
        positions = np.split(np.arange(len(self)), self._starts[1:])
        self._group(random.permutation(len(positions)))
        return np.concatenate(
            [random.permutation(np.concatenate([positions[chunk] for chunk in group])) for group in self._groups]
        )

    def _group(self, chunks: np.ndarray) -> None:
        """Go through `chunks` in this order from now on, in groups of which two fit into the buffer."""
        size = max(1, self.buffer // 2)
        self._groups = np.split(chunks, range(size, len(chunks), size))
        self._group_of = np.argsort(chunks) // size

    def _empty(self, count: int) -> np.ndarray:
        return np.empty((count, *self.shape[1:]), self._dtype)

    def _chunks_of(self, positions: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._starts, positions, side="right") - 1

    def _read(self, index: slice | torch.Tensor) -> np.ndarray:
        where = np.arange(len(self))[index] if isinstance(index, slice) else index.cpu().numpy()
        out, chunks = self._empty(len(where)), self._chunks_of(where)
        groups = self._group_of[chunks]
        for group in np.unique(groups):
            self._hold(group)
            for position in np.flatnonzero(groups == group):
                chunk = chunks[position]
                out[position] = self._held[chunk].result()[where[position] - self._starts[chunk]]
        return out

    def _hold(self, group: int) -> None:
        """Start to read the chunks of a group and of the next one, as far as they are not held; forget all others."""
        wanted = np.concatenate(self._groups[group : group + (2 if self.buffer > 1 else 1)])
        for chunk in self._held.keys() - set(wanted):
            self._held.pop(chunk).cancel()
        for chunk in wanted:
            if chunk not in self._held:
                self._held[chunk] = self._reader.submit(self._read_chunk, chunk)

    def _read_chunk(self, chunk: int) -> np.ndarray:
        start, stop = np.r_[self._starts, len(self)][chunk : chunk + 2] + self.bounds[0]
        return read_finite(self._data, "image", start, stop)


Images = torch.Tensor | HeldImages | StreamedImages


def read_finite(data: store.Shards, name: str, start: int, stop: int) -> np.ndarray:
    """Lenses `start` to `stop` of one array; StoreError, with the file and the lens, for a value that is not finite."""
    values = data.read(name, start, stop)
    if np.issubdtype(values.dtype, np.floating):
        finite = np.isfinite(values.reshape(len(values), -1)).all(axis=1)
        if not finite.all():
            first = start + int(np.argmin(finite))
            also = f" ({(~finite).sum()} such lenses from {start} to {stop - 1})"
            lens = data.read("lens", first, first + 1)[0]
            raise store.StoreError(f"{data.path_of(first)}: {name!r} of lens {lens} is not finite{also}")
    return values


def blocks(images: Images) -> Iterator[torch.Tensor]:
    """All images in turn, `BLOCK` at a time."""
    return (images[start : start + BLOCK] for start in range(0, len(images), BLOCK))


def pixel_statistics(images: Images) -> Statistics:
    """Mean and standard deviation of all pixels of each band, shapes (band, 1, 1).

    Raises
    ------
    ValueError
        The pixels are all the same, so they cannot be normalised.
    """
    if isinstance(images, torch.Tensor):
        std, mean = torch.std_mean(images, dim=(0, 2, 3))
    else:
        count = len(images) * images.shape[2] * images.shape[3]
        mean = sum(block.double().sum(dim=(0, 2, 3)) for block in blocks(images)) / count
        squares = sum((block.double() - mean[:, None, None]).square().sum(dim=(0, 2, 3)) for block in blocks(images))
        mean, std = mean.float(), (squares / (count - 1)).sqrt().float()
    if not (std > 0).all():
        raise ValueError("images cannot be normalised: in at least one band all pixels are equal")
    return mean[:, None, None], std[:, None, None]


def statistics_of(normalisation: str, images: Images | None) -> Statistics | None:
    """What a recipe's `normalisation` takes from images and divides them by.

    It is found on the training part `images`, which ``per_domain`` alone needs.
    """
    match normalisation:
        case "per_domain":
            return pixel_statistics(images)
        case "eight_bit":
            return None, torch.full((1, 1, 1), 255.0)
    return None


def normalise(images: torch.Tensor, statistics: Statistics | None) -> torch.Tensor:
    """`images` minus the mean, over the standard deviation, as floats in the memory layout that convolutions are fast with.

    Nothing but type and layout is changed when `statistics` is None.
    """
    # bytes are made floats first: torch is slow at sums and products of both
    floats = images.to(torch.float32, memory_format=torch.channels_last, copy=statistics is not None)
    if statistics is None:
        return floats
    mean, std = statistics
    return (floats if mean is None else floats.sub_(mean)).mul_(std.reciprocal())  # a quotient takes twice the time


def _has_room(device: torch.device, size: int) -> bool:
    """Whether `size` bytes of images leave a GPU the memory that networks need: they take a quarter of it at most."""
    return device.type != "cuda" or size <= torch.cuda.mem_get_info(device)[0] / 4


def _on(statistics: Statistics | None, device: torch.device) -> Statistics | None:
    if statistics is None:
        return None
    mean, std = statistics
    return (None if mean is None else mean.to(device)), std.to(device)

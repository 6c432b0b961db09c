"""Images that do not fit into memory: read from the shards, chunk by chunk, where they are needed."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from sim2sky import store
from sim2sky.data.images import HeldImages, Images, Statistics, moments_by_blocks, normalise, on_device


class StreamedImages:
    """Images that are read when an index asks for them; at most `buffer` chunks of the shards are in memory.

    Half of them are the group of chunks in use, the others the next group, which is read in the background. An epoch in
    the order that :meth:`order` gives reads each chunk once.

    Parameters
    ----------
    data : Shards
        The data set.
    bounds : (int, int)
        First and one-past-last lens.
    buffer : int
        Chunks in memory. With one, nothing is read ahead.
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
        self._data, self._reader = data, ThreadPoolExecutor(1)
        self._held: dict[int, Future[np.ndarray]] = {}
        self._group(np.arange(len(self._starts)))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: slice | torch.Tensor) -> torch.Tensor:
        return normalise(torch.from_numpy(self._read(index)).to(self.device), self.statistics)

    def prepared(self, statistics: Statistics | None, device: torch.device) -> StreamedImages:
        return StreamedImages(self._data, self.bounds, self.buffer, on_device(statistics, device), device)

    def subset(self, positions: np.ndarray) -> HeldImages:
        raw, chunks = self._empty(len(positions)), self._chunks_of(positions)
        for chunk in np.unique(chunks):  # no more than these are read
            here = chunks == chunk
            raw[here] = self._read_chunk(chunk)[positions[here] - self._starts[chunk]]
        return HeldImages(torch.from_numpy(raw), self.statistics, self.device)

    def order(self, random: np.random.Generator) -> np.ndarray:
        """Every position once: groups of chunks in random order, and the images of a group in random order."""
        positions = np.split(np.arange(len(self)), self._starts[1:])
        self._group(random.permutation(len(positions)))
        return np.concatenate(
            [random.permutation(np.concatenate([positions[chunk] for chunk in group])) for group in self._groups]
        )

    def moments(self) -> tuple[torch.Tensor, torch.Tensor]:
        return moments_by_blocks(self)

    def _group(self, chunks: np.ndarray) -> None:
        """Divide `chunks`, in this order, into groups of which two fit into the buffer."""
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
        """Start to read those chunks of a group and of the next one that are not held; forget all others."""
        wanted = np.concatenate(self._groups[group : group + (2 if self.buffer > 1 else 1)])
        for chunk in self._held.keys() - set(wanted):
            self._held.pop(chunk).cancel()
        for chunk in wanted:
            if chunk not in self._held:
                self._held[chunk] = self._reader.submit(self._read_chunk, chunk)

    def _read_chunk(self, chunk: int) -> np.ndarray:
        start, stop = np.r_[self._starts, len(self)][chunk : chunk + 2] + self.bounds[0]
        return read_finite(self._data, "image", start, stop)


@dataclass(frozen=True)
class ChosenImages:
    """Some of other images, which stay where they are.

    Parameters
    ----------
    images : Images
        All of them.
    positions : ndarray, shape (n,)
        Which ones, increasing.
    """

    images: Images
    positions: np.ndarray

    @property
    def shape(self) -> torch.Size:
        return torch.Size((len(self), *self.images.shape[1:]))

    @property
    def device(self) -> torch.device:
        return self.images.device

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: slice | torch.Tensor) -> torch.Tensor:
        where = index if isinstance(index, slice) else index.cpu().numpy()
        return self.images[torch.from_numpy(self.positions[where])]

    def prepared(self, statistics: Statistics | None, device: torch.device) -> ChosenImages:
        return ChosenImages(self.images.prepared(statistics, device), self.positions)

    def subset(self, positions: np.ndarray) -> Images:
        return self.images.subset(self.positions[positions])

    def order(self, random: np.random.Generator) -> np.ndarray:
        """Every position once, in the order that all of the images are read fast in."""
        order = self.images.order(random)
        return np.searchsorted(self.positions, order[np.isin(order, self.positions)])

    def moments(self) -> tuple[torch.Tensor, torch.Tensor]:
        return moments_by_blocks(self)


def read_finite(data: store.Shards, name: str, start: int, stop: int) -> np.ndarray:
    """Lenses `start` to `stop` of one array; a StoreError names the file and the lens of a value that is not finite."""
    values = data.read(name, start, stop)
    if np.issubdtype(values.dtype, np.floating):
        finite = np.isfinite(values.reshape(len(values), -1)).all(axis=1)
        if not finite.all():
            first, lenses = int(np.argmin(finite)), data.read("lens", start, stop)
            also = f" ({(~finite).sum()} such lenses from {lenses[0]} to {lenses[-1]})"
            raise store.StoreError(
                f"{data.path_of(start + first)}: {name!r} of lens {lenses[first]} is not finite{also}"
            )
    return values

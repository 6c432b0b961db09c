"""Zarr shards: one file each, written whole or not at all, equal content giving equal bytes.

A shard is a Zarr v3 group in a zip file. A folder would hide a changed chunk from Snakemake, which looks at one modification time, and a
folder that is a rule's output is deleted whole when the rule fails.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec
from zarr.core.buffer.cpu import NDBuffer

if TYPE_CHECKING:
    from pandas import DataFrame

CHUNK = 500  # most lenses per chunk of a shard
# most bytes per chunk: reading smaller ones is dominated by Zarr's overhead, larger ones leave the cache that the cores share
CHUNK_BYTES = 16_000_000
LENS_AXIS = "lens"
IMAGE_DIMS = (LENS_AXIS, "band", "y", "x")
# LZ4 for 8-bit images: twice the size that Zstandard makes them, read in a third of the time
_EIGHT_BIT = BloscCodec(cname="lz4", clevel=9, shuffle="noshuffle")
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


class StoreError(RuntimeError):
    """A shard cannot be read; the message names the file and what is wrong with it."""


@dataclass(frozen=True)
class Variable:
    """An array with the names of its axes, its unit and what it is."""

    data: np.ndarray
    dims: tuple[str, ...] = (LENS_AXIS,)
    unit: str = "1"
    long_name: str = ""


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Give a temporary path in the folder of `path`; its file replaces `path` on success and is removed on failure."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def checksum(paths: Sequence[str | Path]) -> str:
    """SHA-256 over the contents of files, in the order given."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def write_table(table: DataFrame, path: str | Path) -> None:
    """Write a table as CSV, whole or not at all."""
    with atomic(path) as temporary:
        table.to_csv(temporary, index=False)


def write_shard(path: str | Path, variables: Mapping[str, Variable], attributes: Mapping[str, Any]) -> None:
    """Write `variables` as one zipped Zarr group.

    Parameters
    ----------
    path : path
        Ends in ``.zarr.zip``.
    variables : mapping of str to Variable
        Arrays by name; all have the lens axis first and the same length.
    attributes : mapping
        Attributes of the group; must be JSON.
    """
    memory = zarr.storage.MemoryStore()
    group = zarr.open_group(memory, mode="w", zarr_format=3)
    group.attrs.update(dict(attributes))
    for name, variable in sorted(variables.items()):
        data = np.ascontiguousarray(variable.data)
        array = group.create_array(
            name,
            shape=data.shape,
            dtype=data.dtype,
            chunks=(_chunk(data), *data.shape[1:]),
            compressors=_EIGHT_BIT if data.dtype == np.uint8 else "auto",
            dimension_names=variable.dims,
            attributes={"units": variable.unit, "long_name": variable.long_name or name},
            config={"write_empty_chunks": True},  # so that a chunk that is not there is damage
        )
        array[...] = data
    # xarray looks for consolidated metadata first; zarr warns that the format does not define it yet
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", zarr.errors.ZarrUserWarning)
        zarr.consolidate_metadata(memory)
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for key, buffer in sorted(memory._store_dict.items()):
            archive.writestr(zipfile.ZipInfo(key, _ZIP_EPOCH), buffer.to_bytes())


def _chunk(data: np.ndarray) -> int:
    """Lenses per chunk."""
    each = math.prod(data.shape[1:]) * data.dtype.itemsize
    return max(1, min(CHUNK, len(data), CHUNK_BYTES // each))


class Shards:
    """Many shards as one data set along the lens axis, read only where asked.

    Parameters
    ----------
    paths : sequence of path
        In the order of the lenses.

    Raises
    ------
    StoreError
        There is no file, or a file is missing, damaged or does not fit the others.
    """

    def __init__(self, paths: Sequence[str | Path]):
        if not paths:
            raise StoreError("no shards to open")
        self.paths = [Path(path) for path in paths]
        self._attributes, self._arrays = zip(*map(_open, self.paths), strict=True)
        self._names = tuple(sorted(self._arrays[0]))
        for path, arrays in zip(self.paths, self._arrays, strict=True):
            if tuple(sorted(arrays)) != self._names:
                raise StoreError(f"{path}: holds {sorted(arrays)}, but {self.paths[0]} holds {list(self._names)}")
        self._stops = np.cumsum([arrays[self._names[0]].shape[0] for arrays in self._arrays])

    def __len__(self) -> int:
        return int(self._stops[-1])

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def chunk_starts(self, name: str) -> list[int]:
        """First lens of each chunk of array `name`: what one lens cannot be read without."""
        starts: list[int] = []
        first = 0
        for arrays, stop in zip(self._arrays, self._stops, strict=True):
            starts += range(first, int(stop), arrays[name].chunks[0])
            first = int(stop)
        return starts

    def path_of(self, lens: int) -> Path:
        """The shard that holds the lens at position `lens`."""
        return self.paths[int(np.searchsorted(self._stops, lens, side="right"))]

    @property
    def attributes(self) -> dict[str, Any]:
        """Group attributes of the first shard."""
        return dict(self._attributes[0])

    def variable(self, name: str) -> zarr.Array:
        """The array `name` of the first shard, for its type, axes and attributes; StoreError if there is none."""
        if name not in self._names:
            raise StoreError(f"{self.paths[0]}: no array {name!r}; there are {', '.join(self._names)}")
        return self._arrays[0][name]

    def read(self, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Read part of an array, joined over shards.

        Parameters
        ----------
        name : str
            Name of the array.
        start, stop : int
            First and one-past-last lens; all lenses if not given.

        Returns
        -------
        (stop - start, ...) array
            Of the type of the first shard's array.

        Raises
        ------
        StoreError
            There is no such array or no such lens, or a shard is damaged.
        """
        stop = len(self) if stop is None else stop
        template = self.variable(name)
        if not 0 <= start <= stop <= len(self):
            raise StoreError(f"lenses {start} to {stop} asked for, there are {len(self)}")
        out = np.empty((stop - start, *template.shape[1:]), template.dtype)
        first = 0
        for path, arrays, last in zip(self.paths, self._arrays, self._stops, strict=True):
            low, high = max(start, first), min(stop, last)
            if low < high:
                part = NDBuffer.from_numpy_array(out[low - start : high - start])
                try:
                    arrays[name].get_basic_selection(slice(low - first, high - first), out=part)
                except Exception as error:  # zipfile, zarr and the codecs each have their own
                    raise StoreError(
                        f"{path}: array {name!r} cannot be read: {error}; delete the file to have it made again"
                    ) from error
            first = last
        return out


def _open(path: Path) -> tuple[dict[str, Any], dict[str, zarr.Array]]:
    """Attributes and arrays of a shard."""
    try:
        group = zarr.open_group(zarr.storage.ZipStore(path, mode="r"), mode="r")
        with zipfile.ZipFile(path) as archive:
            there = set(archive.namelist())
        arrays = dict(group.arrays())
        for name, array in arrays.items():
            encode = array.metadata.encode_chunk_key
            chunks = {f"{name}/{encode(position)}" for position in np.ndindex(*array.cdata_shape)}
            if lost := sorted(chunks - there):  # zarr would take them for zeros
                raise ValueError(f"it does not hold {', '.join(lost)}")
        return dict(group.attrs), arrays
    except Exception as error:
        raise StoreError(f"{path}: not a readable shard: {error}; delete the file to have it made again") from error


def open_shards(paths: Sequence[str | Path]) -> Shards:
    """Open shards as one data set; see :class:`Shards`."""
    return Shards(paths)


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, the same text for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))

"""Zarr shards as lists of images, and lists of images as shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sim2sky.observe.ingest.entries import INGEST_FLAGS, Entries, Entry, Frame
from sim2sky.observe.ingest.fits_file import Stamp, Unusable, stamp
from sim2sky.observe.ingest.framed import SAME_SCALE
from sim2sky.store import Shards, StoreError, open_shards

PUBLISHED, ERROR = "published_", "_error"  # of the arrays with published values; without it they would be labels


def is_shard(path: str) -> bool:
    """Whether a path is called as a shard."""
    return path.endswith(".zarr.zip")


def planes(paths: Sequence[str | Path]) -> Entries:
    """Images of shards as a list.

    Raises
    ------
    ValueError
        Naming the file, if it is not readable or has no images.
    """
    try:
        data = open_shards(paths)
        if "image" not in data:
            raise ValueError(f"{data.paths[0]}: has no array 'image'; it has {', '.join(data)}")
        counts = [len(open_shards([path])) for path in paths]
        ra, dec = (data.read(key) if key in data else None for key in ("ra", "dec"))
        values = {name.removeprefix(PUBLISHED): data.read(name) for name in data if name.startswith(PUBLISHED)}
        lens = data.read("lens") if "lens" in data else np.arange(len(data))
        listed = [name for path in paths for name in open_shards([path]).attributes.get("names", [])]
    except StoreError as error:
        raise ValueError(str(error)) from error
    published = {name: (found, values.get(name + ERROR)) for name, found in values.items() if not name.endswith(ERROR)}
    names = listed if len(listed) == len(data) else list(map(str, lens))
    places = np.concatenate([np.arange(count) for count in counts])
    files = pd.Categorical.from_codes(np.repeat(np.arange(len(paths)), counts), list(map(str, paths)))
    return Entries(len(data), files, pd.array(names, "str"), places, ra, dec, published)


@dataclass(frozen=True)
class _Images:
    """Images of a shard that fits a frame.

    Attributes
    ----------
    shard : Shards
        With the images.
    order, factors : list of int, (band, 1, 1) array
        Where the bands of the frame are in the shard, and what makes their unit that of the frame.
    unusable : dict of str to str
        Why an image could not be used, by its place.
    flags : dict of str to (lens,) bool array
        Flags of the images.
    """

    shard: Shards
    order: list[int]
    factors: np.ndarray
    unusable: dict[str, str]
    flags: dict[str, np.ndarray]


def read_plane(entry: Entry, frame: Frame) -> tuple[np.ndarray, dict[str, bool], dict[str, Any]]:
    """Pixels (band, y, x) of a lens of a shard in the unit of the frame, its flags, and where they are from.

    Raises
    ------
    Unusable
        The shard has not the bands, the size or the pixel scale of the frame, or the image could not be used when it was made.
    """
    path, plane, state = entry.file, entry.plane, stamp(entry.file)
    if plane is None:
        raise Unusable("is a shard; give this file itself, or list its planes, to measure each of its images")
    images = _fitting(path, state, frame)
    count, length = len(images.shard), images.shard.variable("image").chunks[0]
    if not 0 <= plane < count:
        raise Unusable(f"has no image {plane}: there are {count}")
    if reason := images.unusable.get(str(plane)):
        raise Unusable(reason)
    start = plane // length * length
    pixels = _chunk(path, state, start, min(start + length, count))[plane - start][images.order] * images.factors
    if not np.isfinite(pixels).all():
        raise Unusable("has pixels that are NaN or infinite")
    flags = {name: name in images.flags and bool(images.flags[name][plane]) for name in INGEST_FLAGS}
    return pixels.astype(np.float32), flags, {"shard": path}


@lru_cache(maxsize=2)
def _fitting(path: str, stamp: Stamp, frame: Frame) -> _Images:
    """Images of a shard, if they fit a frame."""
    shard = open_shards([path])
    about = shard.attributes
    bands, scale, zero_points = (about.get(key) for key in ("bands", "pixel_scale", "zero_point"))
    if not bands or scale is None or zero_points is None:
        raise Unusable("its images have no band, pixel scale or zero point")
    if lacking := [band for band in frame.bands if band not in bands]:
        raise Unusable(f"has no image of band {lacking[0]!r}: its bands are {', '.join(bands)}")
    if abs(scale / frame.pixel_scale - 1) > SAME_SCALE:
        raise Unusable(f"its pixels are {scale:.4g} arcsec, those of the network {frame.pixel_scale:.4g}")
    side = shard.variable("image").shape[-1]
    if side != frame.pixels:
        raise Unusable(f"its images have {side} pixels, those of the network {frame.pixels}")
    order = [bands.index(band) for band in frame.bands]
    factors = 10 ** (0.4 * (np.array(frame.zero_points) - np.array(zero_points, float)[order]))
    flags = {name: shard.read(name) for name in INGEST_FLAGS if name in shard}
    return _Images(shard, order, factors[:, None, None], about.get("reasons", {}), flags)


@lru_cache(maxsize=2)
def _chunk(path: str, stamp: Stamp, start: int, stop: int) -> np.ndarray:
    """Images of a chunk, which none of them can be read without."""
    return open_shards([path]).read("image", start, stop)

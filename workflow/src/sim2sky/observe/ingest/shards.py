"""Zarr shards as lists of images, and lists of images as shards."""

from __future__ import annotations

from collections.abc import Sequence
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


def read_plane(entry: Entry, frame: Frame) -> tuple[np.ndarray, dict[str, bool], dict[str, Any]]:
    """Pixels (band, y, x) of a lens of a shard in the unit of the frame, its flags, and where they are from.

    Raises
    ------
    Unusable
        The shard has not the bands, the size or the pixel scale of the frame, or the image could not be used when it was made.
    """
    if entry.plane is None:
        raise Unusable("is a shard; give this file itself, or list its planes, to measure each of its images")
    shard, factors, order = _fitting(entry.file, stamp(entry.file), frame)
    if not 0 <= entry.plane < len(shard):
        raise Unusable(f"has no image {entry.plane}: there are {len(shard)}")
    flags = {
        name: bool(_array(entry.file, stamp(entry.file), name)[entry.plane]) for name in INGEST_FLAGS if name in shard
    }
    if "measured" in shard and not _array(entry.file, stamp(entry.file), "measured")[entry.plane]:
        raise Unusable(
            shard.attributes.get("reasons", {}).get(str(entry.plane), "could not be used when the shard was made")
        )
    length = shard.variable("image").chunks[0]
    start = entry.plane // length * length
    image = _chunk(entry.file, stamp(entry.file), start, min(start + length, len(shard)))[entry.plane - start]
    pixels = image[order] * factors[:, None, None]
    if not np.isfinite(pixels).all():
        raise Unusable("has pixels that are NaN or infinite")
    return pixels.astype(np.float32), dict.fromkeys(INGEST_FLAGS, False) | flags, {"shard": entry.file}


@lru_cache(maxsize=2)
def _fitting(path: str, stamp: Stamp, frame: Frame) -> tuple[Shards, np.ndarray, list[int]]:
    """A shard whose images fit a frame, the factors to its unit, and the order of its bands."""
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
    return shard, 10 ** (0.4 * (np.array(frame.zero_points) - np.array(zero_points, float)[order])), order


@lru_cache(maxsize=2)
def _chunk(path: str, stamp: Stamp, start: int, stop: int) -> np.ndarray:
    """Images of a chunk, which none of them can be read without."""
    return open_shards([path]).read("image", start, stop)


@lru_cache(maxsize=16)
def _array(path: str, stamp: Stamp, name: str) -> np.ndarray:
    return open_shards([path]).read(name)

"""Centre images on their light and keep the middle: what a survey's cutout service does."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sim2sky.config import CentreCrop
from sim2sky.framing import downscale, move_and_crop, offset_to_centre
from sim2sky.observe import carried, described
from sim2sky.provenance.record import provenance
from sim2sky.store import Variable, open_shards, write_shard

COMPONENTS = ("lens_light", "lensed_source")
SHIFTS = ("shift_y", "shift_x")


def centre_crop_shard(
    options: CentreCrop, source: str | Path, path: str | Path, fingerprint: Mapping[str, str]
) -> None:
    """Centre and crop a shard of simulated lenses.

    The centre of light is that of all components and bands together, and they all move together. Parameters stay those
    of the lens in the simulated frame: a position ``center_x`` is at ``center_x + shift_x * pixel_scale`` of the new
    frame (the pixels are those of the simulation, also where larger ones are asked for).

    Parameters
    ----------
    options : CentreCrop
        How to centre and how many pixels to keep.
    source : path
        Shard of `simulate_shard`.
    path : path
        Shard to write: the same variables, and ``shift_x``, ``shift_y`` [pixel].
    fingerprint : mapping of str to str
        Of the code.

    Raises
    ------
    ValueError
        If the images are smaller than what is to be kept.
    """
    started = time.perf_counter()
    shard = open_shards([source])
    light = {name: shard.read(name) for name in COMPONENTS if name in shard}
    simulated = light["lensed_source"].shape[-1]
    if options.pixels > simulated:
        raise ValueError(f"{source}: cannot keep {options.pixels} of {simulated} pixels")
    print(f"{path}: centring {len(shard)} lenses ({options.centre}), keeping {options.pixels} pixels", flush=True)
    offsets = np.stack(
        [offset_to_centre(_all_light(light, i), options.pixels, options.centre) for i in range(len(shard))]
    )
    variables = carried(shard, [*COMPONENTS, *SHIFTS])
    for name, images in light.items():
        array = shard.variable(name)
        kept = _framed(images, offsets, options, flux=array.attrs["units"] == "counts/s")
        variables[name] = described(kept, array)
    # Cutting an odd number of pixels moves the middle by half a pixel.
    offsets += (simulated - options.pixels) % 2 / 2
    for offset, name in zip(offsets.T, SHIFTS, strict=True):
        earlier = shard.read(name) if name in shard else 0
        variables[name] = Variable(offset + earlier, unit="pixel", long_name=f"shift of the light along {name[-1]}")
    kept_attributes = {name: shard.attributes[name] for name in ("zero_point", "pixel_scale", "bands")}
    if options.downscale and kept_attributes["pixel_scale"]:
        kept_attributes["pixel_scale"] *= options.pixels / options.downscale
    config = {**shard.attributes["config"], "centre_crop": options.params()}
    write_shard(path, variables, provenance(config, fingerprint, **kept_attributes))
    print(f"{path}: done, {len(shard) / (time.perf_counter() - started):.0f} lenses/s", flush=True)


def _all_light(light: Mapping[str, np.ndarray], lens: int) -> np.ndarray:
    """All components and bands of a lens together; counts stay whole numbers."""
    images = [images[lens] for images in light.values()]
    kind = np.int64 if np.issubdtype(images[0].dtype, np.integer) else np.float64
    return sum(image.sum(axis=0, dtype=kind) for image in images)


def _framed(images: np.ndarray, offsets: np.ndarray, options: CentreCrop, flux: bool) -> np.ndarray:
    """Images (lens, band, y, x) moved, cropped and averaged; the flux of larger pixels is the sum."""
    side = options.downscale or options.pixels
    area = (options.pixels / side) ** 2 if flux else 1
    framed = np.empty((*images.shape[:2], side, side), images.dtype)
    for lens, offset in enumerate(offsets):
        for band, image in enumerate(images[lens]):
            kept = move_and_crop(image, offset, options.pixels)
            framed[lens, band] = downscale(kept, side) * area if options.downscale else kept
    return framed

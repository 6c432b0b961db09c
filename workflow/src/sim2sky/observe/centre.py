"""Centre images on their light and keep the middle: what a survey's cutout service does."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sim2sky.config import CentreCrop
from sim2sky.frame import move_and_crop, offset_to_centre
from sim2sky.observe import carried
from sim2sky.store import Variable, open_shards, provenance, write_shard

COMPONENTS = ("lens_light", "lensed_source")


def centre_crop_shard(
    options: CentreCrop, source: str | Path, path: str | Path, fingerprint: Mapping[str, str]
) -> None:
    """Centre and crop a shard of simulated lenses.

    The centre of light is that of all components and bands together, and they all move together. Parameters stay those
    of the lens in the simulated frame: a position ``center_x`` is at ``center_x + shift_x * pixel_scale`` of the new
    frame.

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
    light = {name: shard.read(name) for name in COMPONENTS}
    simulated = light["lens_light"].shape[-1]
    if options.pixels > simulated:
        raise ValueError(f"{source}: cannot keep {options.pixels} of {simulated} pixels")
    print(f"{path}: centring {len(shard)} lenses ({options.centre}), keeping {options.pixels} pixels", flush=True)
    together = sum(images.sum(axis=1, dtype=np.float64) for images in light.values())
    offsets = np.stack([offset_to_centre(image, options.pixels, options.centre) for image in together])
    variables = carried(shard, COMPONENTS)
    for name, images in light.items():
        kept = np.empty((*images.shape[:2], options.pixels, options.pixels), images.dtype)
        for lens, offset in enumerate(offsets):
            for band, image in enumerate(images[lens]):
                kept[lens, band] = move_and_crop(image, offset, options.pixels)
        array = shard.variable(name)
        variables[name] = Variable(kept, array.metadata.dimension_names, array.attrs["units"], array.attrs["long_name"])
    # Cutting an odd number of pixels moves the middle by half a pixel.
    offsets += (simulated - options.pixels) % 2 / 2
    for axis, name in enumerate("yx"):
        variables[f"shift_{name}"] = Variable(
            offsets[:, axis], unit="pixel", long_name=f"shift of the light along {name}"
        )
    kept_attributes = {name: shard.attributes[name] for name in ("zero_point", "pixel_scale", "bands")}
    config = {**shard.attributes["config"], "centre_crop": options.params()}
    write_shard(path, variables, provenance(config, fingerprint, **kept_attributes))
    print(f"{path}: done, {len(shard) / (time.perf_counter() - started):.0f} lenses/s", flush=True)

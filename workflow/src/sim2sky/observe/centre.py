"""Centre images on their light and keep the middle: what a survey's cutout service does."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.ndimage import center_of_mass
from scipy.ndimage import shift as shift_image

from sim2sky.config import CentreCrop
from sim2sky.observe import carried
from sim2sky.store import Variable, open_shards, provenance, write_shard

COMPONENTS = ("lens_light", "lensed_source")


def offset_to_centre(image: np.ndarray, pixels: int, mode: str) -> np.ndarray:
    """How far to move an image so that its centre of light is in the middle of the part that is kept.

    Parameters
    ----------
    image : (N, N) array
        All light of a lens.
    pixels : int
        Side of the middle part that is kept.
    mode : {"none", "pixel", "subpixel"}
        Do not move, move by whole pixels, move by fractions.

    Returns
    -------
    (2,) array
        Shift along y and x [pixel]; zero for an image without light.
    """
    if mode == "none" or not image.sum() > 0:
        return np.zeros(2)
    offset = _first(len(image), pixels) + (pixels - 1) / 2 - np.array(center_of_mass(image))
    return np.rint(offset) if mode == "pixel" else offset


def move_and_crop(image: np.ndarray, offset: np.ndarray, pixels: int) -> np.ndarray:
    """Move an image and keep its middle; what comes from outside the frame is zero.

    Fractions of a pixel are interpolated linearly. That keeps the light positive (Poisson noise asks for it) and moves
    the centre of light by just the given offset, which splines and Fourier shifts, ringing about the cusp of a galaxy,
    do not; it smooths by less than half a pixel, well below the seeing that comes next.

    Parameters
    ----------
    image : (N, N) array
    offset : (2,) array
        Shift along y and x [pixel].
    pixels : int
        Side of the result.

    Returns
    -------
    (pixels, pixels) array
    """
    first = _first(len(image), pixels)
    moved = shift_image(image, offset, order=1, mode="grid-constant", cval=0.0) if offset.any() else image
    return moved[first : first + pixels, first : first + pixels]


def _first(pixels: int, kept: int) -> int:
    return (pixels - kept) // 2


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

"""Centre and crop images of your own as the simulated ones are, and write them as a shard: ``sim2sky picture``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.stats import mad_std
from PIL import Image, UnidentifiedImageError

from sim2sky.config import CentreCrop
from sim2sky.framing import downscale, move_and_crop, offset_to_centre
from sim2sky.provenance.record import provenance
from sim2sky.store import IMAGE_DIMS, Variable, write_shard

_FITS = (".fits", ".fit", ".fits.gz", ".fit.gz", ".fits.fz")
_LIGHT = 3.0  # times the scatter of the sky above it is light


def read_picture(path: str | Path) -> np.ndarray:
    """Read one square image.

    Parameters
    ----------
    path : path
        FITS, whose first image with two axes is taken, or a picture that Pillow reads, where colours become grey.

    Returns
    -------
    (N, N) array
        uint8, or float32 of FITS and of pictures of more than 8 bits. Rows are from the top, as in the images of the
        CosmoSim engine; those of a FITS file, which are from the bottom, are turned over.

    Raises
    ------
    ValueError
        The file is missing, not readable or not square, or has pixels that are not finite; the message names it.
    """
    try:
        data = _read_fits(path) if str(path).lower().endswith(_FITS) else _read_picture(path)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such image") from None
    except UnidentifiedImageError:
        raise ValueError(f"{path}: neither FITS nor a picture that Pillow can read") from None
    except (OSError, ValueError, SyntaxError) as error:  # the last is Pillow's for a broken PNG
        raise ValueError(f"{path}: not a readable image: {error}") from error
    if data is None:
        raise ValueError(f"{path}: holds no image with two axes")
    if data.shape[0] != data.shape[1]:
        raise ValueError(f"{path}: has {data.shape[1]} x {data.shape[0]} pixels; a square image is needed")
    if not np.isfinite(data).all():
        raise ValueError(f"{path}: has pixels that are NaN or infinite")
    return data


def _read_fits(path: str | Path) -> np.ndarray | None:
    with fits.open(path, memmap=False) as file:
        images = (unit.data for unit in file if unit.is_image and unit.data is not None)
        image = next((data for data in images if data.ndim == 2), None)
    return None if image is None else image[::-1].astype(np.float32)


def _read_picture(path: str | Path) -> np.ndarray:
    with Image.open(path) as image:
        deep = image.mode == "F" or image.mode.startswith("I")
        return np.asarray(image, np.float32) if deep else np.asarray(image.convert("L"))


def frame_picture(image: np.ndarray, options: CentreCrop) -> tuple[np.ndarray, np.ndarray]:
    """Centre, crop and average one image as :func:`sim2sky.observe.centre.centre_crop_shard` does.

    Parameters
    ----------
    image : (N, N) array
        Counts that are whole numbers are light as they are. Of others, which have a sky, light is what exceeds its
        median by three times its scatter.
    options : CentreCrop
        How.

    Returns
    -------
    framed : (n, n) array
        Of the type of `image`.
    shift : (2,) array
        By how much the light was moved along y and x [pixel].

    Raises
    ------
    ValueError
        The image is smaller than what is to be kept.
    """
    if options.pixels > len(image):
        raise ValueError(f"cannot keep {options.pixels} of {len(image)} pixels")
    light = image
    if not np.issubdtype(image.dtype, np.integer):
        light = image - np.median(image)
        light = np.where(light > _LIGHT * mad_std(image), light, 0)
    offset = offset_to_centre(light, options.pixels, options.centre)
    kept = move_and_crop(image, offset, options.pixels)
    framed = downscale(kept, options.downscale) if options.downscale else kept
    return framed, offset + (len(image) - options.pixels) % 2 / 2


def picture_shard(options: CentreCrop, sources: Sequence[str | Path], path: str | Path) -> None:
    """Write framed images as a shard: ``image`` (lens, band, y, x), ``lens``, ``shift_x``, ``shift_y``.

    The images are float32 if any of the sources is not 8-bit.

    Parameters
    ----------
    options : CentreCrop
        How each image is centred, cropped and averaged (:func:`frame_picture`).
    sources : sequence of path
        Images that :func:`read_picture` reads.
    path : path
        Shard to write; ends in ``.zarr.zip``.

    Raises
    ------
    ValueError
        A file cannot be used; the message names it.
    """
    images, shifts = [], []
    for source in sources:
        image = read_picture(source)
        try:
            framed, shift = frame_picture(image, options)
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from None
        images.append(framed)
        shifts.append(shift)
    variables = {
        "lens": Variable(np.arange(len(images)), long_name="index of the image"),
        "image": Variable(np.stack(images)[:, None], IMAGE_DIMS, "count", "image"),
    }
    for axis, name in enumerate(("shift_y", "shift_x")):
        values = np.array(shifts)[:, axis]
        variables[name] = Variable(values, unit="pixel", long_name=f"shift of the light along {name[-1]}")
    about = {"zero_point": None, "pixel_scale": None, "bands": ["grey"], "sources": [str(source) for source in sources]}
    write_shard(path, variables, provenance({"centre_crop": options.params()}, {}, **about))

"""Centre and crop images of your own as the simulated ones are, and write them as a shard: ``sim2sky picture``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from astropy.io import fits
from astropy.stats import mad_std
from PIL import Image, ImageOps, UnidentifiedImageError

from sim2sky.config import CentreCrop
from sim2sky.framing import downscale, move_and_crop, offset_to_centre
from sim2sky.measure.light import require_light, sky_of
from sim2sky.provenance.record import provenance
from sim2sky.store import IMAGE_DIMS, Variable, write_shard

_COMPRESSED = (".gz", ".bz2", ".xz", ".z", ".zip")  # astropy reads FITS inside them
_LOSSY = ("JPEG", "MPO", "JPEG2000", "WEBP", "AVIF")
_LIGHT = 3.0  # times the scatter of the sky above it is light


class Picture(NamedTuple):
    """An image, and what makes it doubtful.

    Attributes
    ----------
    image : (N, N) array
        uint8 if all values are whole numbers of 0 to 255, else float32. Rows are from the top.
    doubts : tuple of str
        One clause each, without the name of the file.
    """

    image: np.ndarray
    doubts: tuple[str, ...]


def read_picture(path: str | Path) -> Picture:
    """Read one square image.

    What the pixels hold decides how they are taken, not the type of the file: equal values give equal images. Rows of FITS are
    from the bottom and are turned over, as the images of the CosmoSim engine have them from the top.

    Parameters
    ----------
    path : path
        FITS, whose first image with two axes is taken (further axes of length 1 are none), or a picture that Pillow
        reads, where colours become grey by their luminance (ITU-R 601-2).

    Returns
    -------
    Picture
        Doubtful are several images in one FITS file, colours, transparency, and formats that compress with loss.

    Raises
    ------
    ValueError
        The file is missing, not readable or not square, has pixels that are not finite or holds no light, because all
        pixels are equal; the message names it.
    """
    try:
        with open(path, "rb") as file:
            is_fits = file.read(6) == b"SIMPLE" or str(path).lower().endswith(_COMPRESSED)
        data, doubts = _read_fits(path) if is_fits else _read_picture(path)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such image") from None
    except UnidentifiedImageError:
        raise ValueError(f"{path}: neither FITS nor a picture that Pillow can read") from None
    except (OSError, ValueError, SyntaxError) as error:  # the last is Pillow's for a broken PNG
        raise ValueError(f"{path}: not a readable image: {error}") from error
    if data.shape[0] != data.shape[1]:
        raise ValueError(f"{path}: has {data.shape[1]} x {data.shape[0]} pixels; a square image is needed")
    data = data.astype(np.float32)
    if not np.isfinite(data).all():
        raise ValueError(f"{path}: has pixels that are NaN or infinite")
    if data.min() == data.max():
        raise ValueError(f"{path}: holds no light: every pixel is {data.flat[0]:g}")
    eight_bit = data.min() >= 0 and data.max() <= 255 and np.array_equal(data, np.rint(data))
    return Picture(data.astype(np.uint8) if eight_bit else data, tuple(doubts))


def _read_fits(path: str | Path) -> tuple[np.ndarray, list[str]]:
    with fits.open(path, memmap=False) as file:
        images = [unit for unit in file if unit.is_image and len(unit.shape) > 1]
        planes = [unit for unit in images if set(unit.shape[:-2]) <= {1}]
        if not planes:
            others = "; ".join(" x ".join(map(str, unit.shape)) for unit in images)
            raise ValueError(f"it holds no image with two axes{others and f', but {others}; give one plane'}")
        data = planes[0].data
    doubts = [f"it holds {len(planes)} images, of which the first was taken"] if len(planes) > 1 else []
    return data.reshape(data.shape[-2:])[::-1], doubts


def _read_picture(path: str | Path) -> tuple[np.ndarray, list[str]]:
    with Image.open(path) as image:
        if (frames := getattr(image, "n_frames", 1)) > 1:
            raise ValueError(f"it holds {frames} pictures; give one of them")
        lossy = [f"{image.format} may have changed its counts by compression"] if image.format in _LOSSY else []
        deep = image.mode == "F" or image.mode.startswith("I")
        if not deep and any(";16" in str(tile.args) for tile in image.tile):
            raise ValueError("Pillow reads the upper 8 of its 16 bits alone; save it as FITS, or as 16-bit grey")
        upright = ImageOps.exif_transpose(image)
        if deep:
            return np.asarray(upright, np.float32), lossy
        *colours, alpha = np.moveaxis(np.asarray(upright.convert("RGBA")), -1, 0)
        doubts = [
            *(["its colours became grey"] if np.ptp(colours, axis=0).any() else []),
            *(["transparent pixels were taken as if they were not"] if alpha.min() < 255 else []),
        ]
        return np.asarray(upright.convert("L")), lossy + doubts


def frame_picture(image: np.ndarray, options: CentreCrop) -> tuple[np.ndarray, np.ndarray]:
    """Centre, crop and average one image as :func:`sim2sky.observe.centre.centre_crop_shard` does.

    Light, which is centred, is what exceeds the sky along the edge; if that scatters, what exceeds the median of all pixels by
    three times their scatter.

    Parameters
    ----------
    image : (N, N) array
        With one lens.
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
        The image is smaller than what is to be kept, or holds no light to be centred.
    """
    if options.pixels > len(image):
        raise ValueError(f"cannot keep {options.pixels} of {len(image)} pixels")
    light = image
    if options.centre != "none":
        require_light(image)
        sky, scatter = sky_of(image)
        if scatter > 0:  # all pixels tell more of it than those along the edge
            sky, scatter = float(np.median(image)), float(mad_std(image))
        # whole numbers stay whole, so that an image without a sky is centred to the bit as a simulated one
        above = image - np.array(sky).astype(image.dtype)
        light = np.where(image > sky + _LIGHT * scatter, above, np.zeros_like(image))
    offset = offset_to_centre(light, options.pixels, options.centre)
    kept = move_and_crop(image, offset, options.pixels)
    framed = downscale(kept, options.downscale) if options.downscale else kept
    return framed, offset + (len(image) - options.pixels) % 2 / 2


def picture_shard(options: CentreCrop, sources: Sequence[str | Path], path: str | Path) -> list[str]:
    """Write framed images as a shard: ``image`` (lens, band, y, x), ``lens``, ``shift_x``, ``shift_y``.

    The images are uint8 if those of all sources are, else float32.

    Parameters
    ----------
    options : CentreCrop
        How each image is centred, cropped and averaged (:func:`frame_picture`).
    sources : sequence of path
        Images that :func:`read_picture` reads.
    path : path
        Shard to write; ends in ``.zarr.zip``.

    Returns
    -------
    list of str
        What is doubtful, with the name of the file.

    Raises
    ------
    ValueError
        A file cannot be used; the message names it.
    """
    images, shifts, doubtful = [], [], []
    for source in sources:
        image, doubts = read_picture(source)
        doubtful += [f"{source}: {doubt}" for doubt in doubts]
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
    return doubtful

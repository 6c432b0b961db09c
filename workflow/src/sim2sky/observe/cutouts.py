"""Reads cutouts of a survey from FITS, and takes nothing for sky that is none."""

from __future__ import annotations

import hashlib
import re
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.io.fits.verify import VerifyError

from sim2sky.config import Background
from sim2sky.observe import headers
from sim2sky.observe.judge import judge

FEWEST = 10  # planes; fewer are rather the bands of one image
LEFT_OUT = 0.1  # at most this fraction of the cutouts; a file with more bad ones is no cube of sky


def named_as(words: str) -> re.Pattern[str]:
    """Pattern for names of HDUs that have one of the words, which `|` separates, alone or beside numbers."""
    return re.compile(rf"(?:^|[^A-Z])({words})\d*(?:[^A-Z]|$)")


MASKS = named_as("MSK|MASK|BPM|FLAGS?|DQ")
WEIGHTS = named_as("WGT|WEIGHTS?|WHT|WT|IVAR|INVVAR")
OTHERS = named_as("VAR|VARIANCE|RMS|ERR|ERROR|SIGMA|NOISE|PSF|NEXP|EXPMAP|CTX|MODEL|SEG")
SCIENCE = named_as("SCI|SCIENCE|IMAGE|DATA|FLUX")


@dataclass(frozen=True)
class Cutouts:
    """Cutouts of a survey that can be used as sky.

    Attributes
    ----------
    pixels : (cutout, y, x) float64 array
        In the unit of the file; NaN where there are no data, which is never in the middle that is used.
    index : (cutout,) int array
        Which cutout of the file each is.
    about : dict
        ``sha256`` of the file; ``hdu``; ``unit``, ``zero_point`` [mag] and ``pixel_scale`` [arcsec] with where each is from;
        ``filter``; how many cutouts there are; ``left_out``, reasons by the number of the cutout; ``notes``.
    """

    pixels: np.ndarray
    index: np.ndarray
    about: dict[str, Any]


def read_cutouts(path: str | Path, background: Background, pixels: int, band: str | None = None) -> Cutouts:
    """Read a cube of cutouts, and leave out those that cannot be used as sky.

    Parameters
    ----------
    path : path
        FITS file with one cube of the axes (cutout, y, x); extensions beside it may hold a mask or weights of each pixel.
    background : Background
        What the study says about them.
    pixels : int
        Side of the images that are to be laid over the middle of the cutouts.
    band : str, optional
        That of the images.

    Returns
    -------
    Cutouts

    Raises
    ------
    ValueError
        Naming the file, if it is missing, not FITS or not a cube, contradicts the study, or has more than a tenth of bad
        cutouts.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", fits.verify.VerifyWarning)
            hdu, header, data, bad, marked = _read(path, background.hdu)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file of survey cutouts") from None
    # a truncated file does not fill its array, which is a TypeError or a ValueError
    except (OSError, EOFError, TypeError, zlib.error, VerifyError) as error:
        raise ValueError(f"{path}: not a readable FITS file: {error}") from error
    except ValueError as error:
        text = str(error) if isinstance(error, _Refused) else f"not a readable FITS file: {error}"
        raise ValueError(f"{path}: {text}") from error
    data[bad] = np.nan
    scale, zero_point = background.pixel_scale, background.zero_point
    said = headers.contradictions(header, zero_point=zero_point, scale=scale, band=band)
    if wrong := [*_no_cube_of_sky(header, data, pixels), *said]:
        raise ValueError(f"{path}: HDU {hdu}: {'; '.join(wrong)}")
    reasons, notes = judge(data, marked, pixels)
    if len(reasons) > LEFT_OUT * len(data):
        raise ValueError(f"{path}: HDU {hdu}: {_too_many(reasons, len(data))}")
    kept = np.setdiff1d(np.arange(len(data)), list(reasons))
    about = {
        "sha256": sha256(path),
        "hdu": hdu,
        "unit": str(header.get("BUNIT", "")).strip() or "not in the file",
        "zero_point": zero_point,
        "zero_point_from": ["study", *headers.zero_points(header, scale)],
        "pixel_scale": scale,
        "pixel_scale_from": ["study", *(["header"] if headers.pixel_scale(header) else [])],
        "filter": " ".join(headers.filter_of(header) or ["not in the file"]),
        "cutouts": len(data),
        "left_out": {str(index): reason for index, reason in sorted(reasons.items())},
        "notes": notes,
    }
    return Cutouts(data[kept], kept, about)


def sha256(path: str | Path) -> str:
    """Checksum of a file, as ``sha256sum`` gives it."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# ---- which image of the file


class _Refused(ValueError):
    """What is wrong with a file that is readable."""


def _read(path: str | Path, wanted: str | int | None) -> tuple[str, fits.Header, np.ndarray, np.ndarray, np.ndarray]:
    """Name and header of the cube, its pixels, which of them have no data, and which are marked by a mask."""
    with fits.open(path, memmap=False) as file:
        images = {_label(index, unit): unit for index, unit in enumerate(file) if unit.is_image and unit.shape}
        name = _chosen(images, wanted)
        header = images[name].header.copy()  # reading the pixels takes the scaling out of it
        if file[0].header["NAXIS"] == 0:  # then it speaks for the whole file, where the image says nothing itself
            header.extend(file[0].header, unique=True, strip=True)
        raw = images[name].data
        data = raw.reshape(_squeezed(raw.shape)).astype(np.float64)
        bad = ~np.isfinite(data)
        # of integers that are not scaled astropy leaves it, and of floats it does not know it
        if "BLANK" in header and not {"BSCALE", "BZERO"} & set(header):
            bad |= data == float(header["BLANK"])
        marked = np.zeros(data.shape, bool)
        for other, unit in images.items():
            if other == name or _squeezed(unit.shape) != data.shape:
                continue
            if MASKS.search(other):
                marked |= np.nan_to_num(unit.data.reshape(data.shape)) != 0
            elif WEIGHTS.search(other):
                bad |= ~(unit.data.reshape(data.shape) > 0)
    return name, header, data, bad, marked


def _label(index: int, unit: Any) -> str:
    kinds = (unit.header.get(key, "") for key in ("EXTNAME", "EXTTYPE", "IMAGETYP"))
    names = dict.fromkeys(str(kind).strip().upper() for kind in kinds if str(kind).strip())
    return " ".join([str(index), *names])


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Axes without those of length one that are none of (cutout, y, x)."""
    ones = [axis for axis, length in enumerate(shape[:-2]) if length == 1]
    gone = ones[: max(0, len(shape) - 3)]
    return tuple(length for axis, length in enumerate(shape) if axis not in gone)


def _chosen(images: dict[str, Any], wanted: str | int | None) -> str:
    """The cube of sky among the images of a file."""
    if wanted is not None:
        found = [name for name in images if str(wanted).upper() in (name.split()[0], *name.split()[1:2])]
        if len(found) != 1:
            raise _Refused(f"hdu {wanted!r} is not one of its images: {', '.join(images) or 'none'}")
        if len(_squeezed(images[found[0]].shape)) != 3:
            raise _Refused(f"HDU {found[0]} has {len(images[found[0]].shape)} axes; it takes 3 axes (cutout, y, x)")
        return found[0]
    cubes = [name for name, unit in images.items() if len(_squeezed(unit.shape)) == 3]
    sky = [name for name in cubes if not any(kind.search(name) for kind in (MASKS, WEIGHTS, OTHERS))]
    named = [name for name in sky if SCIENCE.search(name)]
    if len(sky) == 1 or len(named) == 1:
        return (sky if len(sky) == 1 else named)[0]
    if sky:
        raise _Refused(f"holds {len(sky)} cubes, HDUs {', '.join(sky)}; say which one is the sky by `background.hdu`")
    if cubes:
        raise _Refused(f"its cubes are masks, weights or the like: HDUs {', '.join(cubes)}; there is none of sky")
    flat = sum(len(unit.shape) == 2 for unit in images.values())
    if flat > 1:
        raise _Refused(
            f"holds {flat} images with 2 axes; stack those of the sky to one cube with 3 axes (cutout, y, x)"
        )
    axes = f"an image with {len(next(iter(images.values())).shape)} axes" if images else "no image"
    raise _Refused(f"holds {axes}; survey cutouts need one with 3 axes (cutout, y, x)")


# ---- what is wrong with all of it


def _no_cube_of_sky(header: fits.Header, data: np.ndarray, pixels: int) -> Iterator[str]:
    """Why a cube as a whole cannot be used."""
    count, *sides = data.shape
    size = " x ".join(map(str, sides))
    if axis := headers.planes(header):
        yield f"{axis}: its planes are no cutouts of one band; survey cutouts need the axes (cutout, y, x)"
    elif _is_turned(data):
        shape = " x ".join(map(str, data.shape))
        yield f"its axes {shape} look like (y, x, cutout); reorder them to (cutout, y, x), as `numpy.moveaxis` does"
    elif count < FEWEST:
        yield f"holds {count} planes of {size} pixels; are they bands of one image? At least {FEWEST} cutouts are needed"
    if min(sides) < pixels:
        yield f"the cutouts have {size} pixels, less than the {pixels} x {pixels} of the images"


def _is_turned(data: np.ndarray) -> bool:
    """Whether the first axis is one of the sky and another one that of the cutouts.

    Along an axis of the sky the mean brightness changes smoothly, for objects are in the middle of cutouts; from one cutout
    to the next it does not. Without objects only the shape tells.
    """
    if np.isnan(data).all():
        return False
    smooth = []
    clipped = np.clip(np.nan_to_num(data), *np.nanquantile(data, (0.02, 0.98)))
    for axis in range(3):
        profile = clipped.mean(axis=tuple({0, 1, 2} - {axis}))
        profile = profile - profile.mean()
        smooth.append(float((profile[1:] * profile[:-1]).sum() / max(np.square(profile).sum(), 1e-300)))
    first, *others = smooth
    if min(others) > 0.8:
        return False
    rows, columns, last = data.shape
    return (first > 0.8 and max(others) > 0.8 and min(others) < 0.5) or rows == columns != last


def _too_many(reasons: dict[int, str], count: int) -> str:
    """Message about a file with too many bad cutouts: how many for which reason, each with the first of them."""
    kinds: dict[str, list[int]] = {}
    for index in sorted(reasons):
        kinds.setdefault(re.sub(r"[-+]?\d[\d.e+-]*", "#", reasons[index]), []).append(index)
    said = [f"{len(which)} as cutout {which[0]}: {reasons[which[0]]}" for which in kinds.values()]
    return f"{len(reasons)} of {count} cutouts cannot be used, more than {LEFT_OUT:.0%}: " + "; ".join(said)

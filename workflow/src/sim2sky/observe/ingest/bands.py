"""Which image of a file is that of a band, and what lies beside it: noise, weights, mask, point-spread function."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim2sky.observe import headers
from sim2sky.observe.cutouts import MASKS, OTHERS, SCIENCE, WEIGHTS, named_as
from sim2sky.observe.ingest.fits_file import Unit, Unusable, stem

# What an HDU beside the image is, by its name; the first that fits. Weights of HST and SWarp count exposures or have another unit.
COMPANIONS = {
    "mask": MASKS,
    "inverse_variance": named_as("IVAR|INVVAR"),
    "weight": WEIGHTS,
    "variance": named_as("VAR|VARIANCE"),
    "rms": named_as("RMS|ERR|ERROR|SIGMA|NOISE|STD|STDDEV"),
    "psf": named_as("PSF"),
}


@dataclass(frozen=True)
class BandImage:
    """The image of a band, and what its survey is known for.

    Attributes
    ----------
    unit : Unit
        HDU with its pixels.
    plane : int, optional
        Which plane of the HDU, if they are bands.
    cutouts : bool
        The planes are cutouts of different lenses.
    zero_point : float, optional
        AB magnitude of one unit [mag], where the format knows better than the header's cards.
    pixel_scale : float, optional
        Size of a pixel [arcsec], for files without coordinates.
    source : str
        Where these numbers are from.
    believed : bool
        They are the survey's and not in the file.
    companions : mapping of str to Unit
        HDUs of :data:`COMPANIONS`.
    no_data : float, optional
        Value of pixels without data.
    mask_bits : int, optional
        Bits of the mask that make a pixel bad; None takes them all.
    linear : callable, optional
        Makes the pixels fluxes, where they are stored as something else.
    """

    unit: Unit
    plane: int | None = None
    cutouts: bool = False
    zero_point: float | None = None
    pixel_scale: float | None = None
    source: str = ""
    believed: bool = False
    companions: Mapping[str, Unit] = field(default_factory=dict)
    no_data: float | None = None
    mask_bits: int | None = None
    linear: Callable[[np.ndarray], np.ndarray] | None = None


def find_image(units: tuple[Unit, ...], band: str, hdu: str | int | None = None) -> BandImage:
    """The image of a band in a file, found by EXTNAME, BAND, FILTER or IMAGETYP.

    Parameters
    ----------
    units : tuple of Unit
        HDUs of the file.
    band : str
        Name of the band, such as ``g`` or ``VIS``.
    hdu : str or int, optional
        Name or number of the HDU; ``{band}`` in it stands for the band.

    Raises
    ------
    Unusable
        There is none, or there are several.
    """
    images = [unit for unit in units if len(unit.axes) in (2, 3)]
    if not images:
        axes = {len(unit.axes) for unit in units if unit.shape}
        raise Unusable(f"an image with {max(axes)} axes, not 2 or 3" if axes else "holds no image")
    found = _named(images, str(hdu).replace("{band}", band)) if hdu is not None else _of_band(images, band)
    plane = None
    if len(found.axes) == 3:
        names = headers.plane_names(found.header, found.axes[0])
        if names is not None:
            plane = _plane(names, band)
    return BandImage(found, plane, len(found.axes) == 3 and plane is None, companions=_companions(units, found, band))


def says_band(unit: Unit, band: str) -> bool | None:
    """Whether an HDU says that it is of a band; None if it does not say."""
    said = headers.filter_of(unit.header)
    if said is not None and (answer := headers.names_band(said[1], band)) is not None:
        return answer
    name = " ".join(unit.label.split()[1:])
    return headers.names_band(name, band) if name else None


def _named(images: list[Unit], wanted: str) -> Unit:
    """The HDU that is called so, or has this number."""
    found = [unit for unit in images if wanted.upper() in unit.label.split()]
    if len(found) != 1:
        labels = ", ".join(unit.label for unit in images)
        raise Unusable(f"hdu {wanted!r} is {'several' if found else 'none'} of its images: {labels}")
    return found[0]


def _of_band(images: list[Unit], band: str) -> Unit:
    """The image of the sky in a band."""
    sky = [unit for unit in images if not any(kind.search(unit.label) for kind in (MASKS, WEIGHTS, OTHERS))]
    if not sky:
        raise Unusable(f"its images are masks, weights or the like: HDUs {', '.join(unit.label for unit in images)}")
    word = re.split(r"[._-]", stem(images[0].path))[-1]
    if len(images) == 1 and any(kind.search(word.upper()) for kind in (MASKS, WEIGHTS, OTHERS)):
        raise Unusable(
            f"is called {word!r}, as masks, weights or noise are; if it is an image of the sky, name its `hdu`"
        )
    answers = [_has_band(unit, band) for unit in sky]
    found = [unit for unit, answer in zip(sky, answers, strict=True) if answer]
    found = found or [unit for unit, answer in zip(sky, answers, strict=True) if answer is None]
    if len(found) > 1:
        found = [unit for unit in found if SCIENCE.search(unit.label)] or found
    if len(found) == 1:
        return found[0]
    if found:
        labels = ", ".join(unit.label for unit in found)
        raise Unusable(f"holds {len(found)} images that could be band {band!r}: HDUs {labels}; say which by `hdu`")
    said = dict.fromkeys(filter(None, map(_said, sky)))
    raise Unusable(f"has no image of band {band!r}: {', '.join(said)}")


def _has_band(unit: Unit, band: str) -> bool | None:
    """As :func:`says_band`, also of the planes of a cube."""
    names = headers.plane_names(unit.header, unit.axes[0]) if len(unit.axes) == 3 else None
    return says_band(unit, band) if names is None else any(headers.names_band(name, band) for name in names)


def _said(unit: Unit) -> str:
    """What an HDU says of its band."""
    if len(unit.axes) == 3 and (names := headers.plane_names(unit.header, unit.axes[0])) is not None:
        return f"its planes are {', '.join(names)}"
    said = headers.filter_of(unit.header)
    return f"{said[0]} is {said[1]!r}" if said else f"HDU {unit.label}"


def _plane(names: list[str], band: str) -> int:
    found = [index for index, name in enumerate(names) if headers.names_band(name, band)]
    if len(found) != 1:
        raise Unusable(f"has {len(found) or 'no'} planes of band {band!r}: its planes are {', '.join(names)}")
    return found[0]


def _companions(units: tuple[Unit, ...], image: Unit, band: str) -> dict[str, Unit]:
    """HDUs that belong to an image, by what they are; the nearest one after it where there are several."""
    found: dict[str, Unit] = {}
    for unit in sorted(units, key=lambda unit: (unit.index < image.index, unit.index)):
        if unit.index == image.index or not unit.shape or says_band(unit, band) is False:
            continue
        kind = next((kind for kind, names in COMPANIONS.items() if names.search(unit.label)), None)
        fits = len(unit.axes) == 2 if kind == "psf" else unit.axes == image.axes
        if kind is not None and fits and kind not in found and _version(unit) == _version(image):
            found[kind] = unit
    return found


def _version(unit: Unit) -> Any:
    return unit.header.get("EXTVER", 1)

"""Read one image: find that of each band, check what is said about it, and bring it to the frame of a network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from sim2sky.config import Reading
from sim2sky.observe import headers
from sim2sky.observe.ingest import framed, shards
from sim2sky.observe.ingest.bands import BandImage
from sim2sky.observe.ingest.entries import INGEST_FLAGS, Entry, Frame, Ingested
from sim2sky.observe.ingest.fits_file import Stamp, Unusable, open_units, stamp
from sim2sky.observe.ingest.registry import survey_of
from sim2sky.observe.sky import Sky, pixel_scale_of, sky_of

ZERO_POINT_OF_A_SURVEY = (10.0, 50.0)  # mag; zero, for one, is written where it is not known
SAME_ZERO_POINT, GIVEN_SCALE = 0.01, 0.01  # mag and relative, within which what is given and what is found are the same


@dataclass(frozen=True)
class Band:
    """The image of a band of a file, with what it was found to be.

    Attributes
    ----------
    image : BandImage
        Where it is.
    sky : Sky or None
        Its coordinates, if it has any.
    pixel_scale, zero_point : float
        Size of a pixel [arcsec] and AB magnitude of one unit [mag].
    about : dict
        Survey, HDU, and where both numbers are from.
    """

    image: BandImage
    sky: Sky | None
    pixel_scale: float
    zero_point: float
    about: dict[str, Any]


class Brought(NamedTuple):
    """A band in the frame: pixels, their standard deviation, and row and column of its centre in the file's image."""

    pixels: np.ndarray
    sigma: np.ndarray | None
    centre: tuple[float, float]


def read_image(entry: Entry, frame: Frame, reading: Reading) -> Ingested:
    """Read one image and bring it to the frame of a network.

    Parameters
    ----------
    entry : Entry
        The image.
    frame : Frame
        Bands, size, pixel scale and unit that it is brought to.
    reading : Reading
        What is said about it, and what may be done to it.

    Returns
    -------
    Ingested
        With pixels, or with the reason why there are none: whatever is wrong with an image is said there and raises nothing.
    """
    flags = dict.fromkeys(INGEST_FLAGS, False)
    about: dict[str, Any] = {}
    try:
        if shards.is_shard(entry.file):
            pixels, flags, about = shards.read_plane(entry, frame)
            return Ingested(pixels, None, flags, about)
        paths = [entry.file.replace("{band}", band) for band in frame.bands]
        bands = [_band(path, stamp(path), band, reading) for path, band in zip(paths, frame.bands, strict=True)]
        found = [_brought(entry, band, at, frame, reading, flags) for at, band in enumerate(bands)]
        about |= {name: [band.about[name] for band in bands] for name in bands[0].about}
        about["position"] = _position(entry, bands[0], found[0].centre)
        with np.errstate(over="ignore", invalid="ignore"):
            pixels = np.array([brought.pixels for brought in found]).astype(np.float32)
        if not np.isfinite(pixels).all():
            raise Unusable("its pixels are beyond the range of 32-bit numbers")
        return Ingested(pixels, None, flags, about, _stacked(found, frame), _psfs(bands))
    except Unusable as error:
        return Ingested(None, str(error), flags, about)
    except Exception as error:  # damaged files raise almost anything in the libraries that read them
        return Ingested(
            None, f"cannot be read, the file may be damaged ({type(error).__name__}: {error})", flags, about
        )


@lru_cache(maxsize=8)  # planes of a cube come one after the other
def _band(path: str, stamp: Stamp, band: str, reading: Reading) -> Band:
    """The image of a band, and what is believed of it."""
    units = open_units(path, stamp)
    if not any(unit.shape for unit in units):
        raise Unusable("holds no image")
    name, find = survey_of(units, reading.survey)
    image = find(units, band, reading)
    said = headers.filter_of(image.unit.header)
    if image.plane is None and said and headers.is_another_band(said[1], band):
        raise Unusable(f"{said[0]} is {said[1]!r}, the network has band {band!r}")
    try:
        sky = sky_of(image.unit.header)
    except ValueError as error:
        raise Unusable(str(error)) from error
    scale, scale_from = _pixel_scale(image, sky, reading)
    zero_point, zero_point_from = _zero_point(image, scale, reading)
    about = {"survey": name, "hdu": image.unit.label, "zero_point": zero_point, "zero_point_from": zero_point_from}
    return Band(image, sky, scale, zero_point, about | {"pixel_scale": scale, "pixel_scale_from": scale_from})


def _pixel_scale(image: BandImage, sky: Sky | None, reading: Reading) -> tuple[float, str]:
    """Size of a pixel [arcsec] and where it is from."""
    found = pixel_scale_of(image.unit.header, sky)
    given = reading.pixel_scale
    if found is not None and given is not None and abs(found / given - 1) > GIVEN_SCALE:
        raise Unusable(f"its header has pixels of {found:.4g} arcsec, but pixel_scale {given:g} is given")
    if found is not None:
        return found, "header"
    if given is not None:
        return given, "given"
    if image.pixel_scale is not None:
        return image.pixel_scale, image.source
    raise Unusable("its header does not say the size of its pixels; give `pixel_scale` (--pixel-scale)")


def _zero_point(image: BandImage, scale: float, reading: Reading) -> tuple[float, str]:
    """AB magnitude of one unit and where it is from."""
    found = _zero_points(image, scale)
    given = reading.zero_point
    for source, value in found.items():
        if given is not None and abs(value - given) > SAME_ZERO_POINT:
            raise Unusable(f"its zero point is {value:.2f} by {source}, but zero_point {given:g} is given")
    if max(found.values(), default=0) - min(found.values(), default=0) > SAME_ZERO_POINT:
        said = ", ".join(f"{value:.2f} by {source}" for source, value in found.items())
        raise Unusable(f"its header has several zero points, {said}; name the format of its survey by `survey`")
    if found and not image.believed:
        source, value = next(iter(found.items()))
        return value, source
    if given is not None:
        return given, "given"
    if found:
        source, value = next(iter(found.items()))
        return value, f"believed: {source}"
    raise Unusable(
        "its header does not say the zero point; give `zero_point` (--zero-point), or the format of its survey by "
        "`survey` (--survey)"
    )


def _zero_points(image: BandImage, scale: float) -> dict[str, float]:
    """What a header, or a format that knows better, says of the zero point."""
    if image.zero_point is not None:
        return {image.source: image.zero_point}
    try:
        found = headers.zero_points(image.unit.header, scale)
    except ValueError as error:
        raise Unusable(str(error)) from error
    low, high = ZERO_POINT_OF_A_SURVEY
    return {key: value for key, value in found.items() if low < value < high or key.startswith("BUNIT")}


# ---- into the frame


def _brought(entry: Entry, band: Band, at: int, frame: Frame, reading: Reading, flags: dict[str, bool]) -> Brought:
    """A band in the frame; what was done is set in `flags`."""
    image, plane = band.image, _plane(entry, band.image)
    ratio = frame.pixel_scale / band.pixel_scale
    if abs(ratio - 1) <= framed.SAME_SCALE:
        ratio = 1.0
    elif not reading.resample:
        raise Unusable(
            f"its pixels are {band.pixel_scale:.4g} arcsec, those of the network {frame.pixel_scale:.4g}; `resample: true` "
            "(--resample) resamples it"
        )
    whole = image.unit.read(plane)
    centre = _centre(entry, band, whole, frame.pixels * ratio, reading)
    window = framed.find_window(whole.shape, centre, frame.pixels, ratio)
    pixels = window.of(whole)
    bad = framed.bad_pixels(image, window, pixels, plane)
    pixels = image.linear(pixels) if image.linear else pixels
    if bad:
        pixels = _filled(pixels.astype(np.float64), bad, reading)
        flags["bad_pixels"] = True
    sigma = framed.sigma_of(image, window, plane)
    if ratio != 1:
        pixels = framed.resample(pixels, window, frame.pixels, ratio)
        if sigma is not None:  # variances of independent pixels add up as fluxes do
            sigma = np.sqrt(framed.resample(np.square(sigma), window, frame.pixels, ratio))
        flags["resampled"] = True
    off = max(abs(place - (length - 1) / 2) for place, length in zip(centre, whole.shape, strict=True))
    flags["cropped_off_centre"] |= off > 1
    flags["zero_point_unchecked"] |= band.about["zero_point_from"].startswith(("given", "believed"))
    flags["pixel_scale_unchecked"] |= band.about["pixel_scale_from"] != "header"
    factor = np.float64(10 ** (0.4 * (frame.zero_points[at] - band.zero_point)))
    return Brought(pixels * factor, None if sigma is None else sigma * factor, centre)


def _position(entry: Entry, band: Band, centre: tuple[float, float]) -> tuple[float, float] | None:
    """Right ascension and declination [deg] of a frame: those of the list, or of its centre; None if nothing says them."""
    if entry.ra is not None and entry.dec is not None:
        return entry.ra, entry.dec
    # the coordinates of a cube are of none of its cutouts
    return band.sky.position_of(*centre) if band.sky and not band.image.cutouts else None


def _plane(entry: Entry, image: BandImage) -> int | None:
    """Which plane of the HDU the image is."""
    if not image.cutouts:
        return image.plane
    count = image.unit.axes[0]
    if entry.plane is None:
        raise Unusable(
            f"is a cube of {count} planes, and no card says that they are bands; give this file itself, or list its planes, "
            "if each is an image of its own"
        )
    if not 0 <= entry.plane < count:
        raise Unusable(f"has no plane {entry.plane}: there are {count}")
    return entry.plane


def _centre(entry: Entry, band: Band, whole: np.ndarray, side: float, reading: Reading) -> tuple[float, float]:
    """Row and column of what the frame is cut about."""
    has_position = entry.ra is not None and entry.dec is not None
    if reading.centre == "position" and not (has_position and band.sky):
        raise Unusable(
            "has no " + ("celestial coordinates" if has_position else "position in the list") + " to cut about"
        )
    if reading.centre in (None, "position") and has_position and band.sky:
        row, column = band.sky.pixel_of(float(entry.ra or 0), float(entry.dec or 0))
        height, width = whole.shape
        if not (-0.5 <= row <= height - 0.5 and -0.5 <= column <= width - 0.5):
            raise Unusable(f"its position ({entry.ra:.5f}, {entry.dec:.5f}) is not on the image")
        return row, column
    if reading.centre == "brightest":
        return framed.brightest(whole, side)
    return (whole.shape[0] - 1) / 2, (whole.shape[1] - 1) / 2


def _filled(pixels: np.ndarray, bad: dict[str, np.ndarray], reading: Reading) -> np.ndarray:
    """Pixels with the bad ones filled, if they are few."""
    any_bad = np.logical_or.reduce(list(bad.values()))
    fraction = float(any_bad.mean())
    if fraction > reading.fill_up_to or any_bad.all():
        kinds = ", ".join(f"{kind} {100 * mask.mean():.3g} %" for kind, mask in bad.items())
        raise Unusable(
            f"{100 * fraction:.3g} % of the pixels in the frame are bad ({kinds}), more than fill_up_to {reading.fill_up_to:g}"
        )
    return framed.fill(pixels, any_bad)


def _stacked(found: list[Brought], frame: Frame) -> np.ndarray | None:
    """Standard deviations of all bands; None if no band has them."""
    sigmas = [brought.sigma for brought in found]
    if all(sigma is None for sigma in sigmas):
        return None
    nothing = np.full(frame.shape[1:], math.nan)
    return np.stack([nothing if sigma is None else sigma for sigma in sigmas]).astype(np.float32)


def _psfs(bands: list[Band]) -> tuple[np.ndarray | None, ...] | None:
    """Point-spread functions of all bands, each with a sum of one; None if no band has one."""
    units = [band.image.companions.get("psf") for band in bands]
    if not any(units):
        return None
    stamps = [None if unit is None else unit.read().astype(np.float64) for unit in units]
    sums = [0.0 if stamp is None else float(stamp.sum()) for stamp in stamps]
    return tuple(
        None if stamp is None or not 0 < total < math.inf else (stamp / total).astype(np.float32)
        for stamp, total in zip(stamps, sums, strict=True)
    )

"""What the header of a FITS image says about its pixels: zero point, unit, size on the sky, band."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from astropy import units

from sim2sky.observe.sky import Header, number, pixel_scale_of, sky_of

# Magnitude of one unit of the pixels. PHOT_C (colour term), PHOTZPT (of ST magnitudes) and MAGLIM are something else.
ZERO_POINTS = (
    *("MAGZERO", "MAGZPT", "MAGZP", "MAG_ZERO", "MAG_ZP", "MAG0", "ZEROPOINT", "ZEROPNT", "ZEROPT", "ZPT", "ZP"),
    *("PHOTZP", "ABZP", "ABMAGZP", "SEXMGZPT"),
)
FILTERS = ("FILTER", "BAND", "FILT", "FILTNAM", "FILTER1", "FILT_ID", "FPA.FILTERID", "FPA.FILTER")
BROAD = {*"ugrizyjhk", "ks", "vis"}  # bands by their usual names, in small letters
# units as files spell them, and as astropy reads them
SPELT = {
    r"nano-?magg(y|ies?)": "nmgy",
    r"\bmagg(y|ies?)": "mgy",
    r"micro-?(jansky|jy)s?": "uJy",
    r"nano-?(jansky|jy)s?": "nJy",
}


def zero_points(header: Header, pixel_scale: float) -> dict[str, float]:
    """Zero points that a header states, by its keys.

    Parameters
    ----------
    header : Header
        Of the image.
    pixel_scale : float
        Size of a pixel [arcsec], for units per solid angle.

    Returns
    -------
    dict of str to float
        AB magnitude of one unit of the pixels.

    Raises
    ------
    ValueError
        The pixels are magnitudes.
    """
    found = {key: value for key in ZERO_POINTS if (value := number(header, key)) is not None}
    if flux := _positive(header, "FLUXMAG0"):  # HSC: flux of magnitude zero
        found["FLUXMAG0"] = 2.5 * np.log10(flux)
    exposure = _positive(header, "EXPTIME")
    if (stack := number(header, "FPA.ZP")) is not None and exposure:  # Pan-STARRS: of one count per second
        found["FPA.ZP and EXPTIME"] = stack + 2.5 * np.log10(exposure)
    response, pivot = _positive(header, "PHOTFLAM"), _positive(header, "PHOTPLAM")
    unit = str(header.get("BUNIT", "")).strip()
    if response and pivot:  # Hubble: AB zero point of one electron per second
        whole = 2.5 * np.log10(exposure) if exposure and unit.upper() in ("ELECTRONS", "COUNTS") else 0.0
        found["PHOTFLAM and PHOTPLAM"] = -2.5 * np.log10(response) - 5 * np.log10(pivot) - 2.4079 + whole
    if (by_unit := _of_unit(unit, pixel_scale)) is not None:
        found[f"BUNIT {unit!r}"] = by_unit
    return {key: float(value) for key, value in found.items()}


@lru_cache(maxsize=64)  # astropy takes milliseconds
def _of_unit(text: str, pixel_scale: float) -> float | None:
    """AB magnitude of one unit of flux; None if the unit is none of flux, such as counts."""
    if not text:
        return None
    for spelling, name in SPELT.items():
        text = re.sub(spelling, name, text, flags=re.IGNORECASE)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", units.UnitsWarning)
            unit = units.Unit(text)
    except ValueError:
        return None
    if isinstance(unit, units.function.FunctionUnitBase) or units.mag in unit.bases:
        raise ValueError(f"BUNIT {text!r}: the pixels are magnitudes, not fluxes")
    for area in (1.0, (pixel_scale * units.arcsec) ** 2, 1 * units.pix):
        try:
            return float((1 * unit * area).to_value(units.ABmag, units.zero_point_flux(3631 * units.Jy)))
        except units.UnitsError:
            continue
    return None


def pixel_scale(header: Header) -> float | None:
    """Size of a pixel [arcsec]; None if the header does not say it; ValueError if it contradicts itself."""
    return pixel_scale_of(header, sky_of(header))


def filter_of(header: Header) -> tuple[str, str] | None:
    """Key and text of the filter, if there is one."""
    return next(((key, text) for key in FILTERS if (text := str(header.get(key, "")).strip())), None)


def is_another_band(text: str, band: str) -> bool:
    """Whether a filter's name clearly is that of another band: ``HSC-R2`` for ``g``, but not ``unknown``, nor ``sdssg``."""
    return names_band(text, band) is False


def names_band(text: str, band: str) -> bool | None:
    """Whether a filter's name is that of a band; None if it clearly is neither that one nor another."""
    words = {re.sub(r"(?<=[a-z])[\d']+$", "", word) for word in re.split(r"[^a-z\d']+", text.lower())} | {text.lower()}
    named = words & BROAD or set(re.findall(r"\bf\d{3,4}[wmlpnx]+\b", text.lower()))
    if band.lower().split("_")[-1] in named | words:
        return True
    return False if named else None


def planes(header: Header) -> str | None:
    """What the third axis is, if the header says that it is none of cutouts."""
    for axis in range(3, int(header.get("NAXIS", 0)) + 1):
        kind = str(header.get(f"CTYPE{axis}", "")).upper()
        if kind.startswith(("BAND", "FILTER", "WAVE", "AWAV", "FREQ", "VELO", "VRAD", "STOKES", "COLOR", "RGB")):
            return f"CTYPE{axis} is {kind!r}"
    count = int(header.get("NAXIS3", 0))
    if (names := plane_names(header, count)) is None:
        return None
    bands = str(header.get("BANDS", "")).strip()
    return f"BANDS is {bands!r}" if bands else f"BAND0 to BAND{count - 1} are {', '.join(names)}"


def plane_names(header: Header, count: int) -> list[str] | None:
    """Bands of the `count` planes of a cube, if the header lists them: ``BANDS`` is ``grz`` or ``g,r,z``, or each has its key."""
    if count < 2:
        return None
    bands = str(header.get("BANDS", "")).strip()
    for names in ([name for name in re.split(r"[,\s]+", bands) if name], list(bands)):
        if len(names) == count:
            return names
    numbered = [str(header[f"BAND{index}"]) for index in range(count) if f"BAND{index}" in header]
    return numbered if len(numbered) == count else None


def contradictions(header: Header, *, zero_point: float, scale: float, band: str | None) -> Iterator[str]:
    """Each thing that a header says otherwise than the study.

    Parameters
    ----------
    header : Header
        Of the image.
    zero_point : float
        The study's [mag]; a hundredth of a magnitude counts.
    scale : float
        The study's size of a pixel [arcsec]; one per cent counts.
    band : str, optional
        The simulation's.
    """
    try:
        for key, value in zero_points(header, scale).items():
            if not abs(value - zero_point) < 0.01:
                yield f"zero point {value:.2f} by {key}, the study has zero_point {zero_point:g}"
    except ValueError as error:
        yield str(error)
    try:
        found = pixel_scale(header)
        if found is not None and not abs(found / scale - 1) < 0.01:
            yield f"pixels of {found:.4g} arcsec, the study has pixel_scale {scale:g}"
    except ValueError as error:
        yield str(error)
    named = filter_of(header)
    if band and named and is_another_band(named[1], band):
        yield f"{named[0]} is {named[1]!r}, the simulation has band {band!r}"


def _positive(header: Header, key: str) -> float | None:
    value = number(header, key)
    return value if value is not None and value > 0 else None

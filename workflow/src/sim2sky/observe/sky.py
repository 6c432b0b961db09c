"""Where on the sky the pixels of an image are: their size, and the pixel of a position."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from astropy import units
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

Header = Mapping[str, Any]
PLAUSIBLE = (1e-3, 60.0)  # arcsec; astropy takes headers with half of the cards for pixels of a degree
SCALES = ("PIXSCALE", "PIXSCAL1", "PIXELSCL", "SECPIX", "SECPIX1")  # arcsec, where there are no celestial coordinates
CELESTIAL = ("RA--", "DEC-", "GLON", "GLAT", "ELON", "ELAT")
# Cards of distortions, and old spellings, which astropy reads.
DISTORTED = (
    *("A_ORDER", "B_ORDER", "AP_ORDER", "CROTA1", "CROTA2", "CD001001"),
    *(f"PV{axis}_{index}" for axis in (1, 2) for index in range(5)),
)
Matrix = tuple[tuple[float, float], tuple[float, float]]
SQUARE = 0.01  # by which the sides of a pixel may differ


@dataclass(frozen=True)
class Sky:
    """Celestial coordinates of an image.

    Attributes
    ----------
    pixel_scale : float
        Size of a pixel [arcsec].
    linear : ((float, float), (float, float)), or None
        From pixels to degrees of the tangent plane, for plain gnomonic coordinates; `wcs` of astropy takes all others.
    """

    pixel_scale: float
    reference: tuple[float, float, float, float]  # CRVAL1, CRVAL2 [deg], CRPIX1, CRPIX2
    linear: Matrix | None
    wcs: Any = None

    def pixel_of(self, ra: float, dec: float) -> tuple[float, float]:
        """Row and column, from zero at the middle of the first pixel, of a position of the ICRS [deg]; NaN if it has none."""
        if self.linear is None:
            x, y = self.wcs.celestial.world_to_pixel(SkyCoord(ra * units.deg, dec * units.deg))
            return float(y), float(x)
        ra0, dec0, x0, y0 = self.reference
        east, north, north0 = (math.radians(angle) for angle in (ra - ra0, dec, dec0))
        # gnomonic projection, Calabretta & Greisen 2002, A&A 395, 1077
        cosine = math.sin(north0) * math.sin(north) + math.cos(north0) * math.cos(north) * math.cos(east)
        if cosine <= 0:  # the other half of the sky
            return math.nan, math.nan
        xi = math.cos(north) * math.sin(east) / cosine
        eta = (math.cos(north0) * math.sin(north) - math.sin(north0) * math.cos(north) * math.cos(east)) / cosine
        (a, b), (c, d) = self.linear
        xi, eta, det = math.degrees(xi), math.degrees(eta), a * d - b * c
        return (a * eta - c * xi) / det + y0 - 1, (d * xi - b * eta) / det + x0 - 1

    def position_of(self, row: float, column: float) -> tuple[float, float]:
        """Position of the ICRS [deg] of a row and a column, from zero at the middle of the first pixel; NaN if it has none."""
        if self.linear is None:
            found = self.wcs.celestial.pixel_to_world(column, row).icrs
            return float(found.ra.deg), float(found.dec.deg)
        ra0, dec0, x0, y0 = self.reference
        x, y = column + 1 - x0, row + 1 - y0
        (a, b), (c, d) = self.linear
        xi, eta, north0 = (math.radians(angle) for angle in (a * x + b * y, c * x + d * y, dec0))
        # the inverse of the projection in `pixel_of`
        east = math.atan2(xi, math.cos(north0) - eta * math.sin(north0))
        north = math.atan2(
            math.sin(north0) + eta * math.cos(north0), math.hypot(xi, math.cos(north0) - eta * math.sin(north0))
        )
        return (ra0 + math.degrees(east)) % 360, math.degrees(north)


def sky_of(header: Header) -> Sky | None:
    """Celestial coordinates of a header; None if it has none, or none that can be meant.

    Raises
    ------
    ValueError
        Its cards contradict each other, or the pixels are not square.
    """
    kinds = [str(header.get(f"CTYPE{axis}", "")) for axis in (1, 2)]
    if not all(kind.startswith(CELESTIAL) for kind in kinds):
        return None
    linear = _linear(header) if _is_plain(header, kinds) else None
    wcs, matrix = None, linear or ((0.0, 0.0), (0.0, 0.0))
    if linear is None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                wcs = WCS(header, naxis=2)
                (a, b), (c, d) = wcs.pixel_scale_matrix.tolist()
                matrix = ((a, b), (c, d))
        except Exception:  # of wcslib there are many; a header without usable coordinates says nothing
            return None
    area, sides = _area(matrix), [math.hypot(*column) for column in zip(*matrix, strict=True)]
    scale = 3600 * math.sqrt(area)
    if not PLAUSIBLE[0] < scale < PLAUSIBLE[1]:
        return None
    if abs(sides[0] / sides[1] - 1) > SQUARE or abs(area / (sides[0] * sides[1]) - 1) > SQUARE:
        raise ValueError(f"its pixels are not square: sides of {3600 * sides[0]:.4g} and {3600 * sides[1]:.4g} arcsec")
    ra, dec, x, y = (number(header, key) or 0.0 for key in ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2"))
    return Sky(scale, (ra, dec, x, y), linear, wcs)


def pixel_scale_of(header: Header, sky: Sky | None) -> float | None:
    """Size of a pixel [arcsec]: by the coordinates, or by a card; None if the header does not say it."""
    if sky:
        return sky.pixel_scale
    value = next((value for key in SCALES if (value := number(header, key)) is not None), None)
    return value if value is not None and PLAUSIBLE[0] < value < PLAUSIBLE[1] else None


def number(header: Header, key: str) -> float | None:
    """Value of a card as a number; None if it has none that is finite."""
    value: Any = header.get(key)
    if isinstance(value, bool) or value is None:
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def _is_plain(header: Header, kinds: list[str]) -> bool:
    """Whether coordinates are gnomonic, of the ICRS or nearly so, and without distortions."""
    return (
        [kind.rstrip() for kind in kinds] == ["RA---TAN", "DEC--TAN"]
        and all(str(header.get(f"CUNIT{axis}", "deg")).strip() in ("deg", "") for axis in (1, 2))
        and str(header.get("RADESYS", header.get("RADECSYS", "ICRS"))).strip() in ("ICRS", "FK5")
        and header.get("EQUINOX", 2000) == 2000
        and header.get("LONPOLE", 180) == 180
        and not any(key in header for key in DISTORTED)
    )


def _linear(header: Header) -> Matrix | None:
    """Matrix from pixels to degrees by CD or by PC and CDELT; None if they do not give one."""
    found = []
    if any(f"CD{i}_{j}" in header for i in (1, 2) for j in (1, 2)):
        found.append([header.get(f"CD{i}_{j}", 0.0) for i in (1, 2) for j in (1, 2)])
    if "CDELT1" in header and "CDELT2" in header:
        turns = [header.get(f"PC{i}_{j}", header.get(f"PC00{i}00{j}")) for i in (1, 2) for j in (1, 2)]  # Pan-STARRS
        if not found or any(turn is not None for turn in turns):
            unit = (1.0, 0.0, 0.0, 1.0)
            turns = [default if turn is None else turn for turn, default in zip(turns, unit, strict=True)]
            sides = [header[f"CDELT{i}"] for i in (1, 1, 2, 2)]
            if not all(isinstance(value, int | float) for value in [*turns, *sides]):
                return None
            found.append([turn * side for turn, side in zip(turns, sides, strict=True)])
    if not all(isinstance(value, int | float) for values in found for value in values):
        return None
    matrices = [((a, b), (c, d)) for a, b, c, d in found]
    if len(found) == 2 and max(abs(x - y) for x, y in zip(*found, strict=True)) > 0.01 * max(map(abs, found[0])):
        by_cd, by_pc = (3600 * math.sqrt(_area(matrix)) for matrix in matrices)
        raise ValueError(
            f"its coordinates contradict each other: pixels of {by_cd:.4g} arcsec by CD, {by_pc:.4g} by PC and CDELT"
        )
    return matrices[0] if matrices and _area(matrices[0]) > 0 else None


def _area(matrix: Matrix) -> float:
    (a, b), (c, d) = matrix
    return abs(a * d - b * c)

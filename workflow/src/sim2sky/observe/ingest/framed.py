"""From the pixels of a file to those of a frame: what is bad, what is cut out, what is filled, how it is resampled."""

from __future__ import annotations

import math
import warnings
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from astropy.convolution import Gaussian2DKernel, interpolate_replace_nans
from astropy.wcs import WCS
from scipy.ndimage import binary_opening, gaussian_filter, median_filter

from sim2sky.observe.ingest.bands import BandImage
from sim2sky.observe.ingest.fits_file import Unusable
from sim2sky.observe.judge import SENTINELS

SAME_SCALE = 0.005  # relative; 0.262 and 0.263 arcsec are the same pixels: theta_E changes by 0.4 %
HUGE = 9.9e19  # of either sign, no flux in any unit
NO_WEIGHT = 1e15  # standard deviations that mean no data; Euclid has 1e16
REPEATED = 0.02  # fraction of pixels with a value that another one has, beyond which an image is rounded or compressed
BESIDE = 1.0  # pixel by which a cutout may be off its position without being refused for a missing row
NEAR = 0.25  # of the frame's side: how far from the middle of the image the brightest object is looked for
SMOOTH = 1.5  # pixel; so that it is no single pixel


class Window(NamedTuple):
    """The part of an image that is used: first row and column, side, and where in it the middle of the frame is [pixel]."""

    row: int
    column: int
    side: int
    y: float
    x: float

    def of(self, image: np.ndarray) -> np.ndarray:
        """These pixels of an image."""
        return image[self.row : self.row + self.side, self.column : self.column + self.side]


@lru_cache(maxsize=64)
def find_window(shape: tuple[int, int], centre: tuple[float, float], pixels: int, ratio: float) -> Window:
    """The part of an image that a frame covers.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the image.
    centre : (float, float)
        Row and column of the middle of the frame, from zero at the middle of the first pixel.
    pixels : int
        Side of the frame.
    ratio : float
        Pixel of the frame in pixels of the image; 1 takes the pixels as they are, which moves the middle by half a pixel at most.

    Raises
    ------
    Unusable
        The image does not cover the frame.
    """
    side, size = pixels * ratio, " x ".join(map(str, shape))
    if max(side - length for length in shape) > 1e-6:
        raise Unusable(
            f"its {size} pixels are less than the frame, which takes {math.ceil(side - 1e-6)} of them along a side"
        )
    beyond = max(
        max(side / 2 - 0.5 - at, at + side / 2 + 0.5 - length) for at, length in zip(centre, shape, strict=True)
    )
    if beyond > BESIDE:
        where = f"({centre[1] + 1:.1f}, {centre[0] + 1:.1f})"
        raise Unusable(f"the frame about pixel {where} reaches {beyond:.3g} pixels beyond the image of {size} pixels")
    middle = [min(max(at, side / 2 - 0.5), length - side / 2 - 0.5) for at, length in zip(centre, shape, strict=True)]
    if ratio == 1:  # ties as in framing.first_kept
        row, column = (math.ceil(at - (pixels - 1) / 2 - 0.5 - 1e-9) for at in middle)
        return Window(row, column, pixels, (pixels - 1) / 2, (pixels - 1) / 2)
    used = min(*shape, math.ceil(side) + 4)  # with a border, so that the pixels of the edge are whole
    row, column = (
        int(np.clip(round(at - (used - 1) / 2), 0, length - used)) for at, length in zip(middle, shape, strict=True)
    )
    return Window(row, column, used, middle[0] - row, middle[1] - column)


def brightest(image: np.ndarray, pixels: float) -> tuple[float, float]:
    """Row and column of the brightest object near the middle of an image, for a frame of `pixels` of its pixels."""
    known = np.where(np.isfinite(image), image, np.nanmedian(image) if np.isfinite(image).any() else 0)
    smooth = gaussian_filter(median_filter(known.astype(np.float64), 3), SMOOTH)
    middle = [(length - 1) / 2 for length in image.shape]
    far = np.hypot(*(np.ogrid[: image.shape[0], : image.shape[1]][axis] - middle[axis] for axis in (0, 1)))
    smooth[far > max(NEAR * pixels, 2)] = -np.inf
    row, column = np.unravel_index(np.argmax(smooth), image.shape)
    return float(row), float(column)


def bad_pixels(image: BandImage, window: Window, pixels: np.ndarray, plane: int | None) -> dict[str, np.ndarray]:
    """Which pixels of a window are bad, by the kind of it; only kinds that there are.

    Parameters
    ----------
    image : BandImage
        What is known of it.
    pixels : (y, x) array
        Of the window, as they are in the file.
    plane : int or None
        Of the HDU.

    Raises
    ------
    Unusable
        All pixels are the same.
    """
    header, found, finite = image.unit.header, dict[str, np.ndarray](), pixels
    low, high = float(pixels.min()), float(pixels.max())  # NaN if there is one
    if not math.isfinite(high - low):
        found["NaN"] = ~np.isfinite(pixels)
        finite = pixels[~found["NaN"]]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (math.nan, math.nan)
    if low == high:
        raise Unusable(f"all its pixels are {low:g}")
    if isinstance(blank := header.get("BLANK"), int | float) and not {"BSCALE", "BZERO"} & header.keys():
        found["BLANK"] = pixels == blank
    if image.no_data is not None:
        found["no data"] = pixels == image.no_data
    elif pixels.dtype.kind == "f":
        found["no data"] = _without_data(pixels, finite, low, high)
    saturation = header.get("SATURATE")
    if isinstance(saturation, int | float) and saturation > 0 and image.linear is None:
        found["saturated"] = pixels >= saturation
    for kind, unit in image.companions.items():
        if kind == "psf":
            continue
        beside = window.of(unit.read(plane))
        if kind == "mask":
            found["masked"] = (beside if image.mask_bits is None else beside.astype(np.int64) & image.mask_bits) != 0
        elif kind == "rms":
            found["without weight"] = ~((beside > 0) & (beside < NO_WEIGHT))
        elif kind == "variance":
            found["without weight"] = ~((beside >= 0) & (beside < NO_WEIGHT**2))
        else:
            found["without weight"] = ~(beside > 0)
    return {kind: bad for kind, bad in found.items() if bad.any()}


def _without_data(pixels: np.ndarray, finite: np.ndarray, low: float, high: float) -> np.ndarray:
    """Zeros and sentinels among pixels of a noisy sky; the zeros of an image without noise, or of counts, are its sky.

    `finite` are the finite ones of `pixels`, and `low` and `high` the lowest and the highest of them.
    """
    none = zeros = pixels == 0
    if zeros.any():
        rest = finite[finite != 0]
        level = rest.size > finite.size / 2 and np.percentile(rest, 1) > 0.1 * np.median(rest)
        counts = np.unique(rest, return_counts=True)[1]
        if counts[counts > 1].sum() > REPEATED * rest.size:  # zero is one of the steps of the noise, and no data a hole
            zeros = binary_opening(zeros, np.ones((3, 3)))
        none = zeros & bool(level or low < 0)
    if low in SENTINELS or high in SENTINELS or low < -HUGE or high > HUGE:
        none = none | np.isin(pixels, SENTINELS) | (np.abs(pixels) > HUGE)
    return none


def sigma_of(image: BandImage, window: Window, plane: int | None) -> np.ndarray | None:
    """Standard deviation of the pixels of a window in the file's unit, if the file has it; NaN where it has none."""
    for kind, power in (("rms", 1.0), ("variance", 0.5), ("inverse_variance", -0.5)):
        if kind in image.companions:
            values = window.of(image.companions[kind].read(plane)).astype(np.float64)
            with np.errstate(divide="ignore", invalid="ignore"):
                sigma = values**power
            return np.where(np.isfinite(sigma) & (sigma < NO_WEIGHT), sigma, np.nan)
    return None


def fill(pixels: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Pixels (y, x) with the bad ones made up.

    A bad pixel becomes the mean of the good ones about it, weighted by a Gaussian of one pixel
    (:func:`astropy.convolution.interpolate_replace_nans`); where none is near, the median of all good ones.
    """
    values = np.where(bad, np.nan, pixels)
    usual = np.nanmedian(values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that some pixels could not be made up
        values = interpolate_replace_nans(values, Gaussian2DKernel(1.0), boundary="extend")
    return np.where(np.isfinite(values), values, usual)


def resample(pixels: np.ndarray, window: Window, side: int, ratio: float) -> np.ndarray:
    """Flux of a window in the pixels of the frame.

    `reproject_exact` averages over the areas in which pixels overlap; the flux of a pixel is that times the ratio of the
    areas. Its linear interpolation would lose flux.

    Parameters
    ----------
    pixels : (y, x) array
        Flux per pixel; no NaN.
    window : Window
        Where they are, and where in them the middle of the frame is.
    side : int
        Of the frame [pixel].
    ratio : float
        Pixel of the frame in pixels of the image.
    """
    from reproject import reproject_exact  # takes a second, with dask, and few need it

    given = _flat_wcs((window.x, window.y), 1.0)
    wanted = _flat_wcs(((side - 1) / 2, (side - 1) / 2), ratio)
    means, _ = reproject_exact((pixels.astype(np.float64), given), wanted, shape_out=(side, side))
    return means * ratio**2


def _flat_wcs(middle: tuple[float, float], scale: float) -> WCS:
    """Coordinates about `middle` (x, y), with pixels of `scale` tenths of an arcsecond.

    They are small because the sky is flat there, and because larger ones are 2 % off where edges coincide (see
    ``findings/reproject_exact_coinciding_edges.sh``).
    """
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = 0.0, 0.0
    wcs.wcs.cdelt = -scale / 36000, scale / 36000
    wcs.wcs.crpix = middle[0] + 1, middle[1] + 1
    return wcs

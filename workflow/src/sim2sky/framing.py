"""Framing of images, simulated or real: centre them on their light, keep the middle, make pixels larger.

Pure functions on arrays; the simulation and the stage that centres and crops share them, so that both do the same.
"""

from __future__ import annotations

import numpy as np


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
    if mode == "none":
        return np.zeros(2)
    # counts are summed as whole numbers, so that the result does not depend on how much darkness is around them
    kind = np.int64 if np.issubdtype(image.dtype, np.integer) else np.float64
    rows, columns = image.sum(axis=1, dtype=kind), image.sum(axis=0, dtype=kind)
    if not rows.sum() > 0:
        return np.zeros(2)
    centre = np.array([line @ np.arange(len(line), dtype=kind) / line.sum() for line in (rows, columns)])
    offset = first_kept(len(image), pixels) + (pixels - 1) / 2 - centre
    return np.rint(offset) if mode == "pixel" else offset


def move_and_crop(image: np.ndarray, offset: np.ndarray, pixels: int) -> np.ndarray:
    """Move an image and keep its middle; what comes from outside the frame is zero.

    Fractions of a pixel are interpolated linearly. That keeps the light positive (Poisson noise asks for it) and moves
    the centre of light by just the given offset, which splines and Fourier shifts, ringing about the cusp of a galaxy,
    do not; it smooths by less than half a pixel, well below the seeing that comes next.

    Parameters
    ----------
    image : (N, N) array
        What is moved, in any unit.
    offset : (2,) array
        Shift along y and x [pixel].
    pixels : int
        Side of the result.

    Returns
    -------
    (pixels, pixels) array
        Of the type of `image`; whole numbers are rounded.
    """
    whole = np.floor(offset).astype(int)
    y, x = offset - whole
    first = first_kept(len(image), pixels) - whole - 1
    kept = _window(image, first, pixels + 1)
    if not y and not x:
        return kept[1:, 1:]
    kept = kept.astype(np.float64)
    kept = (1 - y) * kept[1:] + y * kept[:-1]
    kept = (1 - x) * kept[:, 1:] + x * kept[:, :-1]
    return as_type(kept, image.dtype)


def first_kept(pixels: int, kept: int) -> int:
    """Index of the first pixel of the middle `kept` of `pixels`."""
    return (pixels - kept) // 2


def _window(image: np.ndarray, first: np.ndarray, pixels: int) -> np.ndarray:
    """A square of an image from pixel `first` on; zero outside."""
    window = np.zeros((pixels, pixels), image.dtype)
    low, high = np.maximum(first, 0), np.minimum(first + pixels, image.shape)
    if (low < high).all():
        inside = tuple(slice(*ends) for ends in zip(low - first, high - first, strict=True))
        window[inside] = image[tuple(slice(*ends) for ends in zip(low, high, strict=True))]
    return window


def downscale(image: np.ndarray, pixels: int) -> np.ndarray:
    """Make an image coarser: each new pixel is the mean over its area, whether or not the sides divide.

    Parameters
    ----------
    image : (N, N) array
        Surface brightness, in any unit.
    pixels : int
        New side, <= N.

    Returns
    -------
    (pixels, pixels) array
        Of the type of `image`; whole numbers are rounded.
    """
    edges = np.arange(pixels + 1) * (len(image) / pixels)
    old = np.arange(len(image))
    overlap = np.minimum(edges[1:, None], old + 1) - np.maximum(edges[:-1, None], old)
    weights = overlap.clip(min=0) * (pixels / len(image))
    return as_type(weights @ image.astype(np.float64) @ weights.T, image.dtype)


def draw_axes(image: np.ndarray) -> None:
    """Draw a cross of reference axes, with 127 counts, into an image, as CosmoSim does."""
    middle = round(len(image) / 2)
    image[middle, :] = image[:, middle] = 127


def as_type(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """`values`, not negative, as `dtype`; rounded if that is a type of whole numbers."""
    return (values + 0.5 if np.issubdtype(dtype, np.integer) else values).astype(dtype)

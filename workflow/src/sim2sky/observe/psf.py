"""Point-spread functions: a Gaussian of its own width for every image, or one of a survey's own, given pixel by pixel."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from astropy.io import fits
from scipy.ndimage import gaussian_filter1d, zoom
from scipy.signal import fftconvolve

SIGMA_PER_FWHM = 1 / (2 * np.sqrt(2 * np.log(2)))
TRUNCATE = 5  # standard deviations, as lenstronomy's GAUSSIAN
CACHE_LINE = 8  # float64 numbers
CHUNK = 32768  # pixels that are blurred at once, few enough to stay in the cache of a core


@lru_cache(maxsize=1024)
def blur_matrix(sigma: float, pixels: int) -> np.ndarray:
    """Matrix that blurs a column of pixels; the edge value goes on outside the frame.

    Parameters
    ----------
    sigma : float
        Standard deviation of the Gaussian [pixel].
    pixels : int
        Length of the column, N.

    Returns
    -------
    (N, N) array
    """
    return gaussian_filter1d(np.eye(pixels), sigma, axis=0, mode="nearest", truncate=TRUNCATE)


def gaussian_blur(images: torch.Tensor, fwhm: np.ndarray, pixel_scale: float) -> torch.Tensor:
    """Convolve each image with a round Gaussian of its own width.

    The same numbers as ``scipy.ndimage.gaussian_filter(truncate=5, mode="nearest")``, with which lenstronomy blurs. As
    the Gaussian is separable, one small matrix per width, applied to rows and columns, blurs a whole batch at once.

    Parameters
    ----------
    images : (lens, ..., N, N) tensor
        Images, in any unit.
    fwhm : (lens,) or (lens, ...) array
        Full width at half maximum [arcsec] of each lens, or of each image.
    pixel_scale : float
        Size of a pixel [arcsec].

    Returns
    -------
    (lens, ..., N, N) tensor
        Of the type of `images`. They are computed in float64 and in matrices of whole cache lines, so that pixels do not
        depend on how many images are blurred together: a matrix product is rounded differently at another alignment.
    """
    pixels = images.shape[-1]
    side = pixels + -pixels % CACHE_LINE
    widths, position = np.unique(np.asarray(fwhm, dtype=float), return_inverse=True)
    kernels = np.zeros((len(widths), side, side))
    kernels[:, :pixels, :pixels] = [blur_matrix(width * SIGMA_PER_FWHM / pixel_scale, pixels) for width in widths]
    matrices = torch.from_numpy(kernels).to(images.device)
    broadcastable = np.shape(fwhm) + (1,) * (images.ndim - 2 - np.ndim(fwhm))
    which = torch.from_numpy(position.reshape(broadcastable)).to(images.device)
    blurred = torch.empty_like(images)
    step = max(1, CHUNK // images[0].numel())
    for part, sharp, width in zip(blurred.split(step), images.split(step), which.split(step), strict=True):
        padded = sharp.new_zeros((*sharp.shape[:-2], side, side), dtype=torch.float64)
        padded[..., :pixels, :pixels] = sharp
        matrix = matrices[width]
        part[:] = (matrix @ padded @ matrix.mT)[..., :pixels, :pixels]
    return blurred


def read_psf(path: str | Path, pixel_scale: float) -> np.ndarray:
    """Point-spread functions of a file, each of which sums to one.

    Parameters
    ----------
    path : path
        FITS file whose first image is a cube (psf, y, x), or one (y, x), with the pixel scale in ``PIXSCALE`` [arcsec].
    pixel_scale : float
        That of the images to blur [arcsec].

    Returns
    -------
    (psf, n, n) array

    Raises
    ------
    ValueError
        Naming the file: it has another pixel scale, or its stamps are no point-spread functions with a middle pixel. An even
        stamp, or one whose peak lies elsewhere, would move all light.
    """
    with fits.open(path) as file:
        found = next((hdu for hdu in file if hdu.data is not None), None)
        if found is None:
            raise ValueError(f"{path}: has no image")
        stamps, scale = found.data.astype(float), found.header.get("PIXSCALE")
    if scale is None or not np.isclose(scale, pixel_scale, rtol=1e-6):
        raise ValueError(f"{path}: PIXSCALE is {scale} arcsec, that of the images {pixel_scale}; they must agree")
    stamps = stamps[None] if stamps.ndim == 2 else stamps
    side = stamps.shape[-1]
    if stamps.ndim != 3 or stamps.shape[1] != side or side % 2 == 0:
        raise ValueError(f"{path}: has shape {stamps.shape}; square stamps with an odd side are needed")
    total = stamps.sum(axis=(1, 2), keepdims=True)
    if not np.isfinite(stamps).all() or not (total > 0).all():
        raise ValueError(f"{path}: has stamps that are not finite, or do not sum to a positive number")
    if (stamps.reshape(len(stamps), -1).argmax(axis=1) != side**2 // 2).any():
        raise ValueError(f"{path}: has a stamp whose peak is not in its middle pixel; cut it about its peak")
    return stamps / total


def full_width(psf: np.ndarray, pixel_scale: float) -> float:
    """Diameter [arcsec] of the circle with the area where a point-spread function (n, n) is above half of its peak."""
    finer = 10
    fine = zoom(psf, finer, order=3, grid_mode=True, mode="grid-constant")
    return float(2 * np.sqrt((fine > fine.max() / 2).sum() / np.pi) * pixel_scale / finer)


def pixel_blur(images: np.ndarray, kernels: np.ndarray) -> np.ndarray:
    """Convolve each image with a point-spread function of its own; the edge value goes on outside the frame.

    The same numbers, to rounding, as ``scipy.ndimage.convolve(mode="nearest")``. Images are taken one by one, so that no
    bit of one depends on the others.

    Parameters
    ----------
    images : (lens, N, N) array
        Images, in any unit.
    kernels : (lens, n, n) array
        Point-spread functions with an odd side, at the pixel scale of the images.

    Returns
    -------
    (lens, N, N) array, float64
    """
    half = kernels.shape[-1] // 2
    padded = np.pad(images.astype(float), ((0, 0), (half, half), (half, half)), mode="edge")
    return np.stack([fftconvolve(*pair, mode="valid") for pair in zip(padded, kernels, strict=True)])

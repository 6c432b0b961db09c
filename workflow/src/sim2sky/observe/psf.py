"""Seeing: a Gaussian point-spread function of its own width for every image."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch.nn import functional

SIGMA_PER_FWHM = 1 / (2 * np.sqrt(2 * np.log(2)))
TRUNCATE = 5  # standard deviations, as lenstronomy's GAUSSIAN
CACHE_LINE = 8  # float64 numbers


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
        Of the type of `images`. Computed in float64, and in matrices of whole cache lines, so that pixels do not depend
        on how many images were blurred together: a matrix product is rounded differently at another alignment.
    """
    pixels = images.shape[-1]
    padding = (0, -pixels % CACHE_LINE)
    widths, which = np.unique(np.asarray(fwhm, dtype=float), return_inverse=True)
    matrices = np.stack([blur_matrix(width * SIGMA_PER_FWHM / pixel_scale, pixels) for width in widths])
    which = which.reshape(np.shape(fwhm) + (1,) * (images.ndim - 2 - np.ndim(fwhm)))
    matrix = torch.from_numpy(matrices).to(images.device)[torch.from_numpy(which).to(images.device)]
    matrix = functional.pad(matrix, padding * 2)
    blurred = matrix @ functional.pad(images.double(), padding * 2) @ matrix.mT
    return blurred[..., :pixels, :pixels].to(images.dtype)

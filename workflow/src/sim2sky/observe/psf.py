"""Seeing: a Gaussian point-spread function of its own width for every image."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

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

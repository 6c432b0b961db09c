"""Surface brightness of light profiles."""

from __future__ import annotations

import math

import torch
from torch import Tensor

# lenstronomy's guards: the radius within which the profile is flat [arcsec], the one beyond which it is dark [half-light radii]
_SMOOTHING = 1e-4
_EDGE = 1000.0


def magnitude_to_flux(magnitude: Tensor, zero_point: float) -> Tensor:
    """Counts per second of a magnitude; `zero_point` is the magnitude of one count per second."""
    return 10 ** (-0.4 * (magnitude - zero_point))


def sersic_brightness(
    x: Tensor,
    y: Tensor,
    flux: Tensor,
    R_sersic: Tensor,
    n_sersic: Tensor,
    e1: Tensor,
    e2: Tensor,
    center_x: Tensor,
    center_y: Tensor,
) -> Tensor:
    """Surface brightness of an elliptical Sersic profile (lenstronomy's ``SERSIC_ELLIPSE``).

    Parameters
    ----------
    x, y : Tensor
        Where, in the plane of the galaxy [arcsec].
    flux : Tensor
        Flux of the profile integrated to infinity [counts/s], > 0.
    R_sersic : Tensor
        Half-light radius, product average of the axes [arcsec].
    n_sersic : Tensor
        Sersic index.
    e1, e2 : Tensor
        Ellipticity (1 - q) / (1 + q) times cosine and sine of twice the position angle; q is the axis ratio.
    center_x, center_y : Tensor
        Centre [arcsec].

    Returns
    -------
    Tensor
        Surface brightness [counts/s/arcsec2], flat within 1e-4 arcsec and zero beyond 1000 half-light radii.

    Notes
    -----
    Sersic 1968; flux from equation 4 of Graham & Driver 2005 (PASA 22, 118) with lenstronomy's b_n = 1.9992 n - 0.3271. With the
    amplitude inside the exponent, I = exp(log I_0 - exp(log b_n + log(R^2 / R_sersic^2) / 2n)), a pixel costs two exponentials and a
    logarithm.
    """
    b_n = (1.9992 * n_sersic - 0.3271).clamp(min=1e-5)
    radius = R_sersic.clamp(min=_SMOOTHING)
    log_centre = (
        torch.log(flux / (2 * math.pi * n_sersic * R_sersic**2)) + 2 * n_sersic * torch.log(b_n) - torch.lgamma(2 * n_sersic)
    )
    # one linear map turns the ellipse into a circle whose radius is in half-light radii
    norm = radius * torch.sqrt((1 - e1**2 - e2**2).abs().clamp(min=1e-6))
    dx, dy = x - center_x, y - center_y
    u = ((1 - e1) / norm) * dx - (e2 / norm) * dy
    v = ((1 + e1) / norm) * dy - (e2 / norm) * dx
    square = u.square_().addcmul_(v, v)
    dark = square > _EDGE**2
    log_square = torch.maximum(square, (_SMOOTHING / radius) ** 2).log_()
    exponent = torch.addcmul(torch.log(b_n), log_square, 0.5 / n_sersic).exp_()
    return (log_centre - exponent).exp_().masked_fill_(dark, 0)

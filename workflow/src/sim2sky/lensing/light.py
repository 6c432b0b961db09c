"""Surface brightness of light profiles."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

# lenstronomy's guards: the radius within which a profile is flat [arcsec], and beyond which it is dark [R_sersic]
_SMOOTHING = 1e-4
_EDGE = 1000.0


def magnitude_to_flux(magnitude: Tensor, zero_point: float) -> Tensor:
    """Counts per second of a magnitude; `zero_point` is the magnitude of one count per second."""
    return 10 ** (-0.4 * (magnitude - zero_point))


class Sersic(NamedTuple):
    """Elliptical Sersic profiles, with what is the same for all pixels of a galaxy computed beforehand."""

    center_x: Tensor
    center_y: Tensor
    xx: Tensor
    yy: Tensor
    xy: Tensor
    floor: Tensor
    power: Tensor
    log_b: Tensor
    log_centre: Tensor

    @classmethod
    def of(
        cls,
        flux: Tensor,
        R_sersic: Tensor,
        n_sersic: Tensor,
        e1: Tensor,
        e2: Tensor,
        center_x: Tensor,
        center_y: Tensor,
    ) -> Sersic:
        """Compute the constants; the parameters are those of :func:`sersic_brightness`."""
        log_b = (1.9992 * n_sersic - 0.3271).clamp(min=1e-5).log()
        log_centre = torch.log(flux / (2 * math.pi * n_sersic * R_sersic**2))
        log_centre = log_centre + 2 * n_sersic * log_b - torch.lgamma(2 * n_sersic)
        radius = R_sersic.clamp(min=_SMOOTHING)
        # the linear map that turns the ellipse into a circle, with radii in R_sersic
        norm = radius * (1 - e1**2 - e2**2).abs().clamp(min=1e-6).sqrt()
        xx, yy, xy = (1 - e1) / norm, (1 + e1) / norm, -e2 / norm
        return cls(center_x, center_y, xx, yy, xy, (_SMOOTHING / radius) ** 2, 0.5 / n_sersic, log_b, log_centre)

    def brightness(self, x: Tensor, y: Tensor) -> Tensor:
        """Surface brightness at `x`, `y` [counts/s/arcsec2].

        With the amplitude in the exponent and the root of the radius in the power,
        I = exp(log I_0 - exp(log b_n + log(R^2 / R_sersic^2) / 2n)), a pixel costs two exponentials and a logarithm.
        """
        square = self.square_radius(x, y)
        lit = torch.le(square, _EDGE**2)
        return self.brightness_at(square).mul_(lit)

    def plane(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Place in the plane where the ellipses are circles about (0, 0) and the half-light radius is 1."""
        dx, dy = x - self.center_x, y - self.center_y
        return self.xx * dx + self.xy * dy, self.yy * dy + self.xy * dx

    def square_radius(self, x: Tensor, y: Tensor) -> Tensor:
        """Square of the elliptical radius at `x`, `y` [R_sersic^2]."""
        u, v = self.plane(x, y)
        return u.square_().addcmul_(v, v)

    def brightness_at(self, square: Tensor) -> Tensor:
        """Surface brightness where the square of the elliptical radius is `square`, with no edge to the profile."""
        log_square = torch.maximum(square, self.floor).log_()
        exponent = (self.power * log_square).add_(self.log_b).exp_()
        return (self.log_centre - exponent).exp_()


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
    Sersic 1968; its flux is equation 4 of Graham & Driver 2005 (PASA 22, 118), with lenstronomy's approximation
    b_n = 1.9992 n - 0.3271.
    """
    return Sersic.of(flux, R_sersic, n_sersic, e1, e2, center_x, center_y).brightness(x, y)

"""Deflection angles of mass models."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

# lenstronomy's guards: the core that keeps the centre finite [arcsec], the flattest ellipse, the roundest one
_CORE = 1e-10
_FLATTEST = 0.9999
_ROUNDEST = 5e-9


class SIE(NamedTuple):
    """Singular isothermal ellipsoids, with what is the same for all pixels of a lens computed beforehand."""

    center_x: Tensor
    center_y: Tensor
    cos: Tensor
    sin: Tensor
    q: Tensor
    eccentricity: Tensor
    core: Tensor
    core_psi: Tensor
    core_across: Tensor
    strength_cos: Tensor
    strength_sin: Tensor

    @classmethod
    def of(cls, theta_E: Tensor, e1: Tensor, e2: Tensor, center_x: Tensor, center_y: Tensor) -> SIE:
        """Compute the constants; the parameters are those of :func:`sie_deflection`."""
        e = torch.hypot(e1, e2).clamp(max=_FLATTEST)
        b = theta_E * torch.sqrt((1 - e) / (1 + e))
        # q -> 1 is 0/0, so a round lens is taken as an ellipse that cannot be told from it. sqrt(1 - q^2) is written in
        # the ellipticity, which single precision does not round away, and kept below 1, where atanh is infinite.
        e = torch.where(e > 0, e, _ROUNDEST)
        q = (1 - e) / (1 + e)
        eccentricity = (2 * torch.sqrt(e) / (1 + e)).clamp(max=1 - 4 * torch.finfo(e.dtype).eps)
        angle = torch.atan2(e2, e1) / 2
        cos, sin = torch.cos(angle), torch.sin(angle)
        core, strength = _CORE / torch.sqrt(q), b / eccentricity
        cores = (core, (q * core) ** 2, q**2 * core)
        return cls(center_x, center_y, cos, sin, q, eccentricity, *cores, strength * cos, strength * sin)

    def deflection(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Reduced deflection at `x`, `y` [arcsec]."""
        dx, dy = x - self.center_x, y - self.center_y
        major = self.cos * dx + self.sin * dy  # along the axes of the ellipse
        minor = self.cos * dy - self.sin * dx
        psi = (self.q * major).square_().addcmul_(minor, minor).add_(self.core_psi).sqrt_()
        along = major.mul_(self.eccentricity).div_(psi + self.core).atan_()
        across = minor.mul_(self.eccentricity).div_(psi.add_(self.core_across)).atanh_()
        alpha_x = self.strength_cos * along - self.strength_sin * across
        return alpha_x, self.strength_sin * along + self.strength_cos * across


def sie_deflection(
    x: Tensor, y: Tensor, theta_E: Tensor, e1: Tensor, e2: Tensor, center_x: Tensor, center_y: Tensor
) -> tuple[Tensor, Tensor]:
    """Deflection by a singular isothermal ellipsoid (lenstronomy's ``SIE``).

    Parameters
    ----------
    x, y : Tensor
        Where, in the image plane [arcsec].
    theta_E : Tensor
        Einstein radius, product average of the axes [arcsec].
    e1, e2 : Tensor
        Ellipticity (1 - q) / (1 + q) times cosine and sine of twice the position angle; q is the axis ratio.
    center_x, center_y : Tensor
        Centre of the mass [arcsec].

    Returns
    -------
    alpha_x, alpha_y : Tensor
        Reduced deflection [arcsec]; zero at the very centre.

    Notes
    -----
    Kormann, Schneider & Bartelmann 1994 (A&A 284, 285), in the form of Keeton & Kochanek 1998 (ApJ 495, 157) after
    their equation 8, with a core of 1e-10 arcsec.
    """
    return SIE.of(theta_E, e1, e2, center_x, center_y).deflection(x, y)


def shear_deflection(x: Tensor, y: Tensor, gamma1: Tensor, gamma2: Tensor) -> tuple[Tensor, Tensor]:
    """Deflection by an external shear about (0, 0) (lenstronomy's ``SHEAR``).

    Parameters
    ----------
    x, y : Tensor
        Where, in the image plane [arcsec].
    gamma1, gamma2 : Tensor
        Components of the shear.

    Returns
    -------
    alpha_x, alpha_y : Tensor
        Reduced deflection [arcsec].
    """
    return gamma1 * x + gamma2 * y, gamma2 * x - gamma1 * y


def point_mass_deflection(x: Tensor, y: Tensor, R: Tensor) -> tuple[Tensor, Tensor]:
    """Deflection by a point mass at (0, 0), ``R^2 / conj(z)``.

    Parameters
    ----------
    x, y : Tensor
        Where, in the image plane, in any unit of length.
    R : Tensor
        Einstein radius in that unit.

    Returns
    -------
    alpha_x, alpha_y : Tensor
        Reduced deflection; not finite at the very centre.
    """
    scale = R * R / (x * x + y * y)
    return scale * x, scale * y


def sis_deflection(x: Tensor, y: Tensor, R: Tensor) -> tuple[Tensor, Tensor]:
    """Deflection by a singular isothermal sphere at (0, 0), ``R z / |z|``; otherwise as `point_mass_deflection`."""
    radius = torch.sqrt(x * x + y * y)
    return R * x / radius, R * y / radius


def kormann_deflection(x: Tensor, y: Tensor, R: Tensor, ratio: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Deflection by a singular isothermal ellipsoid at (0, 0), in the parameters of its authors.

    Parameters
    ----------
    x, y : Tensor
        Where, in the image plane, in any unit of length.
    R : Tensor
        Einstein radius in that unit; the product average of the axes.
    ratio : Tensor
        Axis ratio f, in (0, 1].
    angle : Tensor
        Orientation [rad]: along it lies the *minor* axis of the mass, a quarter turn from :func:`sie_deflection`'s.

    Returns
    -------
    alpha_x, alpha_y : Tensor
        Reduced deflection; not finite at the very centre.

    Notes
    -----
    Kormann, Schneider & Bartelmann 1994 (A&A 284, 285), equation 27a.
    """
    squash = torch.sqrt((1 - ratio) * (1 + ratio)).clamp(min=1e-6)  # f -> 1 is 0/0
    cos, sin = torch.cos(angle), torch.sin(angle)
    radius = torch.sqrt(x * x + y * y)
    along = torch.asinh((cos * x + sin * y) / radius * (squash / ratio))
    across = torch.asin(((cos * y - sin * x) / radius * squash).clamp(-1, 1))
    strength = R * torch.sqrt(ratio) / squash
    return strength * (cos * along - sin * across), strength * (sin * along + cos * across)

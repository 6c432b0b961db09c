"""Deflection angles of mass models."""

from __future__ import annotations

import torch
from torch import Tensor

# lenstronomy's guards: the core that keeps the centre finite [arcsec], the flattest ellipse, the roundest
_CORE = 1e-10
_MAX_ELLIPTICITY = 0.9999
_ROUND = 5e-9


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
    Kormann, Schneider & Bartelmann 1994 (A&A 284, 285) in the form of Keeton & Kochanek 1998 (ApJ 495, 157), after their equation 8,
    with a core of 1e-10 arcsec.
    """
    ellipticity = torch.hypot(e1, e2).clamp(max=_MAX_ELLIPTICITY)
    b = theta_E * torch.sqrt((1 - ellipticity) / (1 + ellipticity))
    # q -> 1 is 0/0: the round lens is taken as an ellipse that cannot be told from it. sqrt(1 - q^2) is written in the ellipticity, where
    # single precision does not lose it; below one, because atanh(1) is infinite.
    ellipticity = torch.where(ellipticity > 0, ellipticity, _ROUND)
    q = (1 - ellipticity) / (1 + ellipticity)
    eccentricity = (2 * torch.sqrt(ellipticity) / (1 + ellipticity)).clamp(max=1 - 4 * torch.finfo(x.dtype).eps)
    core = _CORE / torch.sqrt(q)

    angle = torch.atan2(e2, e1) / 2
    cos, sin = torch.cos(angle), torch.sin(angle)
    dx, dy = x - center_x, y - center_y
    major = cos * dx + sin * dy  # along the axes of the ellipse
    minor = cos * dy - sin * dx
    psi = (q * major).square_().addcmul_(minor, minor).add_((q * core).square()).sqrt_()
    along = major.mul_(eccentricity).div_(psi + core).atan_()
    across = minor.mul_(eccentricity).div_(psi.add_(q**2 * core)).atanh_()

    scale = b / eccentricity
    cos, sin = scale * cos, scale * sin
    return cos * along - sin * across, sin * along + cos * across


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

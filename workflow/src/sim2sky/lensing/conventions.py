"""Between the parameters of this library and those of other lensing packages.

Ours are lenstronomy's (Birrer & Amara 2018): lengths are product averages of an ellipse's semi-axes, angles are counterclockwise from
+x. The page ``docs/conventions.md`` says which function leads to which package. All functions take numbers or arrays of numpy that
broadcast, and act on each element.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincinv

SERSIC_B = ("linear", "series", "exact")


def ellipticity(q: ArrayLike, phi: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Ellipticity (1 - q) / (1 + q) times cosine and sine of twice the position angle.

    Parameters
    ----------
    q : array
        Axis ratio, minor over major, in (0, 1].
    phi : array
        Angle of the major axis, counterclockwise from +x [rad].

    Returns
    -------
    e1, e2 : array
        This modulus is also the reduced shear that makes the ellipse of a circle (Bartelmann & Schneider 2001, Phys. Rep. 340, 291,
        their epsilon); see :func:`distortion` for the other one in use.
    """
    q = np.asarray(q)
    return components((1 - q) / (1 + q), phi)


def axis_ratio(e1: ArrayLike, e2: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Inverse of :func:`ellipticity`: axis ratio q, and angle phi in (-pi/2, pi/2] [rad]."""
    modulus, phi = polar(e1, e2)
    return (1 - modulus) / (1 + modulus), phi


def components(modulus: ArrayLike, phi: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Components of a shear or of an ellipticity from its modulus and its direction.

    Parameters
    ----------
    modulus : array
        >= 0.
    phi : array
        Direction along which images are stretched, counterclockwise from +x [rad].

    Returns
    -------
    first, second : array
        ``modulus cos 2 phi`` and ``modulus sin 2 phi``, such as gamma1 and gamma2.
    """
    twice = 2 * np.asarray(phi)
    return np.multiply(modulus, np.cos(twice)), np.multiply(modulus, np.sin(twice))


def polar(first: ArrayLike, second: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Inverse of :func:`components`: modulus, and direction in (-pi/2, pi/2] [rad]."""
    return np.hypot(first, second), np.arctan2(second, first) / 2


def position_angle(phi: ArrayLike) -> np.ndarray:
    """Angle counted from +y towards -x, as COOLEST does, or of the minor axis from +x, as CosmoSim does.

    Parameters
    ----------
    phi : array
        Angle of the major axis, or of a shear, counterclockwise from +x [rad].

    Returns
    -------
    array
        In (-90, 90] [deg]. It is east of north if +x points west.
    """
    return 90 - np.mod(180 - np.rad2deg(phi), 180)


def orientation(position_angle: ArrayLike) -> np.ndarray:
    """Inverse of :func:`position_angle`: from degrees to an angle in (-pi/2, pi/2] [rad]."""
    return np.deg2rad(90 - np.mod(-np.asarray(position_angle), 180))


def distortion(e1: ArrayLike, e2: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """From our ellipticity to the one of modulus (1 - q^2) / (1 + q^2), as in GalSim's ``Shear(e1=, e2=)``.

    Parameters
    ----------
    e1, e2 : array
        Ellipticity of modulus (1 - q) / (1 + q).

    Returns
    -------
    chi1, chi2 : array
        Nearly twice as large for round objects (Bartelmann & Schneider 2001, Phys. Rep. 340, 291, their chi).
    """
    e1, e2 = np.asarray(e1), np.asarray(e2)
    factor = 2 / (1 + e1**2 + e2**2)
    return factor * e1, factor * e2


def undistorted(chi1: ArrayLike, chi2: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Inverse of :func:`distortion`: our e1, e2."""
    chi1, chi2 = np.asarray(chi1), np.asarray(chi2)
    factor = 1 / (1 + np.sqrt(1 - chi1**2 - chi2**2))
    return factor * chi1, factor * chi2


def major_axis(radius: ArrayLike, q: ArrayLike) -> np.ndarray:
    """Semi-major axis of an ellipse: of the critical curve of an SIE, or of the isophote of a galaxy.

    Parameters
    ----------
    radius : array
        Product average of the semi-axes, also called circularised radius, such as theta_E or R_sersic [arcsec].
    q : array
        Axis ratio.

    Returns
    -------
    array
        ``radius / sqrt(q)`` [arcsec].
    """
    return np.divide(radius, np.sqrt(q))


def product_average(major: ArrayLike, q: ArrayLike) -> np.ndarray:
    """Inverse of :func:`major_axis`: radius of the circle with the area of the ellipse [arcsec]."""
    return np.multiply(major, np.sqrt(q))


def autolens_einstein_radius(theta_E: ArrayLike, q: ArrayLike, slope: ArrayLike = 2.0) -> np.ndarray:
    """The parameter ``einstein_radius`` of PyAutoLens' ``Isothermal`` and ``PowerLaw``.

    Parameters
    ----------
    theta_E : array
        Einstein radius, product average of the axes [arcsec].
    q : array
        Axis ratio.
    slope : array
        Of the three-dimensional density, lenstronomy's ``gamma``; 2 is isothermal.

    Returns
    -------
    array
        ``theta_E / sqrt(q) ((1 + q) / 2)^(1 / (slope - 1))`` [arcsec]: for an isothermal lens the mean of the semi-axes.
    """
    return np.multiply(theta_E, _autolens_factor(q, slope))


def theta_E_of_autolens(einstein_radius: ArrayLike, q: ArrayLike, slope: ArrayLike = 2.0) -> np.ndarray:
    """Inverse of :func:`autolens_einstein_radius`: our theta_E [arcsec]."""
    return np.divide(einstein_radius, _autolens_factor(q, slope))


def _autolens_factor(q: ArrayLike, slope: ArrayLike) -> np.ndarray:
    q = np.asarray(q)
    return ((1 + q) / 2) ** (1 / (np.asarray(slope) - 1)) / np.sqrt(q)


def sersic_b(n_sersic: ArrayLike, formula: str = "linear") -> np.ndarray:
    """The constant b_n of ``I(R) = I_e exp(-b_n ((R / R_e)^(1/n) - 1))``.

    Parameters
    ----------
    n_sersic : array
        Sersic index.
    formula : {"linear", "series", "exact"}
        ``1.9992 n - 0.3271`` (Graham & Driver 2005, PASA 22, 118), ours and that of lenstronomy and COOLEST; the expansion of Ciotti & Bertin 1999
        (A&A 352, 447), that of PyAutoLens and caustics; or the number for which R_e encloses half of the light, as in GalSim.

    Returns
    -------
    array

    Raises
    ------
    ValueError
        If there is no such formula.
    """
    n = np.asarray(n_sersic, dtype=float)
    if formula == "linear":
        return 1.9992 * n - 0.3271
    if formula == "series":
        return (
            2 * n
            - 1 / 3
            + 4 / (405 * n)
            + 46 / (25515 * n**2)
            + 131 / (1148175 * n**3)
            - 2194697 / (30690717750 * n**4)
        )
    if formula == "exact":
        return gammaincinv(2 * n, 0.5)
    raise ValueError(f"unknown formula of b_n {formula!r}; there are {', '.join(SERSIC_B)}")


def sersic_radius(radius: ArrayLike, n_sersic: ArrayLike, to: str = "exact", of: str = "linear") -> np.ndarray:
    """Radius of the same Sersic profile where b_n comes from another formula.

    Parameters
    ----------
    radius : array
        Radius of the profile with b_n by `of`, such as our R_sersic [arcsec].
    n_sersic : array
        Sersic index.
    to, of : {"linear", "series", "exact"}
        Formulas of :func:`sersic_b`.

    Returns
    -------
    array
        ``radius (b_to / b_of)^n`` [arcsec]: with "exact", the radius that encloses half of the light.
    """
    return np.multiply(radius, (sersic_b(n_sersic, to) / sersic_b(n_sersic, of)) ** np.asarray(n_sersic))


def seeing_with_pixel(seeing: ArrayLike, pixel_scale: ArrayLike) -> np.ndarray:
    """Width of the Gaussian that does for the seeing and a pixel together.

    Images with one sample per pixel are blurred by the seeing alone. With this width in its place their pixels hold, nearly, the light
    of their area.

    Parameters
    ----------
    seeing : array
        Full width at half maximum before the light falls on pixels [arcsec].
    pixel_scale : array
        Size of a pixel [arcsec].

    Returns
    -------
    array
        ``sqrt(seeing^2 + 8 ln 2 pixel_scale^2 / 12)`` [arcsec]: the variance of a square pixel along an axis is 1/12.
    """
    return np.sqrt(np.square(seeing) + 8 * np.log(2) / 12 * np.square(pixel_scale))

"""The roulette formalism: deflections and amplitudes as Taylor series about one image of the source's centre.

Clarkson 2016 (Class. Quantum Grav. 33, 245003) writes the lens map about a point nu as a sum over m of amplitudes
alpha_s^m, beta_s^m, the derivatives of the lensing potential there. Cut off after m = n, it is the Taylor polynomial of
degree n of the deflection. For the three lenses here that polynomial obeys recurrences of three terms, which cost a
few operations per term and pixel where the sum over amplitudes costs as many as there are amplitudes.

Lengths are in pixels. `a` is the complex displacement (z - nu) / nu, in which the series of a point mass and of an SIS
converge within ``|a| < 1``.
"""

from __future__ import annotations

from math import comb, factorial

import numpy as np
import torch
from torch import Tensor

Pair = tuple[Tensor, Tensor]


def point_mass_series(a: Pair, nu: Pair, R: Tensor, terms: int) -> Pair:
    """Deflection by a point mass minus that at `nu`, to degree `terms`: ``R^2/conj(nu) sum (-conj a)^k``.

    Parameters
    ----------
    a, nu : pair of Tensor
        Real and imaginary part of the displacement (z - nu) / nu and of nu [pixel].
    R : Tensor
        Einstein radius [pixel].
    terms : int
        Degree n, >= 1.

    Returns
    -------
    pair of Tensor
        Components along x and y [pixel].
    """
    # The polynomial 1 + q + .. + q^(n-1) at q = -conj(a), by Clenshaw's recurrence, which stays real.
    twice, minus_square = -2 * a[0], -(a[0] * a[0] + a[1] * a[1])
    older, newer = torch.zeros_like(twice), torch.zeros_like(twice)
    for _ in range(terms - 1):
        older.mul_(minus_square).addcmul_(twice, newer).add_(1)
        older, newer = newer, older
    q = (-a[0], a[1])
    total = (1 + q[0] * newer + minus_square * older, q[1] * newer)
    scale = R * R / (nu[0] * nu[0] + nu[1] * nu[1])
    return _times(_times(total, q), (scale * nu[0], scale * nu[1]))


def sis_series(a: Pair, nu: Pair, R: Tensor, terms: int) -> Pair:
    """Deflection by a singular isothermal sphere minus that at `nu`, to degree `terms`.

    ``R nu/|nu| (1 + a)^(1/2) (1 + conj a)^(-1/2)`` is ``R nu/|nu| (1 + a)`` times the generating function of the
    Legendre polynomials, so that its terms are ``l_d + a l_(d-1)``, with the real ``l_d = |a|^d P_d(-Re a / |a|)``.

    Parameters and returned value are those of :func:`point_mass_series`.
    """
    total, last = _legendre(a[0], a[0] * a[0] + a[1] * a[1], terms)
    before = total - last + 1
    unit = torch.rsqrt(nu[0] * nu[0] + nu[1] * nu[1]) * R
    return _times((total + a[0] * before, a[1] * before), (unit * nu[0], unit * nu[1]))


def _legendre(b: Tensor, c: Tensor, terms: int) -> Pair:
    """Sum of the terms 1 to n of ``(1 + 2 b t + c t^2)^(-1/2)`` at t = 1, and its n-th term."""
    # (d+1) l' = -(2d+1) b l - d c l'', with each l measured in units that leave c alone as the factor of l''.
    older, newer = torch.ones_like(b), -b
    unit_older, unit_newer = 1.0, 1.0
    total = newer.clone()
    for d in range(1, terms):
        unit = -d / (d + 1) * unit_older
        older.mul_(c).addcmul_(b, newer, value=-(2 * d + 1) / (d + 1) * unit_newer / unit)
        total.add_(older, alpha=unit)
        older, newer = newer, older
        unit_older, unit_newer = unit_newer, unit
    return total, newer * unit_newer


def sie_series(a: Pair, nu: Pair, R: Tensor, ratio: Tensor, angle: Tensor, terms: int) -> Pair:
    """Deflection by a singular isothermal ellipsoid minus that at `nu`, to degree `terms`, which may be any.

    On the line nu + t h the deflection has the derivative ``i R sqrt(f) w / (Q conj(z))``, with w = Im(conj(nu) h) the
    same everywhere, z = nu + t h, and Q^2 = x^2 + f^2 y^2 a polynomial of degree 2 in t: a Legendre series divided by a
    linear one.

    Parameters
    ----------
    a, nu, R, terms
        As of :func:`point_mass_series`.
    ratio, angle : Tensor
        Axis ratio f, in (0, 1], and orientation [rad] of :func:`sim2sky.lensing.mass.kormann_deflection`.

    Returns
    -------
    pair of Tensor
        Components along x and y [pixel].
    """
    turn = (torch.cos(angle), -torch.sin(angle))
    X, Y = _times(nu, turn)
    hx, hy = _times(a, (X, Y))
    q0 = X * X + (ratio * Y) ** 2
    b, c = (X * hx + ratio**2 * Y * hy) / q0, (hx * hx + (ratio * hy) ** 2) / q0
    k_older, k = torch.ones_like(b), -b
    m = (torch.ones_like(b), torch.zeros_like(b))
    total = (m[0].clone(), m[1].clone())
    for d in range(1, terms):
        m = (k - a[0] * m[0] - a[1] * m[1], a[1] * m[0] - a[0] * m[1])
        total[0].add_(m[0], alpha=1 / (d + 1))
        total[1].add_(m[1], alpha=1 / (d + 1))
        k_older.mul_(c).mul_(-d / (d + 1)).addcmul_(b, k, value=-(2 * d + 1) / (d + 1))
        k_older, k = k, k_older
    w = R * torch.sqrt(ratio / q0) * (X * hy - Y * hx) / (X * X + Y * Y)
    return _times(_times(total, (-w * Y, w * X)), (turn[0], -turn[1]))  # i w / conj(nu) is i w nu / |nu|^2


def _times(a: Pair, b: Pair) -> Pair:
    """Product of complex numbers given by their parts."""
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def amplitudes(
    lens: str,
    order: int,
    nu: np.ndarray,
    R: np.ndarray,
    ratio: np.ndarray | float = 1.0,
    angle: np.ndarray | float = 0.0,
) -> dict[tuple[int, int], np.ndarray]:
    """Roulette amplitudes of a lens at a point.

    ``alpha_s^m + i beta_s^m = -(2 - [s = 0]) C(m+1, j) d^j/dz^j d^k/dconj(z)^k psi`` with j = (m + 1 - s)/2 and
    k = (m + 1 + s)/2, which follows from the recursion of Clarkson 2016 (Class. Quantum Grav. 33, 245003).

    Parameters
    ----------
    lens : {"point_mass", "sis", "sie"}
        The closed forms of the first two are exact; those of an SIE come from an exact recursion to the same order.
    order : int
        Largest m.
    nu : (lens,) complex array
        Where [pixel].
    R : (lens,) array
        Einstein radius [pixel].
    ratio, angle : (lens,) array
        Axis ratio, in (0, 1], and orientation [rad] of an SIE.

    Returns
    -------
    dict of (m, s) to (lens,) complex array
        alpha + i beta [pixel^(1 - m)].
    """
    nu, R = np.asarray(nu, complex), np.asarray(R, float)
    if lens == "sie":
        derivative = _sie_derivatives(order + 1, nu * np.exp(-1j * np.asarray(angle)), R, np.asarray(ratio, float))
    found = {}
    for m, s in ((d, n) for d in range(1, order + 1) for n in range((d + 1) % 2, d + 2, 2)):
        j, k = (m + 1 - s) // 2, (m + 1 + s) // 2
        if lens == "point_mass":
            value = R**2 / 2 * _falling(-1.0, k - 1) * nu.conj() ** -k if j == 0 else np.zeros_like(nu)
        elif lens == "sis":
            value = R * abs(nu) * _falling(0.5, j) * _falling(0.5, k) * nu**-j * nu.conj() ** -k
        else:
            value = derivative[j, k] * np.exp(1j * s * np.asarray(angle))
        found[m, s] = -(1 if s == 0 else 2) * comb(m + 1, j) * value
    return found


def _falling(x: float, n: int) -> float:
    """Falling factorial x (x - 1) .. (x - n + 1)."""
    return float(np.prod(x - np.arange(n)))


def _sie_derivatives(order: int, z: np.ndarray, R: np.ndarray, f: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """Derivatives d^j/dz^j d^k/dconj(z)^k of the potential of an SIE along its axes, 2 <= j + k <= `order`, k > 0."""
    # d/dz d/dconj(z) psi is kappa / 2 = R sqrt(f) / (4 Q); as psi is of degree 1 in z, the others follow from Euler's
    # theorem.
    c = _inverse_root(order - 2, z, f)
    psi = {(j + 1, k + 1): R * np.sqrt(f) / 4 * factorial(j) * factorial(k) * value for (j, k), value in c.items()}
    psi[0, 1] = np.zeros_like(z)  # never used: its factor is zero
    for k in range(1, order):
        psi[0, k + 1] = ((1 - k) * psi[0, k] - z * psi[1, k]) / z.conj()
    return psi


def _inverse_root(order: int, z: np.ndarray, f: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """Taylor coefficients about z, in z and conj(z) apart, of 1/Q = (x^2 + f^2 y^2)^(-1/2)."""
    # Those of Q^2, p, are few, and Q^2 d(1/Q) = -1/2 d(Q^2) (1/Q).
    conj, zero = z.conj(), np.zeros_like(z)
    p20, p11 = (1 - f**2) / 4, (1 + f**2) / 2
    p10, p01 = 2 * p20 * z + p11 * conj, 2 * p20 * conj + p11 * z
    p00 = (p20 * (z**2 + conj**2) + p11 * z * conj).real
    c = {(0, 0): p00**-0.5 + zero}
    for k in range(order + 1):
        for j in range(order - k):
            value = (j + 0.5) * (p10 * c[j, k] + p11 * c.get((j, k - 1), zero)) + j * p20 * c.get((j - 1, k), zero)
            value = value / (j + 1) + p01 * c.get((j + 1, k - 1), zero) + p20 * c.get((j + 1, k - 2), zero)
            c[j + 1, k] = -value / p00
        if k < order:
            c[0, k + 1] = c[k + 1, 0].conj()
    return c

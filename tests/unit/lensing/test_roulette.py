"""Roulettes: series and amplitudes are the same thing, and both that of the deflection."""

from math import factorial

import numpy as np
import pytest
import sympy
import torch

from sim2sky.lensing.mass import kormann_deflection, point_mass_deflection, sie_deflection, sis_deflection
from sim2sky.lensing.roulette import amplitudes, point_mass_series, sie_series, sis_series

R, RATIO, ANGLE = np.array([40.0, 30.0]), np.array([0.6, 0.85]), np.array([0.3, -1.1])
NU = np.array([60 + 40j, -50 + 33j])
LENSES = ("point_mass", "sis", "sie")


def pair(z):
    return torch.from_numpy(np.real(z).copy()), torch.from_numpy(np.imag(z).copy())


def with_shape(lens):
    return (*map(torch.from_numpy, (R, RATIO, ANGLE)),) if lens == "sie" else (torch.from_numpy(R),)


def deflection(lens, z):
    function = {"point_mass": point_mass_deflection, "sis": sis_deflection, "sie": kormann_deflection}[lens]
    x, y = function(*pair(z), *with_shape(lens))
    return (x + 1j * y).numpy()


def series(lens, z, terms):
    function = {"point_mass": point_mass_series, "sis": sis_series, "sie": sie_series}[lens]
    x, y = function(pair((z - NU) / NU), pair(NU), *with_shape(lens), terms)
    return (x + 1j * y).numpy()


def clarkson(lens, z, terms):
    """Position relative to the centre of the source, as the sum over amplitudes of Clarkson 2016."""
    r, t, total = abs(z - NU), np.angle(z - NU), z - NU
    for (m, s), a in amplitudes(lens, terms, NU, R, RATIO, ANGLE).items():
        plus, minus = (1 + s / (m + 1)) * a, (1 - s / (m + 1)) * a.conj()
        total = total + r**m / factorial(m) * (plus * np.exp(-1j * (s - 1) * t) + minus * np.exp(1j * (s + 1) * t)) / 2
    return total


@pytest.mark.parametrize("terms", [1, 2, 3, 7, 20, 50])
@pytest.mark.parametrize("lens", LENSES)
def test_series_is_the_sum_over_amplitudes(lens, terms):
    for angle in (0.1, 2, 4):
        z = NU * (1 + 0.5 * np.exp(1j * angle))
        np.testing.assert_allclose(z - NU - series(lens, z, terms), clarkson(lens, z, terms), rtol=0, atol=1e-10)


@pytest.mark.parametrize("lens", LENSES)
def test_series_converges_to_the_deflection(lens):
    z = NU * (1 + 0.4 * np.exp(0.7j))
    exact = deflection(lens, z) - deflection(lens, NU)
    error = [abs(series(lens, z, terms) - exact).max() for terms in (1, 5, 10, 50)]
    assert error[0] > error[1] > error[2] > 1e-5 and error[3] < 1e-12


def test_exact_amplitudes():
    """Closed forms against derivatives in exact arithmetic, up to the highest order in use."""
    half, nu = sympy.Rational(1, 2), 30 + 40 * sympy.I  # |nu| is 50
    conj = sympy.conjugate(nu)
    for lens in ("point_mass", "sis"):
        found = amplitudes(lens, 50, np.array([30 + 40j]), np.array([20.0]))
        for m, s in ((1, 0), (1, 2), (2, 1), (10, 5), (33, 20), (50, 1), (50, 51)):
            j, k = (m + 1 - s) // 2, (m + 1 + s) // 2
            if lens == "sis":
                value = 20 * 50 * sympy.ff(half, j) * sympy.ff(half, k) * nu**-j * conj**-k
            else:
                value = 200 * sympy.ff(-1, k - 1) * conj**-k if j == 0 else 0
            exact = complex(sympy.N(-(1 if s == 0 else 2) * sympy.binomial(m + 1, j) * value, 30))
            assert abs(found[m, s][0] - exact) <= 1e-13 * abs(exact), (lens, m, s)


def test_a_round_ellipsoid_is_a_sphere():
    almost = amplitudes("sie", 12, NU, R, np.array([1 - 1e-12, 1.0]), ANGLE)
    for order, value in amplitudes("sis", 12, NU, R).items():
        np.testing.assert_allclose(almost[order], value, rtol=1e-9, atol=1e-12 * abs(value).max())
    z = NU * 1.3
    x, y = kormann_deflection(*pair(z), torch.from_numpy(R), torch.ones(2, dtype=torch.float64), *pair(ANGLE)[:1])
    np.testing.assert_allclose((x + 1j * y).numpy(), deflection("sis", z), rtol=1e-9)


def test_ellipsoid_is_lenstronomys_a_quarter_turn_away():
    e = (1 - RATIO) / (1 + RATIO) * np.exp(2j * (ANGLE + np.pi / 2))
    zero = torch.zeros(2, dtype=torch.float64)
    x, y = sie_deflection(*pair(NU), torch.from_numpy(R), *pair(e), zero, zero)
    np.testing.assert_allclose((x + 1j * y).numpy(), deflection("sie", NU), rtol=1e-8)

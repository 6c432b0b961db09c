"""Converters: each way and back, element by element, in the stated ranges. The packages themselves: tests/peers."""

import numpy as np
import pandas as pd
import pytest
import torch

from sim2sky.lensing import conventions
from sim2sky.lensing.conventions import SERSIC_B, sersic_b, sersic_radius
from sim2sky.lensing.mass import kormann_deflection, sie_deflection

DRAW = np.random.default_rng(1)
Q, PHI, SIZE = DRAW.uniform(0.2, 1, (3, 4)), DRAW.uniform(-np.pi / 2, np.pi / 2, (3, 4)), DRAW.uniform(0.5, 3, 4)

PAIRS = {
    ("ellipticity", "axis_ratio"): (Q, PHI),
    ("components", "polar"): (1 - Q, PHI),
    ("position_angle", "orientation"): (PHI,),
    ("distortion", "undistorted"): conventions.ellipticity(Q, PHI),
    ("major_axis", "product_average"): (SIZE, Q),
    ("autolens_einstein_radius", "theta_E_of_autolens"): (SIZE, Q),
}


@pytest.mark.parametrize(("there", "back"), PAIRS)
def test_there_and_back(there, back):
    start = PAIRS[there, back]
    there, back = getattr(conventions, there), getattr(conventions, back)
    over = there(*start)
    result = back(*over) if isinstance(over, tuple) else back(over, *start[1:])
    for found, expected in zip(result if isinstance(result, tuple) else (result,), start, strict=False):
        np.testing.assert_allclose(found, np.broadcast_to(expected, Q.shape), rtol=1e-12)


@pytest.mark.parametrize("slope", [1.6, 2.0, 2.4])
def test_einstein_radius_of_any_slope_and_back(slope):
    there = conventions.autolens_einstein_radius(SIZE, Q, slope)
    np.testing.assert_allclose(conventions.theta_E_of_autolens(there, Q, slope), np.broadcast_to(SIZE, Q.shape))


def test_isothermal_einstein_radius_of_autolens_is_the_mean_of_the_semi_axes():
    mean = (SIZE / np.sqrt(Q) + SIZE * np.sqrt(Q)) / 2
    np.testing.assert_allclose(conventions.autolens_einstein_radius(SIZE, Q), mean)


@pytest.mark.parametrize("name", [name for pair in PAIRS for name in pair])
def test_numbers_lists_and_columns_give_what_arrays_do(name):
    convert = getattr(conventions, name)
    arguments = [np.array([0.3, 0.7])] * (1 if name in ("position_angle", "orientation") else 2)
    expected = np.array(convert(*arguments))
    np.testing.assert_array_equal(convert(*(list(value) for value in arguments)), expected)
    np.testing.assert_array_equal(convert(*(pd.Series(value) for value in arguments)), expected)
    np.testing.assert_allclose(convert(*(float(value[1]) for value in arguments)), expected[..., 1], rtol=1e-14)


@pytest.mark.parametrize(
    ("phi", "angle"), [(90, 0), (0, 90), (180, 90), (-90, 0), (45, -45), (135, 45), (-45, 45), (30, -60), (390, -60)]
)
def test_position_angle_is_counted_from_y_towards_minus_x(phi, angle):
    assert conventions.position_angle(np.deg2rad(phi)) == pytest.approx(angle)
    back = np.rad2deg(conventions.orientation(angle))
    assert -90 < back <= 90
    assert np.sin(np.deg2rad(back - phi)) == pytest.approx(0)


def test_round_ellipse_is_at_zero():
    assert conventions.axis_ratio(0.0, 0.0) == (1, 0)
    assert conventions.ellipticity(1.0, 0.7) == (0, 0)


def test_cosmosim_turns_a_lens_as_a_position_angle():
    """Its SIE, in its authors' parameters, has the same Einstein radius and the minor axis along its angle."""
    x, y = (torch.from_numpy(axis) for axis in DRAW.uniform(-2, 2, (2, 30)))
    for q, phi in zip(Q.ravel(), PHI.ravel(), strict=True):
        e1, e2 = (torch.as_tensor(e) for e in conventions.ellipticity(q, phi))
        turned = torch.as_tensor(np.deg2rad(conventions.position_angle(phi)))
        theirs = kormann_deflection(x, y, torch.tensor(1.3), torch.as_tensor(q), turned)
        ours = sie_deflection(x, y, torch.tensor(1.3), e1, e2, torch.tensor(0.0), torch.tensor(0.0))
        for alpha, expected in zip(ours, theirs, strict=True):
            torch.testing.assert_close(alpha, expected, rtol=1e-6, atol=1e-6)


def test_distortion_is_that_of_the_axis_ratio():
    chi = conventions.distortion(*conventions.ellipticity(Q, PHI))
    np.testing.assert_allclose(np.hypot(*chi), (1 - Q**2) / (1 + Q**2))
    np.testing.assert_allclose(conventions.polar(*chi)[1], PHI)


@pytest.mark.parametrize("to", SERSIC_B)
@pytest.mark.parametrize("of", SERSIC_B)
def test_sersic_profile_is_the_same_with_another_constant(to, of):
    n, radius = np.array([0.5, 1, 2.5, 4, 6]), np.linspace(0.1, 5, 20)[:, None]

    def brightness(R_e, formula):
        b = sersic_b(n, formula)
        return b ** (2 * n) / R_e**2 * np.exp(-b * (radius / R_e) ** (1 / n))  # of the same flux

    np.testing.assert_allclose(brightness(sersic_radius(0.7, n, to, of), to), brightness(0.7, of), rtol=1e-10)


def test_constants_agree_where_the_approximations_are_good():
    n = np.array([2.0, 4, 6])
    for formula in SERSIC_B:
        np.testing.assert_allclose(sersic_b(n, formula), sersic_b(n, "exact"), rtol=3e-4)
    with pytest.raises(ValueError, match="unknown formula of b_n 'ciotti'; there are linear, series, exact"):
        sersic_b(n, "ciotti")


def test_seeing_with_pixel_adds_the_variance_of_a_square():
    sigma = 2 * np.sqrt(2 * np.log(2))
    assert conventions.seeing_with_pixel(0.0, 1.0) == pytest.approx(sigma * DRAW.uniform(size=10**6).std(), rel=2e-3)
    assert conventions.seeing_with_pixel([0.3], 0.4) ** 2 - 0.09 == pytest.approx(sigma**2 * 0.16 / 12)

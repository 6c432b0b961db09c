"""The Cramer-Rao bound where it is known: amplitudes, and straight lines."""

import numpy as np
import pytest
import torch

from sim2sky.lensing.information import central_differences, cramer_rao, fisher_information

SIGMA = 0.3
WIDE = torch.tensor(1e12, dtype=torch.float64)


def shape():
    line = torch.arange(15, dtype=torch.float64) - 7
    return torch.exp(-(line**2 + line[:, None] ** 2) / 8)


def test_amplitude_of_a_known_shape():
    """sigma / sqrt(sum of shape^2), and with a prior the inverse variances add up."""
    derivatives = central_differences(lambda name, step: (2 + step) * shape()[None] / SIGMA, [("amplitude", 1e-3)])
    information = fisher_information(derivatives)
    expected = SIGMA / shape().square().sum().sqrt()
    assert cramer_rao(information, WIDE[None]).item() == pytest.approx(expected.item(), rel=1e-9)
    prior = torch.tensor([0.01**2], dtype=torch.float64)
    assert cramer_rao(information, prior).item() == pytest.approx((1 / expected**2 + 1 / 0.01**2).item() ** -0.5)


def test_position_of_a_gaussian():
    """sigma * width / (amplitude * sqrt(sum of (x/width)^2 shape^2))."""
    line = torch.arange(41, dtype=torch.float64) - 20

    def image(name, step):
        return 5 * torch.exp(-((line - step) ** 2) / 2 / 3**2)[None] / SIGMA

    found = cramer_rao(fisher_information(central_differences(image, [("x", 1e-4)])), WIDE[None]).item()
    gradient = 5 * (line / 9) * torch.exp(-(line**2) / 18)
    assert found == pytest.approx(SIGMA / gradient.square().sum().sqrt().item(), rel=1e-6)


def test_bound_is_the_scatter_of_least_squares():
    """Slope and offset of a line: correlated, so that the bound is wider than with the other one known."""
    x = torch.linspace(1, 2, 20, dtype=torch.float64)
    design = torch.stack([torch.ones(20, dtype=torch.float64), x])
    derivatives = central_differences(
        lambda name, step: ((1 + step * (name == "offset")) + (2 + step * (name == "slope")) * x)[None] / SIGMA,
        [("offset", 1e-3), ("slope", 1e-3)],
    )
    bound = cramer_rao(fisher_information(derivatives), WIDE.repeat(2))[0]
    random = np.random.default_rng(1)
    noisy = (1 + 2 * x).numpy() + SIGMA * random.standard_normal((20000, 20))
    fits = np.linalg.lstsq(design.T.numpy(), noisy.T, rcond=None)[0]
    np.testing.assert_allclose(bound, fits.std(axis=1), rtol=0.02)
    assert bound[1] > 3 * SIGMA / x.square().sum().sqrt()

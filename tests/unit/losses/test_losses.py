"""Losses that give a distribution, and what outputs of each loss mean."""

import math
import subprocess
import sys
from typing import get_args

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.func import grad, vmap

from sim2sky.config import Recipe
from sim2sky.losses import create_loss, list_losses
from sim2sky.losses.flow import points
from sim2sky.losses.gaussian import LARGEST, SMALLEST
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.network_file import make_network
from sim2sky.registry import registered


def recipe(**change) -> Recipe:
    return Recipe.model_validate({"network": "lens_cnn", "epochs": 1, "optimiser": {"lr": 1e-3}} | change)


def test_the_configuration_names_all_losses():
    assert sorted(get_args(Recipe.model_fields["loss"].annotation)) == list_losses() == sorted(registered("losses"))
    with pytest.raises(ValueError, match="did you mean 'beta_nll'"):
        create_loss("beta_nl", 1)


def test_only_a_flow_needs_zuko():
    code = "import sys, sim2sky.train.block, sim2sky.models.measuring; sys.exit('zuko' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("name", ["mse", "mae", "huber"])
def test_pointwise_losses_are_those_of_torch(name):
    outputs, encoded = torch.randn(2, 50, 3).unbind()
    function = {"mse": nn.MSELoss(), "mae": nn.L1Loss(), "huber": nn.HuberLoss()}[name]
    loss = create_loss(name, 3)
    assert loss(nn.Identity(), outputs, encoded).item() == function(outputs, encoded).item()
    assert loss.outputs == 3 and loss.variance(outputs) is None and loss.samples(nn.Identity(), outputs) is None


def test_gaussian_nll_is_that_of_torch_with_its_gradient():
    mean, log_variance, encoded = torch.randn(3, 50, 2, dtype=torch.float64).unbind()
    outputs = torch.cat([mean, log_variance], dim=1).requires_grad_()
    loss = create_loss("gaussian_nll", 2)(nn.Identity(), outputs, encoded)
    theirs = nn.GaussianNLLLoss()(outputs[:, :2], encoded, outputs[:, 2:].exp())
    torch.testing.assert_close(loss, theirs)
    torch.testing.assert_close(*(torch.autograd.grad(value, outputs)[0] for value in (loss, theirs)))


def test_beta_nll_weights_by_a_power_of_the_variance_that_has_no_gradient():
    """As in equation 4 of Seitzer et al. 2022."""
    outputs, encoded = torch.randn(20, 2, dtype=torch.float64).requires_grad_(), torch.randn(20, 1, dtype=torch.float64)
    mean, variance = outputs[:, :1], outputs[:, 1:].exp()
    expected = (variance.detach() ** 0.5 * (variance.log() / 2 + (encoded - mean) ** 2 / (2 * variance))).mean()
    loss = create_loss("beta_nll", 1)(nn.Identity(), outputs, encoded)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(*(torch.autograd.grad(value, outputs)[0] for value in (loss, expected)))


@pytest.mark.parametrize("far", [-1e4, 1e4])
def test_variances_are_bounded_and_come_back_from_beyond_the_bounds(far):
    loss, outputs = create_loss("gaussian_nll", 1), torch.tensor([[0.0, far]], requires_grad=True)
    value = loss(nn.Identity(), outputs, torch.tensor([[1.0]]))
    assert value.isfinite()
    assert SMALLEST * 0.99 <= loss.variance(outputs).item() <= LARGEST * 1.01
    slope = torch.autograd.grad(value, outputs)[0][0, 1]
    assert slope.sign() == math.copysign(1, far)  # descending leads back


def test_weights_multiply_each_term_of_gaussian_nll():
    outputs, encoded, weight = torch.randn(9, 4), torch.randn(9, 2), torch.rand(9, 2)
    loss = create_loss("gaussian_nll", 2)
    one = create_loss("gaussian_nll", 1)
    each = [
        one(nn.Identity(), outputs[row : row + 1, [column, 2 + column]], encoded[row : row + 1, column : column + 1])
        for row in range(9)
        for column in range(2)
    ]
    expected = (torch.stack(each) * weight.flatten()).mean()
    torch.testing.assert_close(loss(nn.Identity(), outputs, encoded, weight), expected)


@pytest.mark.parametrize("name", ["gaussian_nll", "beta_nll"])
def test_gaussian_losses_of_several_seeds_are_one_batched_call(name):
    outputs, encoded, loss = torch.randn(3, 8, 4), torch.randn(3, 8, 2), create_loss(name, 2)
    slopes = vmap(grad(lambda given, truth: loss(nn.Identity(), given, truth)))(outputs, encoded)
    for seed in range(3):
        own = grad(lambda given, truth: loss(nn.Identity(), given, truth))(outputs[seed], encoded[seed])
        torch.testing.assert_close(slopes[seed], own)


@pytest.mark.parametrize("name", ["gaussian_nll", "beta_nll", "flow"])
def test_guessing_is_a_normal_distribution_of_mean_and_variance(name):
    encoded = 3 + 2 * torch.randn(4000, 1, dtype=torch.float64)
    guess = create_loss(name, 1).guess(nn.Identity(), encoded).item()
    variance = encoded.var(correction=0).item()
    expected = (math.log(variance) + 1) / 2
    extra = {
        "gaussian_nll": expected,
        "beta_nll": expected * variance**0.5,
        "flow": expected + math.log(2 * math.pi) / 2,
    }
    assert guess == pytest.approx(extra[name])


def flow_network(values: int):
    torch.manual_seed(1)
    encoding = LabelEncoding([f"p{i}" for i in range(values)])
    network = make_network(recipe(loss="flow", standardise=True), encoding, 1, 16, {})
    return create_loss("flow", values), network.eval()


@pytest.mark.parametrize("values", [1, 2])
def test_the_density_of_a_flow_integrates_to_one(values):
    loss, network = flow_network(values)
    outputs = 3 * torch.randn(1, loss.outputs)
    axis = torch.linspace(-12, 12, 301)
    grid = torch.cartesian_prod(*[axis] * values).reshape(-1, values)
    with torch.no_grad():
        densities = network.density(outputs).log_prob(grid).double().exp()
        assert loss(network, outputs, grid[:1]).item() == pytest.approx(-densities[0].log().item() / values, rel=1e-4)
    assert densities.sum().item() * (24 / 300) ** values == pytest.approx(1, abs=0.01)


def test_samples_and_median_of_a_flow_follow_its_density():
    loss, network = flow_network(1)
    outputs = 3 * torch.randn(5, loss.outputs)
    samples, median = loss.samples(network, outputs)[:, :, 0], loss.estimate(network, outputs)[:, 0]
    axis = torch.linspace(-12, 12, 24001)[:, None]
    for lens in range(5):
        with torch.no_grad():
            cumulative = network.density(outputs[lens : lens + 1]).log_prob(axis).double().exp().cumsum(0) / 1000
        share = cumulative[torch.searchsorted(axis[:, 0], samples[lens])]
        assert share.tolist() == pytest.approx([(i + 0.5) / 256 for i in range(256)], abs=5e-3)
        assert cumulative[torch.searchsorted(axis[:, 0], median[lens])].item() == pytest.approx(0.5, abs=5e-3)


def test_samples_of_a_lens_do_not_depend_on_the_others():
    loss, network = flow_network(3)
    outputs = torch.randn(70, loss.outputs)
    samples = loss.samples(network, outputs)
    assert samples.shape == (70, 256, 3)
    torch.testing.assert_close(loss.samples(network, outputs[66:68]), samples[66:68], atol=1e-4, rtol=1e-4)
    assert points(256, 3).mean(dim=0).abs().max() < 0.02
    assert torch.equal(points(256, 3), points(256, 3))


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"loss": "gaussian_nll", "standardise": False}, "standardise"),
        ({"loss": "flow", "standardise": False}, "standardise"),
        ({"loss": "flow", "seeds_together": True}, "seeds_together"),
        ({"loss": "flow", "weight_angles": True}, "weight_angles"),
        ({"loss": "flow", "angles": "sin_cos"}, "angles"),
    ],
)
def test_what_a_loss_cannot_do_is_refused_before_any_job(change, key):
    recipe(loss="beta_nll", standardise=True, seeds_together=True, weight_angles=True, angles="sin_cos")
    with pytest.raises(ValidationError, match=f"{key}: .*loss"):
        recipe(**{"standardise": True} | change)

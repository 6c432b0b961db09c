"""Adaptation methods: what their losses measure and where their gradients go."""

import pytest
import torch

from sim2sky.adapt import create_adaptation, list_adaptations
from sim2sky.adapt.dann import reverse_gradient
from sim2sky.adapt.mmd import squared_distances
from sim2sky.registry import registered

MMD = [
    {"kernel": kernel, "estimator": estimator}
    for kernel in ("multiscale", "fixed")
    for estimator in ("biased", "unbiased")
]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def test_registry_without_import_agrees_with_the_imported_one():
    assert list_adaptations() == sorted(registered("adapt"))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("man", {}, "did you mean"),
        ("mmd", {"kernl": "fixed"}, "did you mean 'kernel'"),
        ("mmd", {"kernel": "multi"}, "kernel of mmd .*did you mean 'multiscale'"),
        ("mmd", {"estimator": "unbiassed"}, "did you mean 'unbiased'"),
        ("dann", {"hidden": 0}, "hidden of dann: a whole number above 0"),
    ],
)
def test_wrong_names_and_values_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        create_adaptation(name, 8, **options)


def test_reversed_gradient_is_minus_the_gradient():
    values = torch.randn(4, 3, requires_grad=True)
    weights = torch.randn(4, 3)
    reversed_values = reverse_gradient(values)
    assert torch.equal(reversed_values, values)
    (reversed_values * weights).sum().backward()
    assert torch.equal(values.grad, -weights)


def test_dann_head_learns_the_domain_and_features_unlearn_it():
    dann = create_adaptation("dann", 8)
    assert [tuple(p.shape) for p in dann.parameters()] == [(128, 8), (128,), (2, 128), (2,)]
    source, target = torch.randn(64, 8), torch.randn(64, 8) + 2
    optimiser = torch.optim.Adam(dann.parameters(), lr=1e-2)
    first = dann.loss(source, target, 0.5)
    for _ in range(50):
        optimiser.zero_grad()
        loss = dann.loss(source, target, 0.5)
        loss.backward()
        optimiser.step()
    assert loss < 0.2 < first
    features = source.clone().requires_grad_()
    loss = dann.loss(features, target, 0.5)
    loss.backward()  # descending this gradient must make the domains harder, not easier, to tell apart
    assert dann.loss(features - 0.1 * features.grad / features.grad.abs().max(), target, 0.5) > loss


@pytest.mark.parametrize("options", MMD)
def test_mmd_of_one_batch_with_itself_is_nothing_and_grows_with_distance(options):
    mmd = create_adaptation("mmd", 6, **options)
    points, others = torch.randn(32, 6), torch.randn(32, 6)
    values = [mmd.loss(points, others + shift, 0).item() for shift in (0, 0.5, 1, 2)]
    assert values == sorted(values)
    if options["estimator"] == "biased":
        assert abs(mmd.loss(points, points.clone(), 0)) < 1e-5


def test_mmd_pulls_the_domains_together():
    mmd = create_adaptation("mmd", 6)
    source, target = torch.randn(32, 6), (torch.randn(32, 6) + 3).requires_grad_()
    before = mmd.loss(source, target, 0)
    before.backward()
    moved = (target - 10 * target.grad).detach()
    assert mmd.loss(source, moved, 0) < before
    assert (moved.mean() - source.mean()).abs() < (target.mean() - source.mean()).abs()
    with pytest.raises(ValueError, match="32 and 31"):
        mmd.loss(source, moved[1:], 0)


def test_squared_distances():
    points = torch.randn(20, 800) + 5
    expected = torch.cdist(points.double(), points.double()).square().float()
    torch.testing.assert_close(squared_distances(points), expected, rtol=1e-5, atol=1e-2)
    assert torch.equal(squared_distances(points).diagonal(), torch.zeros(20))


@pytest.mark.parametrize("options", MMD)
def test_features_that_all_coincide_are_no_distance_apart(options):
    """Those of a network that answers the same for every image; a loss that is not a number would end its training."""
    source, target = (torch.zeros(4, 8, requires_grad=True) for _ in range(2))
    loss = create_adaptation("mmd", 8, **options).loss(source, target, 0.5)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert source.grad.isfinite().all() and target.grad.isfinite().all()

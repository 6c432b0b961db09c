"""Networks and the three choices of batch-normalisation statistics."""

import pytest
import torch
from torch import nn

from sim2sky.models import create_model, list_models
from sim2sky.models.inference import adapt_batch_norm, has_batch_norm, latents, predict
from sim2sky.registry import registered, traits


@pytest.fixture
def network():
    torch.manual_seed(0)
    return create_model("lens_cnn")


@pytest.fixture
def images():
    return torch.randn(70, 1, 40, 40, generator=torch.Generator().manual_seed(1))


def test_registry_without_import_agrees_with_the_imported_one():
    assert list_models() == sorted(registered("models"))


# those of torchvision have tests of their own, with images that they take
@pytest.mark.parametrize("name", sorted(set(list_models()) - set(traits("models"))))
@pytest.mark.parametrize("shape", [(1, 40), (3, 64)])
def test_every_network_is_features_then_head(name, shape):
    bands, pixels = shape
    network = create_model(name, bands=bands, pixels=pixels, outputs=2).eval()
    images = torch.randn(4, bands, pixels, pixels)
    latent = network.features(images)
    assert latent.ndim == 2
    assert network(images).shape == (4, 2)
    torch.testing.assert_close(network(images), network.head(latent))


def test_unknown_network_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'lens_cnn'"):
        create_model("lenscnn")


def test_lens_cnn_is_the_published_network(network, images):
    assert sum(parameter.numel() for parameter in network.parameters()) == 108_657
    assert network.features(images).shape == (70, 800)
    with pytest.raises(ValueError, match="at least 6 pixels a side, not 4$"):
        create_model("lens_cnn", pixels=4)


def test_lens_cnn_equals_plain_torch_layers(network, images):
    """Forward and gradients, in the memory layout of training, against layers written out here.

    In double precision: in single, torch's batch normalisation sums loosely in this layout: 1e-3 is all one gets.
    """
    filters = [1, 8, 16, 32]
    plain = nn.Sequential()
    for index, (before, after) in enumerate(zip(filters, filters[1:], strict=False)):
        plain.extend([nn.Conv2d(before, after, 3, padding=1 if index else 2), nn.ReLU(), nn.BatchNorm2d(after)])
        plain.append(nn.MaxPool2d(2))
    plain.extend([nn.Flatten(), nn.Linear(800, 128), nn.ReLU(), nn.Linear(128, 1)])
    for ours, theirs in zip(network.parameters(), plain.parameters(), strict=True):
        theirs.data.copy_(ours.data)
    network, plain, images = (
        network.to(torch.double, memory_format=torch.channels_last),
        plain.double(),
        images.double(),
    )
    torch.testing.assert_close(network(images), plain(images), rtol=1e-9, atol=1e-9)
    network(images).square().mean().backward()
    plain(images).square().mean().backward()
    for ours, theirs in zip(network.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-9, atol=1e-9)


def test_batch_statistics_normalise_each_batch_alone(network, images):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.train()
    expected = torch.cat([network(images[:32]), network(images[32:])]).detach()  # 6 left over join the second batch
    network.load_state_dict(before)
    network.eval()
    batch, running = predict(network, images, 32, batch_statistics=True), predict(network, images, 32)
    torch.testing.assert_close(batch, expected)
    torch.testing.assert_close(running, network(images).detach())
    assert (batch - running).abs().max() > 0.01
    assert not network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    torch.testing.assert_close(network.head(latents(network, images, 32)), running)


def test_without_batch_normalisation_there_is_nothing_to_adapt(images):
    network = nn.Sequential(nn.Flatten(), nn.Linear(images[0].numel(), 1))
    assert not has_batch_norm(network)
    assert adapt_batch_norm(network, None, 32) is network


def test_adabn_is_the_average_of_batch_statistics(network, images):
    adapted = adapt_batch_norm(network, images[:64], 32)
    first = network.features[:2](images[:64]).detach()
    means = torch.stack([half.mean(dim=(0, 2, 3)) for half in first.split(32)])
    variances = torch.stack([half.var(dim=(0, 2, 3)) for half in first.split(32)])
    torch.testing.assert_close(adapted.features[2].running_mean, means.mean(dim=0))
    torch.testing.assert_close(adapted.features[2].running_var, variances.mean(dim=0))
    assert torch.equal(network.features[2].running_mean, torch.zeros(8))
    assert adapted.features[2].momentum == network.features[2].momentum
    for ours, theirs in zip(adapted.parameters(), network.parameters(), strict=True):
        assert torch.equal(ours, theirs)

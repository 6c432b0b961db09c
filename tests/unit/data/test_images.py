"""What all images have in common, whether they are floats, 8-bit or streamed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sim2sky.data.domain import Domain, Part
from sim2sky.data.images import FloatImages, HeldImages, pixel_statistics, statistics_of, stretched_statistics
from sim2sky.data.streaming import StreamedImages
from tests.unit.train.test_recipes import CPU, PIXELS, bytes_domain, part


@pytest.fixture(scope="module")
def domain(tmp_path_factory) -> Domain:
    return bytes_domain(tmp_path_factory.mktemp("bytes"))


@pytest.fixture(params=[FloatImages, HeldImages, StreamedImages])
def some(request, domain) -> Part:
    """The same training part with its images in each form."""
    if request.param is FloatImages:
        held = part(domain)
        return replace(held, images=FloatImages(held.images.raw.float()))
    found = part(domain, held=0.6 if request.param is StreamedImages else 1.0)
    assert type(found.images) is request.param
    return found


def test_an_index_gives_the_same_floats(domain, some):
    expected = part(domain).images.raw.float()
    positions = torch.tensor([3, 100, 17])
    assert some.images.shape == (len(some.images), 1, PIXELS, PIXELS) == expected.shape
    assert torch.equal(some.images[positions], expected[positions])
    assert torch.equal(some.images[20:40], expected[20:40])
    assert some.images[positions].device == some.images.device == CPU


def test_prepared_images_are_normalised_and_so_is_a_subset(domain, some):
    expected = part(domain).images.raw.double()
    expected = (expected - expected.mean()) / expected.std()
    prepared = some.prepared(pixel_statistics(some.images), CPU)
    torch.testing.assert_close(prepared.images[:].double(), expected, rtol=1e-5, atol=1e-5)
    positions = np.array([100, 3, 64])
    chosen = prepared.subset(positions)
    torch.testing.assert_close(chosen.images[:].double(), expected[positions], rtol=1e-5, atol=1e-5)
    assert torch.equal(chosen.labels, some.labels[positions])
    assert list(chosen.lens) == list(positions)


def test_a_stretch_is_softened_with_the_noise_and_brings_bright_light_to_a_few_units():
    noise = torch.tensor([0.5, 20.0])[:, None, None]
    images = noise * torch.randn(300, 2, 16, 16, generator=torch.Generator().manual_seed(1))
    images[:, :, 6:9, 6:9] += 1e4 * noise
    for form in (FloatImages, HeldImages):
        statistics = statistics_of("arcsinh", form(images))
        torch.testing.assert_close(
            statistics.softening, noise, rtol=0.1, atol=0
        )  # the edges of the bright light count as noise
        expected = torch.asinh(images / statistics.softening)
        values = form(images).prepared(statistics, CPU)[:]
        torch.testing.assert_close(values, (expected - statistics.mean) / statistics.std)
        torch.testing.assert_close(values.std(dim=(0, 2, 3)), torch.ones(2))
    assert images.max() > 1e4  # as they were


def test_images_without_noise_cannot_be_stretched():
    flat = torch.zeros(4, 1, 8, 8)
    flat[..., 0] = 1.0
    with pytest.raises(ValueError, match="no noise to soften with"):
        stretched_statistics(FloatImages(flat))
    with pytest.raises(ValueError, match="arcsinh needs the training part"):
        statistics_of("arcsinh", None)


def test_an_order_is_of_every_position_and_repeats(some):
    first, again, other = (some.images.order(np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert sorted(first) == list(range(120))
    assert (first == again).all()
    assert (first != other).any()

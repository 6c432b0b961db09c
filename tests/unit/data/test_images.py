"""What all images have in common, whether they are floats, 8-bit or streamed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sim2sky.data.domain import Domain, Part
from sim2sky.data.images import FloatImages, HeldImages, pixel_statistics
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


def test_an_order_is_of_every_position_and_repeats(some):
    first, again, other = (some.images.order(np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert sorted(first) == list(range(120))
    assert (first == again).all()
    assert (first != other).any()

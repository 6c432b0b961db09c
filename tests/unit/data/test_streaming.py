"""Images that become numbers batch by batch: bytes in memory, and those that are read from the shards where they are needed."""

import csv

import numpy as np
import pytest
import torch

from sim2sky.data import images as image_module
from sim2sky.data.domain import Domain, fraction_held
from sim2sky.data.images import HeldImages, pixel_statistics, statistics_of, stretched_statistics
from sim2sky.data.streaming import StreamedImages
from sim2sky.train.loop import Learner
from tests.unit.train.test_recipes import CPU, ENCODING, NONE, PIXELS, bytes_domain, part, recipe, train


@pytest.fixture(scope="module")
def domain(tmp_path_factory) -> Domain:
    return bytes_domain(tmp_path_factory.mktemp("bytes"))


def test_bytes_stay_bytes_and_are_normalised_by_the_batch(domain):
    images = part(domain).images
    assert images.raw.dtype == torch.uint8
    values = images.raw.double()
    for name, expected in (
        ("none", values),
        ("eight_bit", values / 255),
        ("per_domain", (values - values.mean()) / values.std()),
    ):
        seen = images.prepared(statistics_of(name, images), CPU)[torch.tensor([3, 1])]
        torch.testing.assert_close(seen.double(), expected[[3, 1]], rtol=1e-5, atol=1e-5)


def test_images_stay_where_they_are_if_a_gpu_has_no_room(monkeypatch):
    """Batches go there all the same; ``meta`` is a device that is not the CPU on every machine."""
    held = HeldImages(torch.ones((6, 1, 4, 4), dtype=torch.uint8))
    for free, room in ((4 * held.raw.nbytes, True), (4 * held.raw.nbytes - 1, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 0))
        assert image_module._has_room(torch.device("cuda"), held.raw.nbytes) is room
        with monkeypatch.context() as patch:
            patch.setattr(image_module, "_has_room", lambda device, size, room=room: room)
            moved = held.prepared(None, torch.device("meta"))
        assert moved.raw.device.type == ("meta" if room else "cpu")
        assert moved[torch.tensor([3, 1])].device == moved.device == torch.device("meta")


@pytest.fixture
def streamed(domain):
    """A few chunks of the images in memory."""
    return part(domain, held=0.6)


def test_streamed_images_are_the_same_images(domain, streamed):
    held = part(domain)
    assert isinstance(streamed.images, StreamedImages)
    assert streamed.images.shape == held.images.shape
    index = torch.randperm(120)
    assert torch.equal(streamed.images[index], held.images[index])
    assert torch.equal(streamed.images[17:50], held.images[17:50])
    for of in (pixel_statistics, stretched_statistics):
        for one, other in zip(of(streamed.images), of(held.images), strict=True):
            assert (one is None and other is None) or torch.equal(one, other)
    assert torch.equal(streamed.subset(np.array([5, 90])).images[:], held.subset(np.array([5, 90])).images[:])


def test_an_epoch_reads_each_chunk_once_and_shows_each_image_once(streamed, monkeypatch):
    learner = Learner(recipe(batch_size=8), NONE, 0, streamed, ENCODING)
    read, chunks = [], streamed.images._data.read
    monkeypatch.setattr(streamed.images._data, "read", lambda *what: read.append(what) or chunks(*what))
    orders = []
    for learner.epochs_done in range(2):
        batches = [index for _, index, _ in learner.batches()]
        orders.append(torch.cat(batches).tolist())
        streamed.images._held.clear()
        read.clear()
        for index in batches:
            streamed.images[index]
        assert sorted(orders[-1]) == list(range(120))
        assert len(read) == len(set(read)) == len(streamed.images._starts)
    assert orders[0] != orders[1]
    learner.epochs_done = 0
    assert torch.cat([index for _, index, _ in learner.batches()]).tolist() == orders[0]
    first = np.searchsorted(streamed.images._starts, orders[0][:16], side="right")
    assert 1 < len(set(first)) <= streamed.images.buffer, "the chunks of a group are mixed"


def test_no_more_than_the_buffer_is_held_and_what_comes_next_is_read_ahead(domain):
    images = part(domain, held=0.6).images
    assert 4 <= images.buffer < len(images._starts)
    order = torch.from_numpy(images.order(np.random.default_rng(0)))
    for index in order.split(8):
        images[index]
        assert len(images._held) <= images.buffer
    first = images.order(np.random.default_rng(1))[:1]
    images[torch.from_numpy(first)]
    assert {*images._groups[0], *images._groups[1]} == images._held.keys()
    one = StreamedImages(images._data, images.bounds, 1)
    one[order]
    assert len(one._held) == 1
    few = StreamedImages(images._data, images.bounds, images.buffer)
    few.subset(np.arange(3))
    assert not few._held


def test_memory_decides_what_is_streamed(domain):
    size = 160 * PIXELS**2 / 1e9
    assert fraction_held(recipe(memory_limit_gb=2 * size), [domain], ("train", "validation")) == 1
    assert fraction_held(recipe(memory_limit_gb=size / 2), [domain], ("train", "validation")) == pytest.approx(0.5)
    assert fraction_held(recipe(memory_limit_gb=size / 2), [domain, domain], ("train", "validation")) == 0.25


def test_seeds_that_stream_are_trained_one_by_one(domain, tmp_path):
    """Together, each in an order of its own, they would read every chunk over and over."""
    curves = [
        (train(domain, tmp_path / f"{together}", seeds_together=together, memory_limit_gb=5e-6) / "history.csv")
        for together in (False, True)
    ]
    assert curves[0].read_bytes() == curves[1].read_bytes()


def test_streaming_learns_as_well_as_memory(domain, tmp_path):
    last = {}
    for name, limit in (("held", 8.0), ("streamed", 5e-6)):
        folder = train(domain, tmp_path / name, epochs=12, standardise=True, memory_limit_gb=limit)
        with open(folder / "history.csv") as file:
            losses = [float(row["loss"]) for row in csv.DictReader(file)]
        last[name] = (losses[11] + losses[23]) / 2
        assert last[name] < 0.8 * losses[0]
    assert last["held"] != last["streamed"]
    assert last["streamed"] == pytest.approx(last["held"], rel=0.3)

"""Real images in a training: they are adapted to without labels, those that could not be used are left out, and nothing is scored."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from sim2sky import store
from sim2sky.config import Split
from sim2sky.data.domain import Domain, load_part, load_training_parts
from sim2sky.data.images import FloatImages, Statistics
from sim2sky.data.streaming import ChosenImages
from sim2sky.train.block import train_block
from sim2sky.train.loop import TrainingError
from tests.unit.train.test_train import METHODS, PIXELS, TARGETS, contents, history, interrupt, make_domain, recipe

LENSES = 100
LOST = (3, 41, 60, 99)
CPU = torch.device("cpu")


def real_domain(folder: Path, lost=LOST, lenses: int = LENSES, split: Split | None = None) -> Domain:
    """Real images in three shards, of which those in `lost` could not be used."""
    random, paths = np.random.default_rng(5), []
    images = random.normal(size=(lenses, 1, PIXELS, PIXELS)).astype("f4")
    images[list(lost)] = 0
    for start, stop in pairwise([0, 30, 60, lenses]):
        lens = np.arange(start, stop)
        variables = {
            "image": store.Variable(images[start:stop], store.IMAGE_DIMS, "counts/s"),
            "lens": store.Variable(lens),
            "measured": store.Variable(~np.isin(lens, lost)),
        }
        paths.append(folder / f"{start:07d}-{stop - 1:07d}.zarr.zip")
        reasons = {str(index): f"file {index} is truncated" for index in lost if start <= index < stop}
        about = {"config": {"images": {}, "files": f"sum {start}"}, "fingerprint": {}, "reasons": reasons}
        store.write_shard(paths[-1], variables, about)
    return Domain("real", paths, (split or Split()).bounds(lenses), labelled=False)


def labelled_copy(real: Domain, folder: Path, usable: int) -> Domain:
    """The same images as a domain with labels, without those that could not be used."""
    data = store.open_shards(real.shards)
    kept = np.flatnonzero(data.read("measured")[: real.bounds["train"][1]])
    assert len(kept) == usable
    variables = {
        "image": store.Variable(data.read("image")[kept], store.IMAGE_DIMS, "counts/s"),
        "lens": store.Variable(kept),
        "theta_E": store.Variable(np.linspace(0.5, 3, usable)),
    }
    store.write_shard(folder / "0000000-0000099.zarr.zip", variables, {})
    bounds = {"train": (0, usable), "validation": (0, usable)}
    return Domain("copy", [folder / "0000000-0000099.zarr.zip"], bounds)


@pytest.fixture(scope="module")
def domains(tmp_path_factory):
    folder = tmp_path_factory.mktemp("domains")
    real = real_domain(folder / "real")
    return make_domain(folder, "clean", 160), real, labelled_copy(real, folder, 67)


def train(folder: Path, source, adapt_to=None, method="mmd", watch=None, seeds=range(1), **change) -> Path:
    files = folder / "model.safetensors", folder / "history.csv"
    domains = (source, adapt_to)
    train_block(recipe(**change), METHODS[method], TARGETS, seeds, *domains, *files, {"m": "code"}, watch=watch)
    return folder


def weights(folder: Path) -> bytes:
    """The weights in a file of networks, without what it says of itself."""
    content = (folder / "model.safetensors").read_bytes()
    return content[8 + int.from_bytes(content[:8], "little") :]


@pytest.mark.parametrize("method", ["dann", "mmd"])
def test_networks_adapt_to_images_without_labels_as_to_the_same_ones_with(domains, tmp_path, method):
    source, real, copy = domains
    without, with_labels = (
        train(tmp_path / name, source, domain, method) for name, domain in (("a", real), ("b", copy))
    )
    assert weights(without) == weights(with_labels)
    for row, other in zip(history(without), history(with_labels), strict=True):
        assert row["target_loss"] == row["target_r2"] == row["target_rmse"] == ""
        assert other["target_r2"] and {key: row[key] for key in row if "target" not in key} == {
            key: other[key] for key in other if "target" not in key
        }


def test_a_domain_without_labels_that_is_watched_changes_nothing(domains, tmp_path):
    source, real, _ = domains
    alone, watched = (
        train(tmp_path / "a", source, method="none"),
        train(tmp_path / "b", source, method="none", watch=real),
    )
    assert weights(alone) == weights(watched) and history(alone) == history(watched)


def test_several_seeds_as_one_model_adapt_as_well(domains, tmp_path):
    source, real, copy = domains
    change = {"seeds": range(2), "seeds_together": True, "epochs": 1}
    assert weights(train(tmp_path / "a", source, real, **change)) == weights(
        train(tmp_path / "b", source, copy, **change)
    )


def test_a_killed_training_ends_in_the_same_bits(domains, tmp_path, monkeypatch):
    source, real, _ = domains
    unbroken = train(tmp_path / "a", source, real)
    with monkeypatch.context() as patch:
        interrupt(patch, after=2)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "b", source, real)
    assert contents(train(tmp_path / "b", source, real)) == contents(unbroken)


def test_streamed_images_are_the_same_without_those_that_could_not_be_used(domains, tmp_path):
    _, real, _ = domains
    held, streamed = (load_part(real.shards, (0, 70), TARGETS, held=held, labelled=False) for held in (1.0, 0.5))
    assert isinstance(held.images, FloatImages) and isinstance(streamed.images, ChosenImages)
    assert list(held.lens) == list(streamed.lens) == [lens for lens in range(70) if lens not in LOST]
    assert held.images.shape == streamed.images.shape and len(streamed.images) == 67
    for index in (slice(0, 67), slice(5, 9), torch.tensor([2, 66, 40, 3])):
        assert torch.equal(held.images[index], streamed.images[index])
    for mine, theirs in zip(held.images.moments(), streamed.images.moments(), strict=True):
        torch.testing.assert_close(mine, theirs)
    ready = streamed.prepared(Statistics(torch.ones(1, 1, 1), torch.full((1, 1, 1), 2.0)), CPU)
    torch.testing.assert_close(ready.images[:3], (held.images[:3] - 1) / 2)
    order = streamed.images.order(np.random.default_rng(0))
    assert sorted(order) == list(range(67)) and list(order) != list(range(67))
    assert torch.equal(streamed.subset(np.array([1, 60])).images[:], held.images[torch.tensor([1, 60])])
    assert held.labels.shape == (67, 1) and held.labels.isnan().all()


def test_only_the_training_part_is_read(domains):
    parts = load_training_parts(domains[1], TARGETS, recipe(), CPU, 1.0)
    assert list(parts) == ["train"] and len(parts["train"].images) == 67


def test_where_all_is_for_training_the_other_parts_may_be_empty(domains, tmp_path):
    real = real_domain(tmp_path / "all", split=Split(train=1, validation=0, test=0))
    assert history(train(tmp_path, domains[0], real, epochs=1))[0]["target_loss"] == ""


def test_networks_say_which_files_they_adapted_to(domains, tmp_path):
    origins = [real_domain(tmp_path / name, lost).origin() for name, lost in (("one", LOST), ("two", ()))]
    assert len(origins[0]["all_files"]) == 64 and "files" not in origins[0]
    assert origins[0]["all_files"] == origins[1]["all_files"], "the sums of the files, whatever is in the shards"


def test_images_none_of_which_can_be_used_are_refused_with_a_reason(domains, tmp_path):
    with pytest.raises(
        store.StoreError, match=r"0000000-0000029\.zarr\.zip: .* 70 images .* none .*: file 0 is truncated"
    ):
        train(tmp_path, domains[0], real_domain(tmp_path / "lost", range(LENSES)))


def test_too_few_images_that_can_be_used_are_named(domains, tmp_path):
    with pytest.raises(TrainingError, match="target: 12 training images do not fill one batch of 16"):
        train(tmp_path, domains[0], real_domain(tmp_path / "few", range(12, LENSES)))

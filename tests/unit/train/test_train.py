"""Training: what is learnt, that it repeats and resumes bit for bit, and what is refused."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from sim2sky import store
from sim2sky.config import CrossValidation, Method, Recipe, Split, merge
from sim2sky.data.domain import Domain, load_part
from sim2sky.data.images import FloatImages, normalise, pixel_statistics
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.network_file import load_models
from sim2sky.train import checkpoint
from sim2sky.train.block import train_block
from sim2sky.train.cross_validation import cross_validate
from sim2sky.train.loop import Learner, TrainingError
from sim2sky.train.optimise import adaptation_weight
from sim2sky.train.team import Team

PIXELS = 12
TARGETS = ["theta_E"]
ENCODING = LabelEncoding(TARGETS)
METHODS = {
    "none": Method(title="None", adaptation="none"),
    "dann": Method(title="DANN", adaptation="dann", weight_schedule="ganin"),
    "mmd": Method(title="MMD", adaptation="mmd", weight=1.4),
}
RECIPE = {
    "network": "lens_cnn",
    "epochs": 3,
    "batch_size": 16,
    "optimiser": {"lr": 1e-3},
    "schedule": {"name": "one_cycle"},
    "normalisation": "per_domain",
}


def recipe(**change) -> Recipe:
    return Recipe.model_validate(merge(RECIPE, change))


def make_domain(folder: Path, name: str, lenses: int, offset: float = 0.0, noise: float = 0.1) -> Domain:
    """Images whose brightness is the label, in two shards."""
    random = np.random.default_rng(lenses)
    label = random.uniform(0.5, 3.0, lenses)
    images = label[:, None, None, None] + offset + noise * random.normal(size=(lenses, 1, PIXELS, PIXELS))
    images[:, :, : PIXELS // 2] *= -1  # the mean over the image says nothing: normalisation cannot give the label away
    paths = []
    for start, stop in ((0, lenses // 2), (lenses // 2, lenses)):
        variables = {
            "image": store.Variable(images[start:stop].astype("f4"), store.IMAGE_DIMS, "counts/s"),
            "theta_E": store.Variable(label[start:stop], unit="arcsec"),
            "lens": store.Variable(np.arange(start, stop)),
        }
        paths.append(folder / name / f"{start:07d}-{stop - 1:07d}.zarr.zip")
        store.write_shard(paths[-1], variables, {})
    return Domain(name, paths, Split().bounds(lenses))


@pytest.fixture(scope="module")
def domains(tmp_path_factory):
    folder = tmp_path_factory.mktemp("domains")
    return make_domain(folder, "clean", 160), make_domain(folder, "sky", 120, offset=0.3, noise=0.3)


def train(domains, folder: Path, method: str = "mmd", seeds: range = range(1), code: str = "code", **change) -> Path:
    source, target = domains
    adapt_to = None if method == "none" else target
    files = folder / "model.safetensors", folder / "history.csv"
    train_block(
        recipe(**change), METHODS[method], TARGETS, seeds, source, adapt_to, *files, {"module": code}, threads=1
    )
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def history(folder: Path) -> list[dict]:
    with open(folder / "history.csv") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("method", list(METHODS))
def test_a_simple_label_is_learnt(domains, tmp_path, method, capsys):
    rows = history(train(domains, tmp_path, method, epochs=15))
    assert [row["epoch"] for row in rows] == [str(epoch) for epoch in range(1, 16)]
    assert float(rows[-1]["source_r2"]) > 0.5
    assert float(rows[-1]["loss"]) < 0.3 * float(rows[0]["loss"])
    assert (rows[-1]["target_r2"] == "") == (method == "none")
    assert sorted(contents(tmp_path)) == ["history.csv", "model.safetensors"]
    assert "epoch 15/15" in capsys.readouterr().out


@pytest.mark.parametrize("method", ["dann", "mmd"])
def test_adaptation_changes_what_is_learnt_but_not_where_it_starts(domains, method):
    source, target = (load_part(domain.shards, domain.bounds["train"], TARGETS) for domain in domains)
    alone = Learner(recipe(), METHODS["none"], 0, source, ENCODING)
    adapted = Learner(recipe(), METHODS[method], 0, source, ENCODING, target)
    start = [p.detach().clone() for p in adapted.adaptation.parameters()]
    assert all(map(torch.equal, alone.network.parameters(), adapted.network.parameters()))
    next(alone.run()), next(adapted.run())
    assert not torch.equal(alone.network.features[0].weight, adapted.network.features[0].weight)
    assert all(not torch.equal(now, then) for now, then in zip(adapted.adaptation.parameters(), start, strict=True))


def test_target_labels_are_never_used(domains):
    source, target = (load_part(domain.shards, domain.bounds["train"], TARGETS) for domain in domains)
    first = Learner(recipe(epochs=1), METHODS["mmd"], 0, source, ENCODING, target)
    target.labels.fill_(torch.nan)
    second = Learner(recipe(epochs=1), METHODS["mmd"], 0, source, ENCODING, target)
    list(first.run()), list(second.run())
    assert all(map(torch.equal, first.network.parameters(), second.network.parameters()))


def test_every_image_is_seen_once_per_epoch_in_another_order(domains):
    source, target = (load_part(domain.shards, domain.bounds["train"], TARGETS) for domain in domains)
    learner = Learner(recipe(), METHODS["mmd"], 0, source, ENCODING, target)  # 112 and 84 images
    steps, first, others = zip(*learner.batches(), strict=True)
    assert len(steps) == 7
    assert sorted(torch.cat(first).tolist()) == list(range(112))
    assert torch.cat(others).bincount(minlength=84).max() == 2  # 80 of the smaller domain, then a new round
    learner.epochs_done = 1
    assert not torch.equal(torch.cat(first), torch.cat([batch for _, batch, _ in learner.batches()]))


def test_a_block_of_seeds_is_its_seeds_one_by_one(domains, tmp_path):
    both = load_file(train(domains, tmp_path / "both", "dann", range(2)) / "model.safetensors")
    alone = {}
    for seed in range(2):
        alone |= load_file(train(domains, tmp_path / str(seed), "dann", range(seed, seed + 1)) / "model.safetensors")
    assert sorted(both) == sorted(alone)
    assert all(torch.equal(both[name], alone[name]) for name in both)
    assert not torch.equal(both["0/head.0.weight"], both["1/head.0.weight"])


def interrupt(monkeypatch, after: int) -> None:
    """Let the process die after this many checkpoints, those of finished seeds not counted."""
    save, count = checkpoint.save, iter(range(1, 100))

    def dying(path, *arguments):
        save(path, *arguments)
        if path.name == "last.ckpt" and next(count) == after:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save", dying)


@pytest.mark.parametrize("after", [2, 3, 4, 5])  # within the first seed, at its end, within the second
@pytest.mark.parametrize("method", ["none", "dann"])
def test_resumed_training_ends_in_the_same_bytes(domains, tmp_path, monkeypatch, capsys, method, after):
    expected = contents(train(domains, tmp_path / "unbroken", method, range(2)))
    assert contents(train(domains, tmp_path / "again", method, range(2))) == expected
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, after)
        train(domains, tmp_path / "broken", method, range(2))
    assert sorted(contents(tmp_path / "broken")) == ["last.ckpt", "seed-0.ckpt"][: 1 + (after > 3)]
    capsys.readouterr()
    assert contents(train(domains, tmp_path / "broken", method, range(2))) == expected
    assert capsys.readouterr().out.count("images/s") == 6 - after


def test_weights_of_a_finished_seed_are_written_once(domains, tmp_path, monkeypatch):
    written, save = [], checkpoint.save
    monkeypatch.setattr(checkpoint, "save", lambda path, *rest: (written.append(path.name), save(path, *rest)))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, 4)
        train(domains, tmp_path, "none", range(2))
    file, held = tmp_path / "seed-0.ckpt", []
    before = file.stat().st_mtime_ns
    last = torch.load(tmp_path / "last.ckpt")["state"]
    assert sorted(last) == ["finished", "learner", "rows"]
    assert last["finished"] == [0]
    finish = Learner.epoch

    def watched(self, *arguments):
        held.append(file.stat().st_mtime_ns)
        return finish(self, *arguments)

    monkeypatch.setattr(Learner, "epoch", watched)
    train(domains, tmp_path, "none", range(2))
    assert held == [before] * 2
    assert written == ["last.ckpt"] * 3 + ["seed-0.ckpt"] + ["last.ckpt"] * 3
    assert sorted(contents(tmp_path)) == ["history.csv", "model.safetensors"]


@pytest.mark.parametrize(
    ("what", "message"),
    [("cut", "not a readable checkpoint"), ("foreign", "made with another code"), ("lost", "is not there")],
)
def test_a_finished_seed_that_cannot_be_used_is_trained_again(domains, tmp_path, monkeypatch, capsys, what, message):
    expected = contents(train(domains, tmp_path / "unbroken", "none", range(2)))
    for folder, code in (("run", "code"), ("foreign", "other")):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            interrupt(patch, 4)
            train(domains, tmp_path / folder, "none", range(2), code=code)
    file = tmp_path / "run" / "seed-0.ckpt"
    if what == "cut":
        file.write_bytes(file.read_bytes()[:-1000])
    elif what == "foreign":
        file.write_bytes((tmp_path / "foreign" / "seed-0.ckpt").read_bytes())
    else:
        file.unlink()
    capsys.readouterr()
    assert contents(train(domains, tmp_path / "run", "none", range(2))) == expected
    out = capsys.readouterr().out
    assert f"seed-0.ckpt: {message}" in out and "training starts over" in out
    assert out.count("images/s") == 6


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("recipe", "another recipe"),
        ("code", "another code"),
        ("data", "another data"),
        ("cut", "not a readable checkpoint"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(domains, tmp_path, monkeypatch, capsys, what, message):
    folder, source = tmp_path / "run", domains[0]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, 2)
        train(domains, folder, "none")
    change = {}
    if what == "recipe":
        change = {"optimiser": {"lr": 2e-3}}
    elif what == "code":
        change = {"code": "other"}
    elif what == "data":
        source = make_domain(tmp_path, "clean", 160, noise=0.2)
    else:
        (folder / "last.ckpt").write_bytes((folder / "last.ckpt").read_bytes()[:-1000])
    capsys.readouterr()
    train((source, None), folder, "none", **change)
    out = capsys.readouterr().out
    assert f"last.ckpt: {'made with ' * (what != 'cut')}{message}" in out
    assert out.count("images/s") == 3
    assert contents(folder) == contents(train((source, None), tmp_path / "fresh", "none", **change))


def test_a_loss_that_is_not_finite_stops_training_and_keeps_the_checkpoint(domains, tmp_path, monkeypatch):
    with pytest.raises(TrainingError, match=r"seed 3, epoch 1, step \d of 7: the loss is not finite"):
        train(domains, tmp_path, "none", range(3, 4), optimiser={"name": "sgd", "lr": 1e9})
    step = Learner._step

    def fail(self, *arguments):
        return step(self, *arguments) * (float("nan") if self.epochs_done == 1 else 1)

    monkeypatch.setattr(Learner, "_step", fail)
    with pytest.raises(TrainingError, match="epoch 2, step 1"):
        train(domains, tmp_path, "none")
    assert list(contents(tmp_path)) == ["last.ckpt"]


def test_weights_that_are_not_finite_after_an_epoch_are_never_kept(domains, tmp_path, monkeypatch):
    """Of seeds that are trained together, too, whose loss was finite up to the last step."""
    update, count = Team._update, iter(range(1, 1000))

    def overflow(self, together):
        shown = update(self, together)
        if next(count) == 2 * self.learners[0].steps:  # the last of the second epoch
            next(iter(self.parameters.values())).data[1].fill_(float("inf"))
        return shown

    monkeypatch.setattr(Team, "_update", overflow)
    with pytest.raises(TrainingError, match="seed 1, epoch 2: the weights are not finite"):
        train(domains, tmp_path, "none", range(2), seeds_together=True)
    state = torch.load(tmp_path / "last.ckpt")["state"]
    assert state["learner"]["epochs_done"] == 1


def test_images_that_are_not_finite_are_refused(tmp_path):
    domain = make_domain(tmp_path, "bad", 40)
    shard = store.open_shards([domain.shards[1]])
    images = shard.read("image")
    images[3, 0, 5, 5] = np.nan
    variables = {name: store.Variable(shard.read(name)) for name in ("theta_E", "lens")}
    store.write_shard(domain.shards[1], variables | {"image": store.Variable(images, store.IMAGE_DIMS)}, {})
    assert len(load_part(domain.shards, (0, 20), TARGETS).images) == 20
    with pytest.raises(store.StoreError, match=r"0000020-0000039.zarr.zip: 'image' of lens 23 is not finite \(1 such"):
        load_part(domain.shards, (10, 30), TARGETS)


def test_normalisation_is_by_the_pixels_of_the_band():
    images = torch.randn(50, 2, 8, 8) * torch.tensor([2.0, 30.0])[:, None, None] + 7
    values = normalise(images, pixel_statistics(FloatImages(images)))
    torch.testing.assert_close(values.mean(dim=(0, 2, 3)), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(values.std(dim=(0, 2, 3)), torch.ones(2))
    assert torch.equal(normalise(images, None), images)
    assert images.mean() > 1  # as they were
    with pytest.raises(ValueError, match="all pixels are equal"):
        pixel_statistics(FloatImages(torch.ones(4, 1, 8, 8)))


def test_models_are_read_back_and_must_fit(domains, tmp_path):
    path = train(domains, tmp_path, "none", range(1, 3), epochs=1) / "model.safetensors"
    networks, _ = load_models(path, recipe(), TARGETS, bands=1, pixels=PIXELS)
    assert list(networks) == [1, 2]
    assert torch.equal(networks[2].head[0].weight, load_file(path)["2/head.0.weight"])
    assert not networks[1].training
    with pytest.raises(ValueError, match="seed 1 does not fit lens_cnn with 3 band"):
        load_models(path, recipe(), TARGETS, bands=3, pixels=PIXELS)
    save_file({"nonsense": torch.ones(1)}, tmp_path / "other.safetensors")
    for name in ("other.safetensors", "history.csv", "missing.safetensors"):
        with pytest.raises(ValueError, match=f"{name}: not a readable file of networks"):
            load_models(tmp_path / name, recipe(), TARGETS, bands=1, pixels=PIXELS)


def test_cross_validation_writes_every_point_and_fold(domains, tmp_path):
    grid = {"optimiser.lr": [1e-5, 3e-3], "loss": ["mse", "huber"]}
    cross = CrossValidation(recipe="r", dataset="clean", lenses=96, folds=2, grid=grid)
    cross_validate(recipe(epochs=6), cross, TARGETS, domains[0], tmp_path / "cv.csv")
    with open(tmp_path / "cv.csv") as file:
        rows = list(csv.DictReader(file))
    assert [(row["optimiser.lr"], row["loss"], row["fold"]) for row in rows] == [
        (str(lr), loss, fold) for lr in (1e-5, 3e-3) for loss in ("mse", "huber") for fold in "01"
    ]
    assert min(float(row["r2"]) for row in rows[4:]) > max(float(row["r2"]) for row in rows[:4])
    with pytest.raises(ValueError, match="200 lenses asked for, clean has 112"):
        cross_validate(recipe(), cross.model_copy(update={"lenses": 200}), TARGETS, domains[0], tmp_path / "no.csv")


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop"])
@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
def test_every_optimiser_and_schedule_goes_to_the_end(domains, name, schedule):
    part = load_part(domains[0].shards, (0, 64), TARGETS)
    learner = Learner(recipe(optimiser={"name": name}, schedule={"name": schedule}), METHODS["none"], 0, part, ENCODING)
    rates = [epoch.lr for [epoch] in learner.run()]
    assert len(rates) == 3
    last = {
        "constant": 1e-3,
        "cosine": 1e-3 * (1 - np.cos(np.pi / 12)) / 2,
        "one_cycle": 1e-3 / 25 / 1e4,
    }  # of 12 batches
    assert rates[-1] == pytest.approx(last[schedule])


def test_small_parts_are_refused(domains):
    part = load_part(domains[0].shards, (0, 10), TARGETS)
    with pytest.raises(TrainingError, match="source: 10 training images do not fill one batch of 16"):
        Learner(recipe(), METHODS["none"], 0, part, ENCODING)


def test_adaptation_weight_rises_as_published():
    assert adaptation_weight(METHODS["mmd"], 0.0) == 1.4
    assert adaptation_weight(METHODS["dann"], 0.0) == 0
    assert adaptation_weight(METHODS["dann"], 0.1) == pytest.approx(0.46211716)
    assert adaptation_weight(METHODS["dann"], 1.0) == pytest.approx(0.99990920)

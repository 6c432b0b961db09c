"""What recipes and runs may ask for: schedules, optimisers, and starting from earlier runs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from sim2sky import store
from sim2sky.config import MEAN_PARAMETER, Method, Recipe, Split, merge
from sim2sky.data.domain import Domain, load_part
from sim2sky.data.images import pixel_statistics, statistics_of
from sim2sky.evaluate.metrics import run_metrics
from sim2sky.evaluate.predict import predict_block
from sim2sky.models.imagenet import WeightsError
from sim2sky.models.inference import predict
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.network_file import load_models
from sim2sky.train import checkpoint
from sim2sky.train.block import train_block
from sim2sky.train.earlier import Worst
from sim2sky.train.loop import Learner
from sim2sky.train.optimise import make_optimiser

PIXELS, LENSES, CPU = 10, 200, torch.device("cpu")
TARGETS = ["sigma", "theta"]
ENCODING = LabelEncoding(TARGETS)
NONE, MMD = Method(title="None", adaptation="none"), Method(title="MMD", adaptation="mmd")
RECIPE = {"network": "lens_cnn", "epochs": 4, "batch_size": 16, "optimiser": {"lr": 1e-3}, "normalisation": "eight_bit"}


def recipe(**change) -> Recipe:
    return Recipe.model_validate(merge(RECIPE, change))


@pytest.fixture(scope="module")
def domain(tmp_path_factory) -> Domain:
    return bytes_domain(tmp_path_factory.mktemp("bytes"))


def bytes_domain(folder: Path) -> Domain:
    """8-bit images in three shards, as bright as the first label is large; shards have many chunks."""
    random = np.random.default_rng(0)
    sigma, theta = random.integers(5, 60, LENSES), random.integers(0, 180, LENSES)
    image = random.integers(0, 60, (LENSES, 1, PIXELS, PIXELS)) + 3 * sigma[:, None, None, None]
    data = {"image": image.astype(np.uint8), "sigma": sigma, "sigma2": np.full(LENSES, 20), "theta": theta}
    paths = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "CHUNK", 16)
        for start, stop in ((0, 70), (70, 140), (140, LENSES)):
            variables = {name: store.Variable(values[start:stop]) for name, values in data.items()}
            variables["image"] = store.Variable(data["image"][start:stop], store.IMAGE_DIMS)
            variables["lens"] = store.Variable(np.arange(start, stop))
            paths.append(folder / f"{start}.zarr.zip")
            store.write_shard(paths[-1], variables, {})
    return Domain("bytes", paths, Split(train=0.6, validation=0.2, test=0.2).bounds(LENSES))


def part(domain: Domain, **options):
    return load_part(domain.shards, domain.bounds["train"], TARGETS, **options)


def train(
    domain: Domain, folder: Path, method: Method = NONE, seeds: range = range(2), worst=None, start=None, **change
):
    adapt_to = domain if method is MMD else None
    files = folder / "model.safetensors", folder / "history.csv"
    train_block(recipe(**change), method, TARGETS, seeds, domain, adapt_to, *files, {}, start_from=start, worst=worst)
    return folder


def train_until(monkeypatch, checkpoints: int, domain: Domain, folder: Path, **options) -> None:
    """A training that dies after so many checkpoints."""
    save, count = checkpoint.save, iter(range(1, 100))

    def dying(*arguments):
        save(*arguments)
        if next(count) == checkpoints:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoint, "save", dying)
        train(domain, folder, **options)


def rates(domain, **change) -> list[float]:
    learner = Learner(recipe(**change), NONE, 0, part(domain).prepared(None, CPU), ENCODING)
    found = []
    for [epoch] in learner.run():
        found.append(epoch.lr)
        learner.validated(1.0)  # never falls after the first
    return found


def test_stages_follow_each_other(domain):
    stages = [{"epochs": 1, "lr": 1e-3}, {"epochs": 2, "lr": 1e-4}, {"epochs": 1, "lr": 5e-5}]
    assert rates(domain, schedule={"name": "staged", "stages": stages}) == pytest.approx([1e-3, 1e-4, 1e-4, 5e-5])


def test_plateau_lowers_the_rate_after_the_patience(domain):
    schedule = {"name": "plateau", "factor": 0.2, "patience": 1}
    # the second epoch without a lower loss is one more than the patience
    assert rates(domain, epochs=6, schedule=schedule) == pytest.approx([1e-3, 1e-3, 1e-3, 2e-4, 2e-4, 4e-5])


def test_momentum_and_lion_take_the_steps_that_they_are_known_for():
    def steps(**options) -> list[float]:
        weight = torch.nn.Parameter(torch.tensor([1.0]))
        optimiser, found = make_optimiser(recipe(optimiser=options).optimiser, [weight]), []
        for _ in range(2):
            weight.grad, before = torch.tensor([2.0]), weight.item()
            optimiser.step()
            found.append(before - weight.item())
        return found

    assert steps(name="sgd", lr=0.1) == pytest.approx([0.2, 0.2])
    assert steps(name="sgd", lr=0.1, momentum=0.5) == pytest.approx([0.2, 0.3])
    assert steps(name="lion", lr=0.01) == pytest.approx([0.01, 0.01]), "the sign alone"


@pytest.mark.parametrize("name", ["sgd", "rmsprop"])
def test_one_cycle_leaves_the_momentum_to_the_recipe(domain, name):
    optimiser = {"name": name, "lr": 1e-4, "momentum": 0.3}
    learner = Learner(
        recipe(optimiser=optimiser, schedule={"name": "one_cycle"}), NONE, 0, part(domain).prepared(None, CPU), ENCODING
    )
    for _ in learner.run():
        assert learner.optimiser.param_groups[0]["momentum"] == 0.3


def test_evaluation_mode_may_stay_on_after_the_first_epoch(domain):
    after = {}
    for stays in (False, True):
        learner = Learner(recipe(eval_after_first_epoch=stays), NONE, 0, part(domain).prepared(None, CPU), ENCODING)
        epochs = learner.run()
        next(epochs)
        first = learner.network.features[2].running_mean.clone()
        next(epochs)
        after[stays] = torch.equal(first, learner.network.features[2].running_mean)
        images = learner.source.images
        outputs = predict(learner.network, images, learner.recipe.batch_size, batch_statistics=not stays)
        expected = learner.objective.regression(learner.network, outputs, learner.source.labels).item()
        assert learner.validate(learner.source)["loss"] == pytest.approx(expected), "in the mode of training"
    assert after == {False: False, True: True}, "batch normalisation is frozen"


def test_weights_of_angles_are_ellipticities(domain):
    weight = part(domain, weight_angles=True).weight
    sigma = store.open_shards(domain.shards).read("sigma")[:120]
    assert weight[:, 0].unique().tolist() == [1]
    np.testing.assert_allclose(weight[:, 1], 1 - np.minimum(sigma / 20, 20 / sigma), rtol=1e-6)


@pytest.mark.parametrize("network", ["squeezenet1_1", "mnasnet0_5", "swin_t"])
def test_options_of_a_network_go_from_training_to_prediction(domain, tmp_path, network):
    """And to what starts from its weights or from its errors."""
    options = {"head": "extra_layers", "input_pixels": 20}
    asked = {"network": network, "network_options": options, "epochs": 1, "standardise": True}
    first = train(domain, tmp_path / "first", MMD, range(1), **asked) / "model.safetensors"
    worst = Worst(first, recipe(**asked).params(), 0.5)
    train(domain, tmp_path / "second", seeds=range(1), start=first, worst=worst, **asked)
    files = tmp_path / "predictions.parquet", tmp_path / "latents.zarr.zip"
    predict_block(first, recipe(**asked), TARGETS, [domain], *files, {})
    assert len(pd.read_parquet(files[0])) == 3 * len(TARGETS) * 40
    networks, _ = load_models(first, recipe(**asked), TARGETS, 1, PIXELS)
    assert networks[0].input_pixels == 20
    assert len(networks[0].head) in (5, 6)


def test_imagenet_is_for_first_weights_alone(domain, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = {"network": "squeezenet1_1", "network_options": {"input_pixels": 20}, "epochs": 1}
    first = train(domain, tmp_path / "first", seeds=range(1), **asked) / "model.safetensors"
    asked["network_options"] = {"input_pixels": 20, "weights": "imagenet"}
    with pytest.raises(WeightsError, match="squeezenet1_1"):
        train(domain, tmp_path / "none", seeds=range(1), **asked)
    train(domain, tmp_path / "second", seeds=range(1), start=first, **asked)
    load_models(first, recipe(**asked), TARGETS, 1, PIXELS)


def test_training_starts_from_the_weights_of_an_earlier_run(domain, tmp_path):
    first = train(domain, tmp_path / "first", standardise=True) / "model.safetensors"
    start = {name: value for name, value in load_file(first).items() if name.startswith("1/")}
    still = {"epochs": 1, "standardise": True, "optimiser": {"name": "sgd", "lr": 1e-12}}
    after = load_file(train(domain, tmp_path / "second", start=first, **still) / "model.safetensors")
    for name, value in start.items():
        if "running" not in name and "num_batches" not in name:
            torch.testing.assert_close(after[name], value, atol=1e-8, rtol=0)
    assert not torch.equal(after["0/head.0.weight"], after["1/head.0.weight"]), "each seed from its own"


def test_the_worst_predicted_are_trained_on(domain, tmp_path):
    asked = {"epochs": 10, "standardise": True, "angles": "sin_cos"}
    model = train(domain, tmp_path / "first", **asked) / "model.safetensors"
    whole = part(domain).prepared(statistics_of("eight_bit", None), CPU)
    chosen = {seed: Worst(model, recipe(**asked), 0.25).of(whole, TARGETS, seed) for seed in (0, 1)}
    networks, encoding = load_models(model, recipe(**asked), TARGETS, 1, PIXELS)
    assert list(load_models(model, recipe(**asked), TARGETS, 1, PIXELS, [1])[0]) == [1]
    error = (predict(networks[1], whole.images, 16) - encoding.encode(whole.labels)).square().mean(dim=1)
    assert set(chosen[1].lens) == set(error.argsort(descending=True)[:30].tolist())
    assert torch.equal(chosen[1].labels, whole.labels[chosen[1].lens])
    assert set(chosen[1].lens) != set(chosen[0].lens), "by the network of the same seed"


CHANGES = {
    "streamed": {"memory_limit_gb": 5e-6, "normalisation": "per_domain"},
    "sin_cos": {"angles": "sin_cos", "standardise": True, "weight_angles": True},
    "staged lion": {
        "optimiser": {"name": "lion"},
        "schedule": {"name": "staged", "stages": [{"epochs": 2, "lr": 1e-3}, {"epochs": 2, "lr": 1e-4}]},
    },
    "plateau": {  # standardised: plain gradients of degrees squared would be too large a step
        "standardise": True,
        "schedule": {"name": "plateau", "patience": 0},
        "optimiser": {"name": "sgd", "momentum": 0.9},
    },
    "trap": {"eval_after_first_epoch": True, "optimiser": {"name": "rmsprop"}, "loss": "mae"},
}


@pytest.mark.parametrize("name", [*CHANGES, "start", "worst"])
def test_an_interrupted_training_ends_in_the_same_bytes(domain, tmp_path, monkeypatch, name):
    options = {"method": MMD if name == "streamed" else NONE, **CHANGES.get(name, {})}
    if name in ("start", "worst"):
        earlier = train(domain, tmp_path / "earlier") / "model.safetensors"
        options |= {"start": earlier} if name == "start" else {"worst": Worst(earlier, recipe(), 0.3)}
    whole = train(domain, tmp_path / "whole", **options)
    train_until(monkeypatch, 3, domain, tmp_path / "broken", **options)
    train(domain, tmp_path / "broken", **options)
    for file in ("model.safetensors", "history.csv"):
        assert (tmp_path / "broken" / file).read_bytes() == (whole / file).read_bytes()


@pytest.mark.parametrize("change", ["fraction", "role"])
def test_a_checkpoint_on_other_lenses_is_refused(domain, tmp_path, monkeypatch, capsys, change):
    earlier = train(domain, tmp_path / "earlier", seeds=range(1)) / "model.safetensors"
    options = {"seeds": range(1), "worst": Worst(earlier, recipe(), 0.3)}
    train_until(monkeypatch, 2, domain, tmp_path / "broken", **options)
    options |= {"worst": Worst(earlier, recipe(), 0.6)} if change == "fraction" else {"worst": None, "start": earlier}
    whole = train(domain, tmp_path / "whole", **options)
    capsys.readouterr()
    train(domain, tmp_path / "broken", **options)
    assert "made with another earlier networks" in capsys.readouterr().out
    assert (tmp_path / "broken/model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


@pytest.mark.parametrize(("network", "passes"), [("lens_cnn", 3), ("squeezenet1_1", 1)])
@pytest.mark.parametrize("statistics", [["running", "batch", "adabn"], ["running"]])
def test_nothing_is_predicted_or_read_in_vain(domain, tmp_path, monkeypatch, network, passes, statistics):
    options = {"input_pixels": 20} if network == "squeezenet1_1" else {}
    asked = recipe(network=network, network_options=options, epochs=1, normalisation="eight_bit")
    seen, read = [], []
    model = train(domain, tmp_path, seeds=range(1), **asked.params()) / "model.safetensors"

    def watched_predict(*arguments):
        seen.append(arguments)
        return predict(*arguments)

    def watched_load(shards, bounds, *arguments, **options):
        read.append(bounds)
        return load_part(shards, bounds, *arguments, **options)

    monkeypatch.setattr("sim2sky.evaluate.predict.inference.predict", watched_predict)
    monkeypatch.setattr("sim2sky.evaluate.predict.load_part", watched_load)
    files = tmp_path / "predictions.parquet", tmp_path / "latents.zarr.zip"
    predict_block(model, asked, TARGETS, [domain], *files, {}, statistics=statistics)
    assert len(seen) == (passes if len(statistics) > 1 else 1)
    trained = [domain.bounds["train"]] if passes * len(statistics) == 9 else []
    assert read == [*trained, domain.bounds["test"]]
    table = pd.read_parquet(files[0])
    assert list(table.statistics.unique()) == statistics
    assert set(run_metrics(table).statistics) == set(statistics)


@pytest.mark.parametrize("limit", [8.0, 5e-6])
def test_predictions_are_long_and_in_units(domain, tmp_path, limit):
    asked = recipe(standardise=True, angles="sin_cos", memory_limit_gb=limit, normalisation="per_domain")
    model = train(domain, tmp_path, **asked.params()) / "model.safetensors"
    files = tmp_path / "predictions.parquet", tmp_path / "latents.zarr.zip"
    predict_block(model, asked, TARGETS, [domain], *files, {})
    table = pd.read_parquet(files[0])
    columns = ["domain", "seed", "statistics", "lens", "parameter", "unit", "true", "predicted"]
    assert list(table.columns) == columns, "clean images have no observing conditions"
    assert len(table) == 2 * 3 * 2 * 40
    networks, encoding = load_models(model, asked, TARGETS, 1, PIXELS)
    train_part, test_part = part(domain), load_part(domain.shards, domain.bounds["test"], TARGETS)
    images = test_part.prepared(pixel_statistics(train_part.images), CPU).images
    expected = encoding.decode(predict(networks[1], images, 16))
    for column, name in enumerate(TARGETS):
        rows = table.query(f"parameter == '{name}' and seed == 1 and statistics == 'running'")
        np.testing.assert_array_equal(rows.true, test_part.labels[:, column])
        np.testing.assert_allclose(rows.predicted, expected[:, column], rtol=1e-4)
        np.testing.assert_array_equal(store.open_shards([files[1]]).read(f"{name}_bytes"), test_part.labels[:, column])
    assert set(run_metrics(table).parameter) == {*TARGETS, MEAN_PARAMETER}

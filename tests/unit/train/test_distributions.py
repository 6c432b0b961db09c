"""Training with losses that give a distribution: under every method, resumed, several seeds together, with auxiliary outputs."""

from dataclasses import replace

import pandas as pd
import pytest
import torch
from torch import nn

from sim2sky.data.domain import load_part
from sim2sky.data.images import FloatImages
from sim2sky.evaluate.predict import predict_block
from sim2sky.losses import create_loss
from sim2sky.losses.flow import CONTEXT
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.network_file import load_models
from sim2sky.train.earlier import Worst
from sim2sky.train.loop import Learner
from sim2sky.train.objective import AUXILIARY_WEIGHT, Objective
from sim2sky.train.team import Team
from tests.unit.train.test_train import METHODS, TARGETS, contents, history, interrupt, make_domain, recipe, train

LOSSES = ["gaussian_nll", "beta_nll", "flow"]


@pytest.fixture(scope="module")
def domains(tmp_path_factory):
    folder = tmp_path_factory.mktemp("domains")
    return make_domain(folder, "clean", 160), make_domain(folder, "sky", 120, offset=0.3, noise=0.3)


@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize("loss", LOSSES)
def test_a_simple_label_is_learnt_with_its_error(domains, tmp_path, loss, method):
    rows = history(train(domains, tmp_path, method, epochs=15, loss=loss, standardise=True))
    assert float(rows[-1]["source_r2"]) > 0.5
    assert float(rows[-1]["loss"]) < float(rows[-1]["guess_loss"]) < float(rows[0]["loss"])


@pytest.mark.parametrize("loss", ["beta_nll", "flow"])
def test_resumed_training_ends_in_the_same_bytes(domains, tmp_path, monkeypatch, loss):
    options = {"seeds": range(2), "loss": loss, "standardise": True}
    expected = contents(train(domains, tmp_path / "unbroken", "dann", **options))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, 4)
        train(domains, tmp_path / "broken", "dann", **options)
    assert contents(train(domains, tmp_path / "broken", "dann", **options)) == expected


@pytest.mark.parametrize("loss", ["gaussian_nll", "beta_nll"])
def test_seeds_trained_together_are_the_seeds_one_by_one(domains, loss):
    source, target = (load_part(domain.shards, domain.bounds["train"], TARGETS) for domain in domains)
    source, target = (
        replace(part, images=FloatImages(part.images.values.double()), labels=part.labels.double())
        for part in (source, target)
    )
    change = recipe(loss=loss, standardise=True, epochs=2)
    encoding = LabelEncoding.fitted(TARGETS, change, source.labels)

    def learners():
        made = [Learner(change, METHODS["mmd"], seed, source, encoding, target) for seed in range(2)]
        for learner in made:
            learner.step.double()
        return made

    alone, together = learners(), Team(learners())
    for learner in alone:
        list(learner.run())
    list(together.run())
    for one, other in zip(alone, together.learners, strict=True):
        for mine, theirs in zip(one.network.parameters(), other.network.parameters(), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-9)


class WithAuxiliary(nn.Module):
    """Leaves an auxiliary output, half of its own."""

    def __init__(self, outputs):
        super().__init__()
        self.head = nn.Linear(1, outputs)

    def features(self, images):
        latent = images.mean(dim=(1, 2, 3))[:, None]
        self.auxiliary_outputs = [self.head(latent) / 2]
        return latent


@pytest.mark.parametrize("loss", LOSSES)
def test_auxiliary_outputs_have_the_same_loss(loss):
    encoding, function = LabelEncoding(["chi"]), create_loss(loss, 1)
    network = WithAuxiliary(function.outputs)
    function.build(network)
    images, labels = torch.randn(4, 1, 3, 3), torch.randn(4, 1)
    value, alone, latent = Objective(loss, encoding)(network, images, labels)
    outputs = network.head(latent)
    expected = function(network, outputs, labels), function(network, outputs / 2, labels)
    torch.testing.assert_close(alone, expected[0])
    torch.testing.assert_close(value, expected[0] + AUXILIARY_WEIGHT * expected[1])


@pytest.mark.parametrize(("loss", "outputs"), [("beta_nll", 2), ("flow", CONTEXT)])
def test_tables_have_the_estimate_of_a_distribution(domains, tmp_path, loss, outputs):
    change = {"loss": loss, "standardise": True, "epochs": 15}
    model = train(domains, tmp_path, "none", **change) / "model.safetensors"
    predict_block(model, recipe(**change), TARGETS, domains[:1], tmp_path / "p.parquet", tmp_path / "l.zarr.zip", {})
    table = pd.read_parquet(tmp_path / "p.parquet")
    assert table.groupby("statistics").apply(lambda rows: rows.true.corr(rows.predicted)).min() > 0.7
    assert (table.predicted - table.true).abs().mean() < 0.5  # in arcsec, not in deviations
    networks, _ = load_models(model, recipe(**change), TARGETS, 1, 12)
    assert networks[0](torch.zeros(2, 1, 12, 12)).shape == (2, outputs)


def test_the_worst_lenses_are_those_of_the_largest_errors_of_the_estimate(domains, tmp_path):
    change = {"loss": "beta_nll", "standardise": True, "epochs": 5}
    model = train(domains, tmp_path, "none", **change) / "model.safetensors"
    part = load_part(domains[0].shards, domains[0].bounds["train"], TARGETS)
    worst = Worst(model, recipe(**change), 0.25).of(part, TARGETS, 0)
    networks, encoding = load_models(model, recipe(**change), TARGETS, 1, 12)
    with torch.no_grad():
        error = (networks[0](part.images[:])[:, :1] - encoding.encode(part.labels)).abs()[:, 0]
    assert sorted(worst.lens) == sorted(part.lens[error.topk(len(worst.lens)).indices.numpy()])

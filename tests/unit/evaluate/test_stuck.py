"""Networks that are stuck at the mean, from their learning curves."""

import numpy as np
import pandas as pd
import pytest
import torch

from sim2sky.config import Method, Recipe
from sim2sky.data.domain import Part
from sim2sky.data.images import FloatImages
from sim2sky.evaluate.stuck import stuck_metrics
from sim2sky.models.labels import LabelEncoding
from sim2sky.train.loop import Learner

TARGETS = ["x", "theta"]
NONE = Method(title="", adaptation="none")


def test_a_network_is_stuck_above_the_guess(tmp_path):
    rows = [(seed, epoch, 5.0 if seed == 1 else 6.0 - epoch) for seed in (0, 1) for epoch in (1, 2, 3)]
    table = pd.DataFrame(rows, columns=["seed", "epoch", "loss"]).assign(guess_loss=4.0)
    table.to_csv(tmp_path / "history.csv")
    found = stuck_metrics(tmp_path / "history.csv", "clean", after_epochs=[1, 99])
    values = found.groupby("metric").value.agg(list).to_dict()
    assert values == {"stuck_fraction": [0, 1], "stuck_fraction_after_1": [1, 1]}, "no epoch 99, no number"
    assert set(found.domain) == {"clean"}


@pytest.mark.parametrize("loss", ["mse", "mae"])
@pytest.mark.parametrize("angles", ["degrees", "sin_cos"])
def test_loss_of_guessing_is_the_spread_of_the_labels(loss, angles):
    generator = np.random.default_rng(0)
    labels = torch.from_numpy(generator.uniform(0, [100, 180], (40, 2))).float()
    part = Part(FloatImages(torch.zeros(40, 1, 8, 8)), labels, np.arange(40))
    recipe = Recipe(network="lens_cnn", epochs=1, batch_size=8, loss=loss, optimiser={"lr": 1e-3}, angles=angles)
    shown = labels.numpy().astype(float)
    if angles == "sin_cos":
        turn = np.deg2rad(2 * shown[:, 1])
        shown = np.stack([shown[:, 0], np.sin(turn), np.cos(turn)], axis=1)
    spread = shown.var(axis=0).mean() if loss == "mse" else np.abs(shown - shown.mean(axis=0)).mean()
    learner = Learner(recipe, NONE, 0, part, LabelEncoding.fitted(TARGETS, recipe, labels))
    assert learner.guess_loss == pytest.approx(spread, rel=1e-5)


def test_of_standardised_labels_it_is_one():
    labels = torch.from_numpy(np.random.default_rng(0).uniform(0, [100, 180], (40, 2))).float()
    recipe = Recipe(network="lens_cnn", epochs=1, batch_size=8, optimiser={"lr": 1e-3}, standardise=True)
    part = Part(FloatImages(torch.zeros(40, 1, 8, 8)), labels, np.arange(40))
    learner = Learner(recipe, NONE, 0, part, LabelEncoding.fitted(TARGETS, recipe, labels))
    assert learner.guess_loss == pytest.approx(39 / 40, rel=1e-5)

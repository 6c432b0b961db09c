"""What a training takes from an earlier run: initial weights, and which lenses to train on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from pydantic.dataclasses import dataclass

from sim2sky.config import Recipe
from sim2sky.data.domain import Part
from sim2sky.losses import create_loss
from sim2sky.models.inference import predict
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.network_file import load_models, read_networks


def first_networks(
    start_from: str | Path | None, recipe: Recipe, targets: Sequence[str], labels: torch.Tensor
) -> tuple[LabelEncoding, dict[int, dict[str, torch.Tensor]]]:
    """How outputs encode parameters, and initial weights by seed, none of them without an earlier run `start_from`.

    Networks of an earlier run keep the encoding that they have learnt; otherwise it is fitted to `labels`, those of the
    training part.
    """
    if start_from is None:
        return LabelEncoding.fitted(targets, recipe, labels), {}
    weights, encoding = read_networks(start_from, recipe, targets)
    return encoding, weights


@dataclass(frozen=True)
class Worst:
    """The lenses that the networks of an earlier run predict worst.

    Parameters
    ----------
    model : path
        Networks of the earlier run, with the same seeds.
    recipe : Recipe
        That of the earlier run, also as a mapping.
    fraction : float
        Fraction of the lenses, those of the largest errors.
    """

    model: str | Path
    recipe: Recipe
    fraction: float

    def of(self, part: Part, targets: Sequence[str], seed: int) -> Part:
        """The lenses of `part` that the network of `seed` predicts worst, in the order of `part`.

        The error of a lens is the mean squared error of the encoded parameters, in evaluation mode.
        """
        _, bands, _, pixels = part.images.shape
        networks, encoding = load_models(self.model, self.recipe, targets, bands, pixels, [seed])
        network = networks[seed].to(part.images.device)
        outputs = predict(network, part.images, self.recipe.batch_size)
        estimate = create_loss(self.recipe.loss, encoding.outputs).estimate(network, outputs)
        error = (estimate - encoding.encode(part.labels.cpu())).square().mean(dim=1)
        worst = torch.topk(error, round(self.fraction * len(error))).indices
        return part.subset(worst.sort().values.numpy())

"""What a training takes over from an earlier run: first weights, and which lenses it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from pydantic.dataclasses import dataclass

from sim2sky.config import Recipe
from sim2sky.data.domain import Part
from sim2sky.models.inference import predict
from sim2sky.models.labels import Labels
from sim2sky.models.network_file import load_models, read_networks


def first_networks(
    start_from: str | Path | None, recipe: Recipe, targets: Sequence[str], values: torch.Tensor
) -> tuple[Labels, dict[int, dict[str, torch.Tensor]]]:
    """Labels, and first weights by seed, which are none without an earlier run.

    Networks of an earlier run go on in the space that they have learnt to answer in, so its labels are taken over;
    else labels are fitted to `values`, the targets of the training part.
    """
    if start_from is None:
        return Labels.fitted(targets, recipe, values), {}
    weights, labels = read_networks(start_from, recipe, targets)
    return labels, weights


@dataclass(frozen=True)
class Worst:
    """The lenses that the networks of an earlier run predict worst.

    Parameters
    ----------
    model : path
        Networks of the earlier run, of the same seeds.
    recipe : Recipe
        That run's; a mapping of its values will do.
    fraction : float
        How many of the lenses.
    """

    model: str | Path
    recipe: Recipe
    fraction: float

    def of(self, part: Part, targets: Sequence[str], seed: int) -> Part:
        """The worst-predicted lenses of `part` by the network of `seed`, in the order they have there.

        The error of a lens is the mean squared error of the network's outputs, in evaluation mode.
        """
        _, bands, _, pixels = part.images.shape
        networks, labels = load_models(self.model, self.recipe, targets, bands, pixels, [seed])
        network = networks[seed].to(part.images.device)
        outputs = predict(network, part.images, self.recipe.batch_size)
        error = (outputs - labels.encode(part.target.cpu())).square().mean(dim=1)
        worst = torch.topk(error, round(self.fraction * len(error))).indices
        return part.subset(worst.sort().values.numpy())

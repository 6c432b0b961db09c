"""What training lowers on one batch of labelled images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from sim2sky.models.labels import Labels

LOSSES = {"mse": nn.functional.mse_loss, "mae": nn.functional.l1_loss, "huber": nn.functional.huber_loss}
AUXILIARY_WEIGHT = 0.4  # of a second output on the way; as published for GoogLeNet, arXiv:1409.4842, and after


@dataclass(frozen=True)
class Objective:
    """The regression loss of a recipe.

    Parameters
    ----------
    loss : str
        Key of `LOSSES`.
    labels : Labels
        How the network gives the parameters.
    """

    loss: str
    labels: Labels

    def __call__(
        self, network: nn.Module, images: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What is lowered on a batch, the loss of the network's outputs alone, and the latent features of its images.

        The first two are scalars, and the same but for a network that has further outputs on the way. It leaves them in
        ``auxiliary_outputs`` during ``features`` in training mode; each adds its loss times `AUXILIARY_WEIGHT`.

        Parameters
        ----------
        network : Module
            A registered network.
        images : Tensor, shape (batch, bands, pixels, pixels)
            Normalised.
        target, weight : Tensor, shape (batch, targets)
            Parameters in their own units; weight of each in the loss, None for one.
        """
        latent = network.features(images)
        loss = main = self.regression(network.head(latent), target, weight)
        for outputs in getattr(network, "auxiliary_outputs", ()) if network.training else ():
            loss = loss + AUXILIARY_WEIGHT * self.regression(outputs, target, weight)
        return loss, main, latent

    def regression(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Loss of a network's outputs, in the space that it gives them in."""
        shown = self.labels.encode(target)
        if weight is None:
            return LOSSES[self.loss](outputs, shown)
        return (LOSSES[self.loss](outputs, shown, reduction="none") * self.labels.per_output(weight)).mean()

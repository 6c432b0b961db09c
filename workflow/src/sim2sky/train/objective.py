"""The regression loss of one batch of labelled images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from sim2sky.models.labels import LabelEncoding
from sim2sky.models.registry import Network

LOSSES: dict[str, Callable[..., torch.Tensor]] = {
    "mse": nn.functional.mse_loss,
    "mae": nn.functional.l1_loss,
    "huber": nn.functional.huber_loss,
}
AUXILIARY_WEIGHT = 0.4  # as in PyTorch's tutorial on fine-tuning Inception; GoogLeNet, arXiv:1409.4842, had 0.3

# images, true values of the parameters, and the weight of each value in the loss, where None stands for one
Labelled = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]


@dataclass(frozen=True)
class Objective:
    """The regression loss of a recipe.

    Parameters
    ----------
    loss : str
        Key of `LOSSES`.
    encoding : LabelEncoding
        How the network's outputs encode the parameters.
    """

    loss: str
    encoding: LabelEncoding

    def __call__(
        self, network: Network, images: torch.Tensor, labels: torch.Tensor, weight: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The loss of a batch, that of the network's own outputs alone, and the latent features of the images.

        The first two are scalars. They differ only for a network in training mode that leaves auxiliary outputs in
        ``auxiliary_outputs`` during ``features``: the loss of each of them, times `AUXILIARY_WEIGHT`, is added.

        Parameters
        ----------
        network : Network
            A registered network.
        images : Tensor, shape (batch, bands, pixels, pixels)
            Normalised.
        labels, weight : Tensor, shape (batch, parameters)
            True values of the parameters, each in its unit; weight of each in the loss, where None stands for one.
        """
        latent = network.features(images)
        loss = main = self.regression(network.head(latent), labels, weight)
        for outputs in getattr(network, "auxiliary_outputs", ()) if network.training else ():
            loss = loss + AUXILIARY_WEIGHT * self.regression(outputs, labels, weight)
        return loss, main, latent

    def regression(
        self, outputs: torch.Tensor, labels: torch.Tensor, weight: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Loss of a network's outputs against the encoded labels."""
        encoded = self.encoding.encode(labels)
        if weight is None:
            return LOSSES[self.loss](outputs, encoded)
        return (LOSSES[self.loss](outputs, encoded, reduction="none") * self.encoding.per_output(weight)).mean()

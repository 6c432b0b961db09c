"""The regression loss of one batch of labelled images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch

from sim2sky.losses import Loss, create_loss
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.registry import Network

AUXILIARY_WEIGHT = 0.4  # as in PyTorch's tutorial on fine-tuning Inception; GoogLeNet, arXiv:1409.4842, had 0.3

# images, true values of the parameters, and the weight of each value in the loss, where None stands for one
Labelled = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]


@dataclass(frozen=True)
class Objective:
    """The regression loss of a recipe.

    Parameters
    ----------
    loss : str
        A registered loss.
    encoding : LabelEncoding
        How the network's outputs encode the parameters.
    """

    loss: str
    encoding: LabelEncoding

    @cached_property
    def function(self) -> Loss:
        """The loss as a function of outputs and encoded labels."""
        return create_loss(self.loss, self.encoding.outputs)

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
        loss = main = self.regression(network, network.head(latent), labels, weight)
        for outputs in getattr(network, "auxiliary_outputs", ()) if network.training else ():
            loss = loss + AUXILIARY_WEIGHT * self.regression(network, outputs, labels, weight)
        return loss, main, latent

    def regression(
        self, network: Network, outputs: torch.Tensor, labels: torch.Tensor, weight: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Loss of a network's outputs against the encoded labels."""
        return self.function(network, outputs, self.encoding.encode(labels), self._per_output(weight))

    def guess(self, network: Network, labels: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
        """Loss of always answering with the mean of the encoded labels."""
        return self.function.guess(network, self.encoding.encode(labels), self._per_output(weight))

    def predicted(self, network: Network, outputs: torch.Tensor) -> torch.Tensor:
        """Values of the parameters, each in its unit, that outputs stand for, shape (n, parameters)."""
        return self.encoding.decode(self.function.estimate(network, outputs))

    def _per_output(self, weight: torch.Tensor | None) -> torch.Tensor | None:
        return None if weight is None else self.encoding.per_output(weight)

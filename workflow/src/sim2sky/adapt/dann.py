"""Domain-adversarial training: Ganin et al. 2016, arXiv:1505.07818."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from sim2sky.adapt.registry import Adaptation, register_adaptation


class _ReverseGradient(torch.autograd.Function):
    generate_vmap_rule = True  # several seeds may train as one batched model

    @staticmethod
    def forward(values: torch.Tensor) -> torch.Tensor:
        return values.view_as(values)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: torch.Tensor) -> None:
        """Nothing to keep."""

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        return -gradient


def reverse_gradient(values: torch.Tensor) -> torch.Tensor:
    """The identity, whose gradient is multiplied by -1."""
    return _ReverseGradient.apply(values)


@register_adaptation
@dataclass(eq=False)
class dann(Adaptation):  # noqa: N801  registered under its own name
    """A domain head learns to tell the domains apart; a reversed gradient teaches the network to make this impossible.

    The head has the two linear layers of the regressor, as in Swierc et al. 2023 (arXiv:2311.17238); the loss is its
    negative log likelihood, averaged over both batches. The method's weight and schedule multiply the loss, so they act
    on head and network alike.
    """

    hidden: int = 128

    def build(self, latent: int) -> None:
        self.head = nn.Sequential(
            nn.Linear(latent, self.hidden), nn.ReLU(), nn.Linear(self.hidden, 2), nn.LogSoftmax(dim=1)
        )

    def loss(self, source: torch.Tensor, target: torch.Tensor, progress: float) -> torch.Tensor:
        domain = torch.zeros(len(source) + len(target), dtype=torch.long, device=source.device)
        domain[len(source) :] = 1
        return F.nll_loss(self.head(reverse_gradient(torch.cat([source, target]))), domain)

"""Negative log likelihood of a normal distribution: a network gives mean and logarithm of the variance of each encoded value."""

from __future__ import annotations

import math

import torch

from sim2sky.losses.registry import Loss, register_loss
from sim2sky.models.registry import Network

# of encoded values, which are standardised: as torch.nn.GaussianNLLLoss, which takes no smaller variance
SMALLEST, LARGEST = 1e-6, 1e6


@register_loss
class gaussian_nll(Loss):  # noqa: N801  registered under its own name
    """(log variance + squared error / variance) / 2, the mean over all encoded values (Nix & Weigend 1994).

    It is :class:`torch.nn.GaussianNLLLoss`, which `torch.func.vmap` cannot take, since it looks at the values.
    """

    beta = 0.0

    @property
    def outputs(self) -> int:
        """Means, then logarithms of the variances."""
        return 2 * self.encoded

    def __call__(
        self, network: Network, outputs: torch.Tensor, encoded: torch.Tensor, weight: torch.Tensor | None = None
    ) -> torch.Tensor:
        mean, log_variance = self._parts(outputs)
        loss = (log_variance + (encoded - mean).square() * (-log_variance).exp()) / 2
        if self.beta:
            loss = loss * (self.beta * log_variance.detach()).exp()
        return (loss if weight is None else loss * weight).mean()

    def guess(self, network: Network, encoded: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
        """The loss of always answering with mean and variance of `encoded`."""
        variance, mean = torch.var_mean(encoded, dim=0, keepdim=True, correction=0)
        always = torch.cat([mean, variance.clamp(min=SMALLEST).log()], dim=1).expand(len(encoded), -1)
        return self(network, always, encoded, weight)

    def estimate(self, network: Network, outputs: torch.Tensor) -> torch.Tensor:
        return outputs[:, : self.encoded]

    def variance(self, outputs: torch.Tensor) -> torch.Tensor:
        return self._parts(outputs)[1].exp()

    def _parts(self, outputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Means and logarithms of the variances, which are kept in range; their gradient is as if they were not."""
        mean, free = outputs[:, : self.encoded], outputs[:, self.encoded :]
        kept = free.clamp(math.log(SMALLEST), math.log(LARGEST))
        return mean, free + (kept - free).detach()


@register_loss
class beta_nll(gaussian_nll):  # noqa: N801
    """`gaussian_nll` with each term times variance^0.5, so that lenses of large variance are not neglected.

    Seitzer et al. 2022, arXiv:2203.09168, who recommend this exponent. No gradient goes through the factor.
    """

    beta = 0.5

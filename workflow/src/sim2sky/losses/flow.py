"""Negative log likelihood of a conditional normalising flow: the posterior of all parameters together, of any shape."""

from __future__ import annotations

import math
from functools import cache

import torch

from sim2sky.losses.registry import Loss, register_loss
from sim2sky.models.registry import Network

CONTEXT = 16  # outputs of a network, which the flow is conditional on
POINTS = 256  # of the base distribution, from which samples are made
POINTS_OF_ESTIMATE = 128  # whose median is the estimate, if there is more than one parameter
SEED = 2023  # of the points
CHUNK = 64  # lenses whose samples are drawn at once; of the last ones there may be fewer


@register_loss
class flow(Loss):  # noqa: N801  registered under its own name
    """A neural spline flow (Durkan et al. 2019, arXiv:1906.04032), of zuko, as the network's head.

    The flow is conditional on what the network's last layer makes of the latent features. The loss is the negative logarithm of the density,
    over the number of encoded values. The points of the base distribution, of which samples are made, are always the same ones, so a lens
    has the same samples whatever others there are.
    """

    @property
    def outputs(self) -> int:
        return CONTEXT

    def build(self, network: Network) -> None:
        import zuko  # by jobs with a flow alone

        # half of the values at a time: sampling one after the other would take a pass for each
        passes = {"passes": 2} if self.encoded > 2 else {}
        size = {"transforms": 3, "hidden_features": (64, 64), "bins": 8}
        network.density = zuko.flows.NSF(self.encoded, CONTEXT, **size, **passes)

    def __call__(
        self, network: Network, outputs: torch.Tensor, encoded: torch.Tensor, weight: torch.Tensor | None = None
    ) -> torch.Tensor:
        if weight is not None:
            raise ValueError("loss flow: a density of all parameters together has no weights of single ones")
        device = _device(network)
        return -network.density(outputs.to(device)).log_prob(encoded.to(device)).mean() / self.encoded

    def guess(self, network: Network, encoded: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
        """The loss of always answering with a normal distribution of the mean and variances of `encoded`."""
        return (encoded.var(dim=0, correction=0).log().mean() + 1 + math.log(2 * math.pi)) / 2

    def estimate(self, network: Network, outputs: torch.Tensor) -> torch.Tensor:
        """The median of each value: exact if there is one value, and of samples if there are more."""
        count = 1 if self.encoded == 1 else POINTS_OF_ESTIMATE
        return _samples(network, outputs, points(count, self.encoded)).median(dim=1).values

    def samples(self, network: Network, outputs: torch.Tensor) -> torch.Tensor:
        return _samples(network, outputs, points(POINTS, self.encoded))


@cache
def points(count: int, dimensions: int) -> torch.Tensor:
    """Points of a standard normal distribution, evenly spread in probability, shape (count, dimensions)."""
    if dimensions == 1:
        probabilities = ((torch.arange(count, dtype=torch.float64) + 0.5) / count)[:, None]
    else:
        draws = torch.quasirandom.SobolEngine(dimensions, scramble=True, seed=SEED)
        probabilities = draws.draw(count, dtype=torch.float64).clamp(1e-6, 1 - 1e-6)
    return torch.special.ndtri(probabilities).float()


@torch.no_grad()
def _samples(network: Network, outputs: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
    """What a network's flow makes of the points `base` for each lens, shape (n, points, values), where `outputs` are."""
    device = _device(network)
    base = base.to(device)[:, None]
    drawn = [
        network.density(context.to(device)).transform.inv(base.expand(-1, len(context), -1)).transpose(0, 1)
        for context in outputs.split(CHUNK)
    ]
    return torch.cat(drawn).to(outputs.device)


def _device(network: Network) -> torch.device:
    return next(network.parameters()).device

"""Maximum mean discrepancy: Gretton et al. 2012, JMLR 13, 723; as a loss, Long et al. 2015, arXiv:1502.02791."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from sim2sky.adapt.registry import Adaptation, register_adaptation

# Bousmalis et al. 2016, arXiv:1608.06019, and the astronomical works that follow it
FIXED_SIGMAS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 5, 10, 15, 20, 25, 30, 35, 100, 1e3, 1e4, 1e5, 1e6)
MULTISCALE = (1 / 4, 1 / 2, 1, 2, 4)
_SMALLEST = 1e-30  # squared distance; its inverse is finite in single precision


@register_adaptation
@dataclass(eq=False)
class mmd(Adaptation):  # noqa: N801  registered under its own name
    """Squared maximum mean discrepancy between the latent features of two batches of equal size.

    Parameters
    ----------
    kernel : {"multiscale", "fixed"}
        ``multiscale``: sum of exp(-d^2 / bw) over five bw, the mean squared distance of the joint batch times 1/4 to 4.
        ``fixed``: sum of exp(-d^2 / (2 sigma)) over 19 sigma from 1e-6 to 1e6.
    estimator : {"biased", "unbiased"}
        ``biased``: means over all pairs, as in the public codes after Swierc et al. 2023 (arXiv:2311.17238).
        ``unbiased``: without the pairs i = j, as printed in their text; can be negative.
    """

    kernel: Literal["multiscale", "fixed"] = "multiscale"
    estimator: Literal["biased", "unbiased"] = "biased"

    def loss(self, source: torch.Tensor, target: torch.Tensor, progress: float) -> torch.Tensor:
        n = len(source)
        if len(target) != n:
            raise ValueError(f"mmd: batches of one size are needed, got {n} and {len(target)}")
        kernel = _kernel(squared_distances(torch.cat([source, target])), self.kernel)
        pairs = kernel[:n, :n] + kernel[n:, n:] - kernel[:n, n:] - kernel[n:, :n]
        if self.estimator == "biased":
            return pairs.mean()
        return (pairs.sum() - pairs.trace()) / (n * (n - 1))


def squared_distances(points: torch.Tensor) -> torch.Tensor:
    """Squared Euclidean distances between all rows of `points`, shape (n, n), with zeros on the diagonal.

    Computed from scalar products: a tensor of all differences would take longer than the network itself.
    """
    points = points - points.mean(dim=0).detach()  # less cancellation; distances do not change
    products = points @ points.T
    squares = products.diagonal()
    distances = (squares[:, None] + squares[None, :] - 2 * products).clamp(min=0)
    return distances * (1 - torch.eye(len(points), dtype=points.dtype, device=points.device))


def _kernel(distances: torch.Tensor, name: str) -> torch.Tensor:
    if name == "multiscale":
        n = len(distances)
        # a gradient through the bandwidth would let the network shrink the loss by spreading all features
        mean = distances.detach().sum() / (n * (n - 1))
        # where all features coincide, as they do after a dead ReLU, the loss is zero instead of undefined
        widths = mean.clamp(min=_SMALLEST) * torch.tensor(MULTISCALE, dtype=distances.dtype, device=distances.device)
    else:
        widths = 2 * torch.tensor(FIXED_SIGMAS, dtype=distances.dtype, device=distances.device)
    return torch.exp(-distances / widths[:, None, None]).sum(dim=0)

"""How unlike the images of a domain an image is, by its latent features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

AXES = 16  # principal ones, whose variances are each their own
KEPT = 1000  # values of a sorted sample, at most


@dataclass(frozen=True)
class LatentDistribution:
    """A normal distribution of latent features, with one variance for all directions but the principal ones.

    This is probabilistic principal component analysis (Tipping & Bishop 1999, J. R. Stat. Soc. B 61, 611): a regularised precision, which a
    few numbers hold, where a full one of 800 features has more than a network.

    Parameters
    ----------
    mean : Tensor, shape (latent,)
    axes : Tensor, shape (latent, k)
        Principal axes, each of length one.
    variances : Tensor, shape (k + 1,)
        Along each axis, and along each of all other directions.
    """

    mean: torch.Tensor
    axes: torch.Tensor
    variances: torch.Tensor

    @classmethod
    def fitted(cls, latent: torch.Tensor) -> LatentDistribution:
        """The distribution of latent features, shape (n, latent)."""
        latent = latent.double()
        centred = latent - (mean := latent.mean(dim=0))
        # of the smaller of both products of the features with themselves
        _, singular, rows = torch.linalg.svd(centred, full_matrices=False)
        every, (count, dimensions) = singular.square() / max(1, len(latent) - 1), latent.shape
        kept = max(0, min(AXES, count - 2, dimensions - 1))
        rest = every[kept:].sum() / max(1, dimensions - kept)
        # features that never vary leave no scale; then any other value is infinitely far, which this keeps finite
        smallest = max(1e-9 * every.sum().item() / dimensions, torch.finfo(torch.float32).tiny)
        variances = torch.cat([every[:kept], rest[None]]).clamp(min=smallest)
        return cls(mean.float(), rows[:kept].T.float().contiguous(), variances)

    def distances(self, latent: torch.Tensor) -> torch.Tensor:
        """Mahalanobis distance of latent features, shape (n, latent), from the mean, squared, shape (n,).

        Sums are over one lens at a time, so that the bits of a lens do not depend on the others.
        """
        centred, axes = latent.double() - self.mean.double(), self.axes.double()
        along = torch.stack([(centred * axes[:, k]).sum(dim=1) for k in range(axes.shape[1])], dim=1)
        beyond = (centred.square().sum(dim=1) - along.square().sum(dim=1)).clamp(min=0)
        return (along.square() / self.variances[:-1]).sum(dim=1) + beyond / self.variances[-1]

    def tensors(self) -> dict[str, torch.Tensor]:
        """All of it, for a file of networks."""
        return {"latent_mean": self.mean, "latent_axes": self.axes, "latent_variances": self.variances}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, torch.Tensor]) -> LatentDistribution:
        """The distribution whose `tensors` these are."""
        return cls(*(tensors[f"latent_{name}"] for name in ("mean", "axes", "variances")))


def kept_sample(values: torch.Tensor) -> torch.Tensor:
    """Sorted values, or `KEPT` quantiles of them from the lowest to the highest."""
    ordered = values.double().sort().values
    if len(ordered) <= KEPT:
        return ordered
    return torch.quantile(ordered, torch.linspace(0, 1, KEPT, dtype=torch.float64))


def fraction_above(values: torch.Tensor, sample: torch.Tensor) -> np.ndarray:
    """Fraction of a sorted sample that is at least each of `values`, shape (n,)."""
    return 1 - np.searchsorted(sample.numpy(), values.numpy(), side="left") / len(sample)

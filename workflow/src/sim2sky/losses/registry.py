"""Registry of losses: a file with one decorated class adds a loss."""

from __future__ import annotations

import torch

from sim2sky.config import known
from sim2sky.models.registry import Network

_LOSSES: dict[str, type[Loss]] = {}


class Loss:
    """How far the outputs of a network are from the truth, and what these outputs say.

    A loss that gives a distribution has either a `variance` of each encoded value, about the estimate, or `samples`.

    Parameters
    ----------
    encoded : int
        Values that encode the parameters of a lens, see :class:`sim2sky.models.labels.LabelEncoding`.
    """

    def __init__(self, encoded: int):
        self.encoded = encoded

    @property
    def outputs(self) -> int:
        """Number of outputs of a network."""
        return self.encoded

    def build(self, network: Network) -> None:
        """Give a new network, with this many `outputs`, the weights that the loss has of its own, if any."""

    def __call__(
        self, network: Network, outputs: torch.Tensor, encoded: torch.Tensor, weight: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The loss, a scalar.

        Parameters
        ----------
        network : Network
            The network, which a loss that has weights of its own finds them in.
        outputs : Tensor, shape (n, outputs)
            What it gives.
        encoded, weight : Tensor, shape (n, encoded)
            Encoded labels, and the weight of each, where None stands for one.
        """
        raise NotImplementedError

    def guess(self, network: Network, encoded: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
        """The loss of always answering with the mean of `encoded`, a scalar."""
        return self(network, encoded.mean(dim=0, keepdim=True).expand_as(encoded), encoded, weight)

    def estimate(self, network: Network, outputs: torch.Tensor) -> torch.Tensor:
        """The encoded values that `outputs` stand for, shape (n, encoded)."""
        return outputs

    def variance(self, outputs: torch.Tensor) -> torch.Tensor | None:
        """Variance of each encoded value, shape (n, encoded); None if the outputs have none."""
        return None

    def samples(self, network: Network, outputs: torch.Tensor) -> torch.Tensor | None:
        """Encoded values drawn from the distribution, shape (n, samples, encoded); None if it is no sampled one."""
        return None


def register_loss(loss: type[Loss]) -> type[Loss]:
    """Register a class under its own name."""
    _LOSSES[loss.__name__] = loss
    return loss


def list_losses() -> list[str]:
    """Names of the registered losses."""
    return sorted(_LOSSES)


def create_loss(name: str, encoded: int) -> Loss:
    """The registered loss `name` for so many encoded values; ValueError for an unknown name."""
    known(name, _LOSSES, "loss")
    return _LOSSES[name](encoded)

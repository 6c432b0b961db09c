"""Registry of adaptation methods: a file with one decorated dataclass adds a method."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from sim2sky.config import known
from sim2sky.config.networks import check_options
from sim2sky.registry import registered

_ADAPTATIONS: dict[str, type[Adaptation]] = {}


class Adaptation(nn.Module):
    """What the training loop needs of an adaptation method.

    A method is a dataclass, so that its fields are the options that a study may set. Values of a ``Literal`` and positive
    ``int`` are checked before a job starts, other fields in ``__post_init__``, which must call ``super().__post_init__()``
    first. The method's own weights are trained together with the network's.
    """

    def __post_init__(self) -> None:
        super().__init__()

    def build(self, latent: int) -> None:
        """Make the method's weights, if it has any, for `latent` latent features."""

    def loss(self, source: torch.Tensor, target: torch.Tensor, progress: float) -> torch.Tensor:
        """The adaptation loss, a scalar, before it is multiplied by the method's weight.

        Parameters
        ----------
        source, target : Tensor, shape (batch, latent)
            Latent features of a batch of each domain.
        progress : float
            Fraction of the training that is done, from 0 to 1.
        """
        raise NotImplementedError


def register_adaptation(method: type[Adaptation]) -> type[Adaptation]:
    """Register a dataclass under its own name."""
    _ADAPTATIONS[method.__name__] = method
    return method


def list_adaptations() -> list[str]:
    """Names of the registered adaptation methods."""
    return sorted(_ADAPTATIONS)


def create_adaptation(name: str, latent: int, **options: Any) -> Adaptation:
    """The registered method `name` for `latent` features; ValueError for an unknown name, option or value."""
    known(name, _ADAPTATIONS, "adaptation")
    check_options(name, registered("adapt")[name], options)
    adaptation = _ADAPTATIONS[name](**options)
    adaptation.build(latent)
    return adaptation

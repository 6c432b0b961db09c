"""Losses of an estimate alone, which says nothing about its error."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from sim2sky.losses.registry import Loss, register_loss
from sim2sky.models.registry import Network


class Pointwise(Loss):
    """The mean over all encoded values of a function of estimate and truth."""

    _function: Callable[..., torch.Tensor]

    def __call__(
        self, network: Network, outputs: torch.Tensor, encoded: torch.Tensor, weight: torch.Tensor | None = None
    ) -> torch.Tensor:
        if weight is None:
            return self._function(outputs, encoded)
        return (self._function(outputs, encoded, reduction="none") * weight).mean()


@register_loss
class mse(Pointwise):  # noqa: N801  registered under its own name
    """Squared errors."""

    _function = staticmethod(nn.functional.mse_loss)


@register_loss
class mae(Pointwise):  # noqa: N801
    """Absolute errors."""

    _function = staticmethod(nn.functional.l1_loss)


@register_loss
class huber(Pointwise):  # noqa: N801
    """Half of the squared error up to an error of one, linear beyond it."""

    _function = staticmethod(nn.functional.huber_loss)

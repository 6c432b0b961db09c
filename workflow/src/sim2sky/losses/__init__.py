"""Regression losses, each under its registered name. A module that registers a loss is imported here."""

from sim2sky.losses import flow, gaussian, pointwise
from sim2sky.losses.registry import Loss, create_loss, list_losses, register_loss

__all__ = ["Loss", "create_loss", "flow", "gaussian", "list_losses", "pointwise", "register_loss"]

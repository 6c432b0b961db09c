"""Registry of networks: a file with one decorated function adds a network."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from sim2sky.config import known

_MODELS: dict[str, Callable[..., nn.Module]] = {}


def register_model(build: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """Register a function ``name(*, bands, pixels, outputs)`` under its own name.

    The network that it returns must have ``features(x) -> (n, latent)`` and ``head(latent) -> (n, outputs)``, with
    ``forward(x) = head(features(x))``: adaptation works on what lies between.
    Outputs on the way that training shall lower too are left as a list in ``auxiliary_outputs`` by ``features``.
    """
    _MODELS[build.__name__] = build
    return build


def list_models() -> list[str]:
    """Names of the registered networks."""
    return sorted(_MODELS)


def create_model(name: str, **options: int) -> nn.Module:
    """Build the registered network `name`; raises ValueError, with the nearest name, for an unknown one."""
    known(name, _MODELS, "network")
    return _MODELS[name](**options)

"""Registry of networks: a file with one decorated function adds a network, or several."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from sim2sky.config import check_network, check_side, known


class Network(nn.Module):
    """What every registered network has: ``forward(images) = head(features(images))``.

    Adaptation works on the latent features between the two. If the network has auxiliary outputs, whose loss training
    adds, ``features`` leaves them as a list in ``auxiliary_outputs``.

    Attributes
    ----------
    features : callable
        From images, shape (n, bands, pixels, pixels), to latent features, shape (n, latent).
    head : callable
        From latent features to outputs, shape (n, outputs).
    """

    features: Callable[[torch.Tensor], torch.Tensor]
    head: Callable[[torch.Tensor], torch.Tensor]
    density: nn.Module  # where the loss is a normalising flow alone: what its outputs are the context of


Build = Callable[..., Network]
_MODELS: dict[str, Build] = {}


def register_model(build: Build) -> Build:
    """Register a function ``name(*, bands, pixels, outputs)``, which returns a network, under its own name.

    Further keyword-only arguments are options that a recipe may set in ``network_options``. An option ``weights`` says
    where the initial weights come from; one of its values must be ``none``, for networks whose weights are all loaded.
    """
    _MODELS[build.__name__] = build
    return build


def register_models(smallest: Mapping[str, int], **traits: bool) -> Callable[[Build], Build]:
    """Register a function ``build(name, *, bands, pixels, outputs)`` under several names; otherwise as `register_model`.

    Parameters
    ----------
    smallest : mapping of str to int
        Name to the smallest side of images in pixels. This mapping and the traits must be literals, because they are read
        without importing the module.
    **traits
        Other fields of :class:`sim2sky.registry.Traits`, the same for all these networks.
    """

    def register(build: Build) -> Build:
        _MODELS.update({name: partial(build, name) for name in smallest})
        return build

    return register


def list_models() -> list[str]:
    """Names of the registered networks."""
    return sorted(_MODELS)


def create_model(name: str, *, bands: int = 1, pixels: int = 40, outputs: int = 1, **options: Any) -> Network:
    """Build the registered network `name`.

    Parameters
    ----------
    name : str
        One of :func:`list_models`.
    bands, pixels, outputs : int
        Channels and side of the square images, and number of outputs.
    **options
        The network's own options, as in ``network_options`` of a recipe.

    Raises
    ------
    ValueError
        There is no such network, option or value (the message names the nearest), or the images are too small.
    """
    known(name, _MODELS, "network")
    check_network(name, options)
    check_side(name, pixels, options)
    return _MODELS[name](bands=bands, pixels=pixels, outputs=outputs, **options)

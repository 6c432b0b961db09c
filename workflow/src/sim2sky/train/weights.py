"""The file of a block's networks: weights by seed, and how the networks give their parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import nn

from sim2sky import store
from sim2sky.config import Recipe
from sim2sky.models import create_model
from sim2sky.train.labels import Labels


def write_networks(
    path: str | Path, networks: Mapping[int, dict[str, torch.Tensor]], labels: Labels, provenance: dict
) -> None:
    """Write weights under keys ``<seed>/<parameter>``; what `labels` were fitted to is kept with the provenance."""
    weights = {
        f"{seed}/{name}": tensor.contiguous().cpu()
        for seed, state in networks.items()
        for name, tensor in state.items()
    }
    # one key alone: the file's format does not keep the order of several
    about = {"provenance": json.dumps(provenance | {"labels": labels.state()}, sort_keys=True)}
    with store.atomic(path) as temporary:
        safetensors.torch.save_file(weights, temporary, about)


def read_weights(path: str | Path) -> dict[int, dict[str, torch.Tensor]]:
    """Weights by seed.

    Raises
    ------
    ValueError
        The file is not readable; the message names it.
    """
    weights: dict[int, dict[str, torch.Tensor]] = {}
    try:
        for key, tensor in safetensors.torch.load_file(path).items():
            seed, name = key.split("/", 1)
            weights.setdefault(int(seed), {})[name] = tensor
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"{path}: not a readable file of networks: {error}") from None
    return weights


def read_labels(path: str | Path, recipe: Recipe, targets: Sequence[str]) -> Labels:
    """How the networks in `path` give `targets`."""
    with safetensors.safe_open(path, "pt") as file:
        provenance = json.loads(file.metadata()["provenance"])
    return Labels(targets, recipe.angles, **provenance["labels"])


def load_models(
    path: str | Path, recipe: Recipe, targets: Sequence[str], bands: int, pixels: int
) -> tuple[dict[int, nn.Module], Labels]:
    """Networks of a block by seed, in evaluation mode, on the CPU, and how they give `targets`.

    Raises
    ------
    ValueError
        The file is not readable or does not fit the recipe's network; the message names it.
    """
    networks, weights = {}, read_weights(path)
    labels = read_labels(path, recipe, targets)
    for seed in sorted(weights):
        network = create_model(recipe.network, bands=bands, pixels=pixels, outputs=labels.outputs)
        try:
            network.load_state_dict(weights[seed])
        except RuntimeError as error:
            size = f"{recipe.network} with {bands} band(s) of {pixels} pixels"
            raise ValueError(f"{path}: seed {seed} does not fit {size}: {error}") from None
        networks[seed] = network.to(memory_format=torch.channels_last).eval()
    return networks, labels

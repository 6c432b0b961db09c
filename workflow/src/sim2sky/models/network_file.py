"""The file of a block's networks: the weights of each seed, and how outputs encode parameters."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from sim2sky import store
from sim2sky.config import Recipe
from sim2sky.losses import create_loss
from sim2sky.models import Network, create_model
from sim2sky.models.labels import LabelEncoding


def make_network(
    recipe: Recipe, encoding: LabelEncoding, bands: int, pixels: int, options: Mapping[str, Any]
) -> Network:
    """A recipe's network, with the outputs that its loss asks for, and the weights that the loss has of its own."""
    loss = create_loss(recipe.loss, encoding.outputs)
    network = create_model(recipe.network, bands=bands, pixels=pixels, outputs=loss.outputs, **options)
    loss.build(network)
    return network


def write_networks(
    path: str | Path, networks: Mapping[int, dict[str, torch.Tensor]], encoding: LabelEncoding, provenance: dict
) -> None:
    """Write weights under keys ``<seed>/<name of the weights>``, and the state of `encoding` with the provenance.

    The file also has a checksum of all, because its format has none.
    """
    weights = {
        f"{seed}/{name}": tensor.contiguous().cpu()
        for seed, state in networks.items()
        for name, tensor in state.items()
    }
    write_tensors(path, weights, provenance | {"labels": encoding.state()})


def write_tensors(path: str | Path, tensors: Mapping[str, torch.Tensor], about: Mapping[str, Any]) -> None:
    """Write contiguous tensors on the CPU, what is said `about` them, which must be JSON, and a checksum of both."""
    about = {**about, "sha256": _checksum(tensors, about)}
    # a single key: the format does not keep the order of several
    text = {"provenance": json.dumps(about, sort_keys=True)}
    with store.atomic(path) as temporary:
        safetensors.torch.save_file(dict(tensors), temporary, text)
        temporary.chmod(0o666 & ~_umask())  # save_file lets the owner alone read, but a group shares results


def read_tensors(path: str | Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and what is said about them, of a file by `write_tensors`.

    Raises
    ------
    ValueError, KeyError, TypeError, OSError, SafetensorError
        The file is not readable, not one of these, or damaged.
    """
    with safetensors.safe_open(path, "pt") as file:
        about = json.loads((file.metadata() or {})["provenance"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
    said = {key: value for key, value in about.items() if key != "sha256"}
    if about.get("sha256") != _checksum(tensors, said):
        raise ValueError("its checksum is another")
    return tensors, about


def read_networks(
    path: str | Path, recipe: Recipe, targets: Sequence[str]
) -> tuple[dict[int, dict[str, torch.Tensor]], LabelEncoding]:
    """Weights by seed, and how outputs encode the parameters `targets`.

    Raises
    ------
    ValueError
        The file is not readable or damaged; the message names it.
    """
    weights: dict[int, dict[str, torch.Tensor]] = {}
    try:
        tensors, about = read_tensors(path)
        for key, tensor in tensors.items():
            seed, name = key.split("/", 1)
            weights.setdefault(int(seed), {})[name] = tensor
        encoding = LabelEncoding(targets, recipe.angles, **about["labels"])
    except (safetensors.SafetensorError, OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f"{path}: not a readable file of networks: {error!r}; delete it to have them trained again"
        ) from None
    return weights, encoding


def _checksum(weights: Mapping[str, torch.Tensor], about: Mapping) -> str:
    """SHA-256 over names, types, shapes and values of all weights, and over what the file says about them."""
    digest = hashlib.sha256(store.canonical_json(about).encode())
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def load_models(
    path: str | Path,
    recipe: Recipe,
    targets: Sequence[str],
    bands: int,
    pixels: int,
    seeds: Collection[int] | None = None,
) -> tuple[dict[int, Network], LabelEncoding]:
    """Networks of a block by seed, in evaluation mode, on the CPU, and how their outputs encode the parameters `targets`.

    Only the networks of `seeds` are loaded, if `seeds` are given.

    Raises
    ------
    ValueError
        The file is not readable or does not fit the recipe's network; the message names it.
    """
    networks = {}
    weights, encoding = read_networks(path, recipe, targets)
    for seed in sorted(weights if seeds is None else seeds):
        network = make_network(recipe, encoding, bands, pixels, recipe.trained_options)
        try:
            network.load_state_dict(weights[seed])
        except RuntimeError as error:
            size = f"{recipe.network} with {bands} band(s) of {pixels} pixels"
            raise ValueError(f"{path}: seed {seed} does not fit {size}: {error}") from None
        networks[seed] = network.to(memory_format=torch.channels_last).eval()
    return networks, encoding

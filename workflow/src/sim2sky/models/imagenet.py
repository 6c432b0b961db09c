"""Weights of ImageNet, as torchvision publishes them, in ``resources/weights``.

A rule fetches them once, before training; a training job only reads them. The name of torchvision's file has the first digits of
its SHA-256, which are checked whenever a file is fetched or read.

For another number of bands than three, the first layer is the sum of the three channels of ImageNet's, over the number of bands. It
responds to bands that all show the same image as ImageNet's does to this image in grey. Networks trained on ImageNet expect images
with a mean of 0 and a standard deviation of 1, which `normalisation: per_domain` gives.
"""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
import urllib.error
import urllib.request
from pathlib import Path

import torch
from torch import nn

from sim2sky import store
from sim2sky.paths import WEIGHTS

CLASSES = 1000
# The first of these that a network has: that of the original publication, or torchvision's substitute for it at 224 pixels.
VERSIONS = ("IMAGENET1K_V1", "IMAGENET1K_SWAG_LINEAR_V1")


class WeightsError(RuntimeError):
    """Weights of ImageNet are missing, or not those that torchvision publishes; the message says what to do."""


def address(name: str) -> str:
    """Where torchvision publishes the weights of network `name`."""
    from torchvision import models

    published = models.get_model_weights(name).__members__
    return next(published[version].url for version in VERSIONS if version in published)


def fetch(name: str, path: str | Path, url: str | None = None) -> None:
    """Download the weights of network `name` to `path`, unless they are there already.

    Parameters
    ----------
    name : str
        A network that has ImageNet weights.
    path : path
        File to write.
    url : str, optional
        Another address, which must give the same bytes.

    Raises
    ------
    WeightsError
        The address cannot be reached, or gives another file.
    """
    url = url or address(name)
    if Path(path).is_file() and _is_published(path, name):
        return
    with store.atomic(path) as temporary:
        try:
            with urllib.request.urlopen(url, timeout=60) as response, open(temporary, "wb") as file:
                shutil.copyfileobj(response, file)
        except OSError as error:  # what urllib raises
            if error.errno == errno.ENOSPC:
                raise
            temporary.touch()
            raise WeightsError(f"{url} cannot be reached from here ({error}).\n{_advice(name, path)}") from None
        if not _is_published(temporary, name):
            raise WeightsError(f"{url} gave a file of another checksum.\n{_advice(name, path)}")


def load(network: nn.Module, name: str) -> None:
    """Give torchvision's own network its ImageNet weights, from ``resources/weights`` below the working directory.

    Raises
    ------
    WeightsError
        The file is missing or has another checksum.
    """
    path = Path(WEIGHTS.format(network=name))
    if not path.is_file():
        raise WeightsError(f"{path}: no ImageNet weights of {name}.\n{_advice(name, path)}")
    if not _is_published(path, name):
        raise WeightsError(f"{path}: its checksum is not that of torchvision.\n{_advice(name, path)}")
    weights = torch.load(path, map_location="cpu", weights_only=True)
    if name.startswith("densenet"):  # these files are older than torch's ban of dots in names: norm.1 is norm1 now
        for key in list(weights):
            weights[re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])", r"\1\2", key)] = weights.pop(key)
    if name.startswith("vit"):
        from torchvision.models.vision_transformer import interpolate_embeddings

        weights = interpolate_embeddings(network.image_size, network.patch_size, weights)
    network.load_state_dict(weights)


def of_bands(weight: torch.Tensor, bands: int) -> torch.Tensor:
    """Weights of a first layer for `bands` from those for three, shape (filters, 3, y, x); see the module's docstring."""
    if bands == weight.shape[1]:
        return weight.clone()
    return (weight.sum(dim=1, keepdim=True) / bands).repeat(1, bands, 1, 1)


def checksum_start(name: str) -> str:
    """First digits of the SHA-256 of the weights of network `name`, from the name of torchvision's file."""
    return address(name).rpartition("-")[2].partition(".")[0]


def _is_published(path: str | Path, name: str) -> bool:
    """Whether a file has the checksum of torchvision's."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest().startswith(checksum_start(name))


def _advice(name: str, path: str | Path) -> str:
    """How to get the file by hand."""
    return (
        f"Where there is internet, get\n  {address(name)}\nand put it here as\n  {path}\n"
        f"Its SHA-256 starts with {checksum_start(name)}."
    )

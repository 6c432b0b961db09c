"""Outputs and latent features of a trained network, under a choice of batch-normalisation statistics.

The choices are `running`, `batch` and `adabn`. A network that stays in training mode, as in the codes of Swierc et al.
2023 (arXiv:2311.17238) and their successors, normalises each test batch with the batch's own mean and variance. On a
domain that the network was not trained on, this alone is an adaptation, so the choice is explicit here. AdaBN is its
principled form: statistics are re-estimated on unlabelled target images (Li et al. 2016, arXiv:1603.04779).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from sim2sky.data.images import Images
from sim2sky.models.registry import Network


def predict(
    model: nn.Module, images: torch.Tensor | Images, batch_size: int, batch_statistics: bool = False
) -> torch.Tensor:
    """Outputs of `model`, which is left as it was.

    Parameters
    ----------
    model : Module
        A registered network.
    images : Tensor or Images, shape (n, bands, pixels, pixels)
        Normalised as in training; moved to the model's device batch by batch.
    batch_size : int
        Images per batch; a remainder of less than half a batch joins the last full batch.
    batch_statistics : bool
        Normalise each batch with its own statistics instead of the running ones of training.

    Returns
    -------
    Tensor, shape (n, outputs), on the CPU
    """
    return _batchwise(model, model.forward, images, batch_size, batch_statistics)


def latents(
    model: Network, images: torch.Tensor | Images, batch_size: int, batch_statistics: bool = False
) -> torch.Tensor:
    """Latent features of `model`, shape (n, latent); arguments as for :func:`predict`."""
    return _batchwise(model, model.features, images, batch_size, batch_statistics)


def adapt_batch_norm(model: Network, images: torch.Tensor | Images, batch_size: int) -> Network:
    """AdaBN: a copy of `model` whose running statistics are averages over batches of `images`, without labels.

    A model without batch normalisation is returned unchanged.
    """
    if not has_batch_norm(model):
        return model
    adapted = copy.deepcopy(model)
    for layer in _batch_norms(adapted):
        layer.reset_running_stats()
        layer.momentum = None  # cumulative average
    with _mode(adapted, batch_statistics=True, track=True):
        for batch in _batches(images, batch_size):
            adapted.features(batch.to(_device(adapted)))
    for layer, original in zip(_batch_norms(adapted), _batch_norms(model), strict=True):
        layer.momentum = original.momentum
    return adapted


def has_batch_norm(model: nn.Module) -> bool:
    """Whether the choice of statistics makes a difference to `model`."""
    return bool(_batch_norms(model))


def _batchwise(
    model: nn.Module,
    apply: Callable[[torch.Tensor], torch.Tensor],
    images: torch.Tensor | Images,
    batch_size: int,
    batch_statistics: bool,
) -> torch.Tensor:
    """What `apply`, a function of `model`, gives for each batch of `images`, on the CPU."""
    with _mode(model, batch_statistics):
        return torch.cat([apply(batch.to(_device(model))).cpu() for batch in _batches(images, batch_size)])


def _batches(images: torch.Tensor | Images, batch_size: int) -> Iterator[torch.Tensor]:
    """Batches in order; a remainder of less than half a batch joins the last full one."""
    joined = min(batch_size // 2, batch_size - 2)  # a single image has no batch statistics
    starts = range(0, len(images), batch_size)[: max(1, (len(images) + joined) // batch_size)]
    for start in starts:
        yield images[start:] if start == starts[-1] else images[start : start + batch_size]


class _mode:
    """Evaluation mode without gradients, on batch statistics if asked for; every flag is restored at the end."""

    def __init__(self, model: nn.Module, batch_statistics: bool, track: bool = False):
        self.model, self.batch_statistics, self.track = model, batch_statistics, track

    def __enter__(self) -> None:
        self.before = [(m, m.training, getattr(m, "track_running_stats", None)) for m in self.model.modules()]
        self.no_grad = torch.no_grad()
        self.no_grad.__enter__()
        self.model.eval()
        for layer in _batch_norms(self.model) if self.batch_statistics else []:
            layer.training, layer.track_running_stats = True, self.track

    def __exit__(self, *error: object) -> None:
        self.no_grad.__exit__(*error)
        for module, training, track in self.before:
            module.training = training
            if track is not None:
                module.track_running_stats = track


def _batch_norms(model: nn.Module) -> list[_BatchNorm]:
    return [module for module in model.modules() if isinstance(module, _BatchNorm)]


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device

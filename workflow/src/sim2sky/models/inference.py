"""Prediction under the three choices of batch-normalisation statistics: `running`, `batch` and `adabn`.

A network that stays in training mode, as those of Swierc et al. 2023 (arXiv:2311.17238) and their successors do,
normalises each test batch with the batch's own mean and variance. On another domain than the training one this alone is
an adaptation, so the choice is made in the open here. AdaBN is the orderly form of it: statistics re-estimated on
unlabelled target images (Li et al. 2016, arXiv:1603.04779).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def predict(model: nn.Module, images: torch.Tensor, batch_size: int, batch_statistics: bool = False) -> torch.Tensor:
    """Outputs of `model`, which is left as it was.

    Parameters
    ----------
    model : Module
        A registered network.
    images : Tensor, shape (n, bands, pixels, pixels)
        Normalised as in training; moved to the model's device batch by batch.
    batch_size : int
        Images per batch; a remainder of less than half a batch joins the batch before it.
    batch_statistics : bool
        Normalise each batch with its own statistics instead of the running ones of training.

    Returns
    -------
    Tensor, shape (n, outputs), on the CPU
    """
    return _batchwise(model, model.forward, images, batch_size, batch_statistics)


def latents(model: nn.Module, images: torch.Tensor, batch_size: int, batch_statistics: bool = False) -> torch.Tensor:
    """Latent features of `model`, shape (n, latent); arguments as for :func:`predict`."""
    return _batchwise(model, model.features, images, batch_size, batch_statistics)


def adapt_batch_norm(model: nn.Module, images: torch.Tensor, batch_size: int) -> nn.Module:
    """AdaBN: a copy of `model` whose running statistics are the average over batches of `images`; no labels needed.

    A model without batch normalisation is returned as it is.
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
    model: nn.Module, apply: Callable, images: torch.Tensor, batch_size: int, batch_statistics: bool
) -> torch.Tensor:
    with _mode(model, batch_statistics):
        return torch.cat([apply(batch.to(_device(model))).cpu() for batch in _batches(images, batch_size)])


def _batches(images: torch.Tensor, batch_size: int) -> Iterator[torch.Tensor]:
    joined = min(batch_size // 2, batch_size - 2)  # one image alone has no statistics
    starts = range(0, len(images), batch_size)[: max(1, (len(images) + joined) // batch_size)]
    for start in starts:
        yield images[start:] if start == starts[-1] else images[start : start + batch_size]


class _mode:
    """Evaluation mode without gradients; batch normalisation on batch statistics if asked for. Restores every flag."""

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

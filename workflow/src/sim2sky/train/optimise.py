"""Optimisers and schedules by the names that a recipe uses."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lion_pytorch import Lion
from torch import nn, optim
from torch.optim import lr_scheduler

from sim2sky.config import Method, Optimiser, Schedule, Stage


def make_optimiser(options: Optimiser, parameters: Iterable[nn.Parameter]) -> optim.Optimizer:
    """The optimiser of a recipe, fused where torch has that form: a small network's step is dominated by overhead."""
    common: dict[str, Any] = {"lr": options.lr, "weight_decay": options.weight_decay}
    match options.name:
        case "adam":
            return optim.Adam(parameters, **common, fused=True)
        case "adamw":
            return optim.AdamW(parameters, **common, fused=True)
        case "sgd":
            return optim.SGD(parameters, **common, momentum=options.momentum, fused=True)
        case "rmsprop":
            return optim.RMSprop(parameters, **common, momentum=options.momentum, foreach=True)
        case "lion":
            return Lion(parameters, **common)
    raise ValueError(f"unknown optimiser {options.name!r}")


def make_schedule(options: Schedule, optimiser: optim.Optimizer, epochs: int, steps: int) -> lr_scheduler.LRScheduler:
    """Schedule of the learning rate over `epochs` of `steps` batches.

    The optimiser's own rate is the constant rate, the first one, or, for `one_cycle`, the highest.
    """
    match options.name:
        case "constant":
            return lr_scheduler.ConstantLR(optimiser, factor=1.0, total_iters=0)
        case "cosine":
            return lr_scheduler.CosineAnnealingLR(optimiser, T_max=epochs * steps)
        case "one_cycle":
            # torch would also change the momentum, which the recipe sets for sgd and rmsprop
            cycled, rate = "betas" in optimiser.defaults, optimiser.defaults["lr"]
            return lr_scheduler.OneCycleLR(optimiser, max_lr=rate, total_steps=epochs * steps, cycle_momentum=cycled)
        case "staged":
            return lr_scheduler.LambdaLR(optimiser, _staged(options.stages, steps))
        case "plateau":
            return lr_scheduler.ReduceLROnPlateau(optimiser, factor=options.factor, patience=options.patience)
    raise ValueError(f"unknown schedule {options.name!r}")


def _staged(stages: Sequence[Stage], steps: int) -> Callable[[int], float]:
    """The learning rate after a number of batches, as a fraction of the first stage's."""
    ends = [end * steps for end in itertools.accumulate(stage.epochs for stage in stages)]
    return lambda batch: stages[min(bisect.bisect_right(ends, batch), len(stages) - 1)].lr / stages[0].lr


def adaptation_weight(method: Method, progress: float) -> float:
    """Factor of the adaptation loss at `progress` from 0 to 1; `ganin` as in Ganin et al. 2016, arXiv:1505.07818."""
    if method.weight_schedule == "ganin":
        return method.weight * (2 / (1 + math.exp(-10 * progress)) - 1)
    return method.weight

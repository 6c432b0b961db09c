"""A training as plain values: what a rule hands over, and what several processes are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim2sky.config import Method, Recipe
from sim2sky.train.block import train_block
from sim2sky.train.data import Domain
from sim2sky.train.distributed import launch
from sim2sky.train.start import Worst


def train(task: Mapping[str, Any]) -> None:
    """Train a block of seeds, in as many processes as its recipe asks for.

    Parameters
    ----------
    task : mapping
        Arguments of :func:`sim2sky.train.block.train_block` as JSON has them: models and data classes as mappings,
        `seeds` as (first, last).
    """
    recipe = Recipe.model_validate(task["recipe"])
    if recipe.processes == 1:
        train_here(task)
    else:
        launch(task, recipe.devices, recipe.nodes)


def train_here(task: Mapping[str, Any]) -> None:
    """Train a block of seeds in this process, alone or as one of several."""
    first, last = task["seeds"]
    given = {
        "recipe": Recipe.model_validate(task["recipe"]),
        "method": Method.model_validate(task["method"]),
        "seeds": range(first, last + 1),
        "worst": Worst(**task["worst"]) if task["worst"] else None,
    }
    domains = {role: Domain(**task[role]) if task[role] else None for role in ("source", "adapt_to", "watch")}
    train_block(**{**task, **given, **domains})

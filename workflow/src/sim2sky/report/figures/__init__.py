"""Figures of the report, each a function under its registered name. A module that registers a figure is imported here."""

from sim2sky.report.figures import (
    analyses,
    catalogue,
    domains,
    errors,
    images,
    losses,
    parameters,
    predictions,
    scores,
    training,
)
from sim2sky.report.figures.registry import list_figures, register_figure

__all__ = [
    "analyses",
    "catalogue",
    "domains",
    "errors",
    "images",
    "list_figures",
    "losses",
    "parameters",
    "predictions",
    "register_figure",
    "scores",
    "training",
]

"""Registry of figures: a decorated function adds a kind of figure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from matplotlib.figure import Figure

from sim2sky import registry
from sim2sky.report.comparisons import Comparison
from sim2sky.report.results import Results

Draw = TypeVar("Draw", bound=Callable[..., Figure])
_FIGURES: dict[str, Callable[..., Figure]] = {}


def register_figure(*inputs: str) -> Callable[[Draw], Draw]:
    """Register a function as a kind of figure under its own name.

    The function is ``name(results, comparison)``, or ``name(results)`` if its figure is of the study as a whole.

    Parameters
    ----------
    *inputs : str
        Kinds of files that it reads, out of those of :class:`sim2sky.report.results.Results`. They are written out in place:
        the Snakefile reads them without importing the module, and hands over no others.
    """

    def register(function: Draw) -> Draw:
        _FIGURES[function.__name__] = function
        return function

    return register


def list_figures() -> list[str]:
    """Kinds of figures that are registered."""
    return sorted(_FIGURES)


def draw(kind: str, results: Results, comparison: Comparison | None) -> Figure:
    """Draw a figure from the inputs that it is registered with; it sees no others.

    Parameters
    ----------
    kind : str
        One of :func:`list_figures`.
    results : Results
        What the other stages left behind.
    comparison : Comparison or None
        The runs that are compared; None for a figure of the study as a whole.
    """
    seen = results.only(registry.inputs("report/figures")[kind])
    return _FIGURES[kind](seen) if comparison is None else _FIGURES[kind](seen, comparison)

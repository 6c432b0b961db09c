"""The look of all figures: colours that colour-blind readers tell apart (Okabe & Ito 2008), notes, and clipping that is counted."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sim2sky.config import Study

WIDTH = 10.0  # inch; the report shows figures about 1000 pixels wide, so 10 pt text stays legible
DPI = 160
# Okabe & Ito: vermillion, blue, green, black, purple, orange, sky blue
METHOD_COLOURS = ("#D55E00", "#0072B2", "#009E73", "#000000", "#CC79A7", "#E69F00", "#56B4E9")
DOMAIN_COLOURS = ("#56B4E9", "#E69F00", "#CC79A7", "#009E73", "#000000")
STATISTICS_MARKERS = {"running": "o", "batch": "s", "adabn": "^"}
RC: dict[str, Any] = {
    "font.size": 10,
    "figure.titlesize": 11,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "savefig.facecolor": "white",
}
ABSENT: dict[str, Any] = {"color": "#666666", "style": "italic"}
LOWEST_R2 = -0.5  # where axes of R2 end; a panel says in words what lies below
PART_COLOURS = {"training": "#0072B2", "validation": "#E69F00"}


def style() -> AbstractContextManager[None]:
    """Context in which figures are made."""
    return matplotlib.style.context(RC)


def run_colours(study: Study, runs: Sequence[str]) -> dict[str, str]:
    """A colour per run: its method's in every figure; further runs of one method take the colours left over."""
    order = list(study.methods)
    spare = list(METHOD_COLOURS[len(order) :])
    colours: dict[str, str] = {}
    for run in runs:
        own = METHOD_COLOURS[order.index(study.runs[run].method) % len(METHOD_COLOURS)]
        colours[run] = own if own not in colours.values() or not spare else spare.pop()
    return colours


def domain_colours(study: Study) -> dict[str, str]:
    """A colour per dataset, the same in every figure."""
    return {name: DOMAIN_COLOURS[index % len(DOMAIN_COLOURS)] for index, name in enumerate(study.datasets)}


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """An empty figure; sizes in inch."""
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def for_images(axes: np.ndarray) -> None:
    """Remove ticks and grid from panels that show images."""
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        ax.grid(False)


def dot_alone(epochs: int, size: float = 3) -> dict[str, Any]:
    """Options that show a curve of a single epoch, which has no line, as a dot."""
    return {"marker": "o", "ms": size} if epochs < 2 else {}


def not_run(ax: Axes, text: str = "not run") -> None:
    """Say in an empty panel that there is nothing to show."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", **ABSENT)
    ax.grid(False)
    ax.tick_params(which="both", length=0, labelleft=False, labelbottom=False)


def row_not_run(ax: Axes, row: float, text: str = "not run") -> None:
    """Say at height `row` of a panel with one row per run that there is nothing to show."""
    ax.text(0.02, row, text, transform=ax.get_yaxis_transform(), va="center", **ABSENT)


def note(ax: Axes, text: str, x: float = 0.97, y: float = 0.04, va: str = "bottom", ha: str = "right") -> None:
    """A line of small print inside a panel, legible over points."""
    box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.5}
    ax.text(x, y, text, transform=ax.transAxes, ha=ha, va=va, fontsize=8, bbox=box, zorder=10)


def clip(values: np.ndarray, low: float, high: float) -> tuple[np.ndarray, int]:
    """Values moved to the edge of [low, high], and how many were; NaN is moved to the low edge."""
    finite = np.where(np.isnan(values), -np.inf, values)
    return np.clip(finite, low, high), int(((finite < low) | (finite > high)).sum())


def percent(part: int, whole: int) -> str:
    """``part`` of ``whole`` in words: never "0 %" for something that is there."""
    share = 100 * part / whole
    return f"{share:.0f} %" if share >= 10 else f"{share:.1f} %" if share >= 0.1 else f"{part} of {whole:,}"


def mean_std(values: np.ndarray, digits: int = 3) -> str:
    """``mean ± standard deviation`` of the seeds in words; the mean alone for one seed."""
    values = np.asarray(values, float)
    text = minus(f"{values.mean():.{digits}f}")
    return f"{text} ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else text


def plain(value: float, digits: int = 3) -> str:
    """A positive number to so many significant digits, in full from there up to ten million."""
    return f"{value:,.0f}" if 10**digits <= value < 1e7 else f"{value:.{digits}g}"


def minus(text: str) -> str:
    """A number's text with a true minus sign."""
    return text.replace("-", "−")


def legend(figure: Figure, ax: Axes, missing: Sequence[str] = (), columns: int = 5) -> None:
    """Legend of one panel below the whole figure, with the titles of the runs that are missing."""
    handles, labels = ax.get_legend_handles_labels()
    if missing:
        handles.append(ax.plot([], [], " ")[0])
        labels.append(f"not run: {', '.join(missing)}")
    if labels:
        figure.legend(handles, labels, loc="outside lower center", ncols=min(columns, len(labels)))

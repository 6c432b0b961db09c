"""Training and validation loss of every run, and the networks among many seeds that never learn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sim2sky.config import Study
from sim2sky.report.comparisons import settings
from sim2sky.report.figures import style
from sim2sky.report.figures.registry import register_figure
from sim2sky.report.results import Results

COLUMNS = 4
LOSSES = {"training": "loss", "validation": "source_loss"}
HIGHEST = 3  # times the loss of guessing: what early epochs reach beyond that hides all the rest
# Okabe & Ito's vermillion and blue: the larger batch is the red one, as published
BATCH_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")


@register_figure("history")
def loss_linear(results: Results) -> Figure:
    """Loss against epoch on a linear scale, one panel per run."""
    return _loss_figure(results, "linear")


@register_figure("history")
def loss_log(results: Results) -> Figure:
    """Loss against epoch on a logarithmic scale, one panel per run; on a linear one where losses may be negative."""
    return _loss_figure(results, "log")


def _loss_figure(results: Results, scale: str) -> Figure:
    """Runs whose losses are of one kind share both axes; every kind begins a row of its own."""
    study = results.study
    kinds: dict[str, list[str]] = {}
    for run in study.runs:
        kinds.setdefault(loss_kind(study, run), []).append(run)
    rows = [(kind, runs[i : i + COLUMNS]) for kind, runs in kinds.items() for i in range(0, len(runs), COLUMNS)]
    figure = style.new_figure(0.5 + 2.1 * len(rows))
    axes = figure.subplots(len(rows), max(len(runs) for _, runs in rows), sharex=True, squeeze=False)
    curves = {run: _history(results, run) for run in study.runs}
    for kind, runs in kinds.items():
        own = (
            "linear" if study.recipe_of(runs[0]).distribution != "none" else scale
        )  # logarithms of a density have any sign
        limits = _limits([curves[run] for run in runs if curves[run] is not None], own)
        for row in (row for row in range(len(rows)) if rows[row][0] == kind):
            axes[row, 0].set_ylabel(kind)
            for ax, run in zip(axes[row], rows[row][1], strict=False):
                _loss_panel(ax, run, curves[run], own, limits)
            drawn = [ax for ax, run in zip(axes[row], rows[row][1], strict=False) if curves[run] is not None]
            for ax in drawn[1:]:
                ax.tick_params(which="both", labelleft=False)
            for ax in axes[row, len(rows[row][1]) :]:
                ax.set_axis_off()
    longest = max((table.epoch.max() for table in curves.values() if table is not None), default=1)
    axes[0, 0].set_xlim(0.5, longest + 0.5)
    _label_epochs(axes)
    for part, colour in style.PART_COLOURS.items():
        axes[0, 0].plot([], [], color=colour, lw=2, label=f"{part} part")
    axes[0, 0].plot([], [], ":", color="black", label="always answering the mean of the training labels")
    style.legend(figure, axes[0, 0])
    return figure


def loss_kind(study: Study, run: str) -> str:
    """The loss of a run and what it is taken of: curves can only share an axis where both agree."""
    recipe = study.recipe_of(run)
    names = {"huber": "Huber loss", "gaussian_nll": "Gaussian NLL", "beta_nll": "beta-NLL", "flow": "NLL of the flow"}
    text = names.get(recipe.loss, recipe.loss.upper())
    if recipe.standardise:
        text += ", standardised labels"
    return text + (",\nangles as sin, cos" if recipe.angles == "sin_cos" else "")


def _history(results: Results, run: str) -> pd.DataFrame | None:
    """Learning curves of a run behind those of the run that it started from; ``start`` is where it did."""
    table, earlier = results.history(run), results.study.runs[run].start_from
    if table is None:
        return None
    before = _history(results, earlier) if earlier else None
    if before is None:
        return table.assign(start=0)
    start = before.epoch.max()
    before = before[before.seed.isin(table.seed)]
    return pd.concat([before, table.assign(epoch=table.epoch + start)]).assign(start=start)


def _limits(tables: Sequence[pd.DataFrame], scale: str) -> tuple[float, float]:
    """Range of the losses; on a linear scale no more than `HIGHEST` times that of guessing."""
    if not tables:
        return 0.1, 1.0
    values = np.concatenate([table[list(LOSSES.values())].to_numpy(float).ravel() for table in tables])
    values = values[np.isfinite(values)]
    guess = max(table.guess_loss.max() for table in tables)
    if scale == "log":
        values = values[values > 0]
        return 0.8 * values.min(), 1.25 * max(guess, values.max())
    return min(0.0, 1.05 * values.min()), 1.05 * min(HIGHEST * guess, max(guess, values.max()))


def _loss_panel(ax: Axes, run: str, table: pd.DataFrame | None, scale: str, limits: tuple[float, float]) -> None:
    """Losses of one run, given as :func:`_history` has them: thin lines are networks, thick lines their mean."""
    if table is None:
        ax.set_title(run, fontsize=9)
        style.not_run(ax)
        return
    ax.set_yscale(scale)
    ax.set_ylim(limits)
    last = []
    for part, column in LOSSES.items():
        lines = table.pivot(index="epoch", columns="seed", values=column)
        mean, colour = lines.mean(axis=1), style.PART_COLOURS[part]
        ax.plot(lines.index, lines.to_numpy(), color=colour, lw=0.5, alpha=0.4)
        ax.plot(lines.index, mean, color=colour, lw=1.6, **style.dot_alone(len(lines)))
        last.append(style.plain(mean.iloc[-1]))
    ax.axhline(table.guess_loss.iloc[-1], color="black", ls=":", lw=1)
    if start := table.start.iloc[0]:
        ax.axvline(start + 0.5, color="#666666", lw=0.8, ls="--")
    ax.set_title(f"{run}\nends at {' / '.join(last)}", fontsize=8)


def _label_epochs(axes: np.ndarray) -> None:
    """Epochs below the last panel of each column."""
    for column in axes.T:
        last = [ax for ax in column if ax.axison]
        for ax in last:
            ax.tick_params(labelbottom=ax is last[-1])
            ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
        if last:
            last[-1].set_xlabel("epoch")


@register_figure("history")
def stuck_at_mean(results: Results) -> Figure:
    """Training loss of every network against epoch, one panel per setting, coloured by batch size."""
    study = results.study
    panels, columns = settings(study), 3
    sizes = sorted({study.recipe_of(run).batch_size for run in study.runs})
    colours = dict(zip(sizes, BATCH_COLOURS * len(sizes), strict=False))
    rows = -(-len(panels) // columns)
    figure = style.new_figure(0.5 + 2.5 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax, (title, runs) in zip(axes, panels.items(), strict=False):
        ax.set(title=title)
        histories = {run: results.history(run) for run in runs}
        if all(table is None for table in histories.values()):
            style.not_run(ax)
            continue
        notes = _stuck_panel(ax, study, histories, colours)
        ax.set_title(f"{title}\nabove at the end: {', '.join(notes)}", fontsize=9)
        ax.set_xlabel("epoch")
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    for ax in axes[::columns]:
        ax.set_ylabel("training loss /\nloss of the mean")
    for size, colour in colours.items():
        axes[0].plot([], [], color=colour, lw=1.6, label=f"batches of {size}, one line per network")
    axes[0].plot([], [], ":", color="black", lw=1.5, label="always answering the mean")
    style.legend(figure, axes[0])
    return figure


def _stuck_panel(
    ax: Axes, study: Study, histories: dict[str, pd.DataFrame | None], colours: dict[int, str]
) -> list[str]:
    """Draw losses over that of guessing, so that runs of any loss compare; count in words the networks above it at the end."""
    lines, notes, top = [], [], 1.0
    for run, table in histories.items():
        if table is None:
            continue
        size = study.recipe_of(run).batch_size
        ratio = table.assign(ratio=table.loss / table.guess_loss).pivot(index="epoch", columns="seed", values="ratio")
        look = {"color": colours[size], "lw": 0.5, "alpha": 0.6} | style.dot_alone(len(ratio), 2)
        lines += [(ratio[seed], look) for seed in ratio]
        top = max(top, float(np.nanquantile(ratio.iloc[-1], 0.98)), float(np.nanquantile(ratio, 0.9)))
        notes.append(f"{int((ratio.iloc[-1] > 1).sum())} of {ratio.shape[1]} ({size})")
    # neither batch size lies on top of the other
    for index in np.random.default_rng(0).permutation(len(lines)):
        curve, look = lines[index]
        ax.plot(curve.index, curve, **look)
    ax.axhline(1, color="black", ls=":", lw=1.5)
    ax.set_ylim(0, min(1.25 * top, HIGHEST))
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    return notes

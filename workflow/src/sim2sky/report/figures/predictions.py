"""Predicted against true values, and what the residuals depend on."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from scipy.stats import gaussian_kde

from sim2sky.angles import ANGLE_PERIODS
from sim2sky.evaluate.metrics import FIXED, fractional_residual, nearest, r2, varies
from sim2sky.report.comparisons import Comparison, run_title, shown_statistics
from sim2sky.report.figures import style
from sim2sky.report.figures.registry import register_figure
from sim2sky.report.results import Results
from sim2sky.report.symbols import CONDITIONS, STATISTICS_TITLES, axis_label

SHOWN = 3000  # points per panel; their density comes from as many
RESIDUAL_RANGE = 0.75
BINS = 12
DENOMINATORS: tuple[Literal["predicted", "true"], ...] = ("predicted", "true")  # of residuals, from top to bottom


@register_figure("predictions")
def predictions(results: Results, comparison: Comparison) -> Figure:
    """Predicted against true, coloured by density, above the fractional residuals with both denominators.

    Columns are runs, rows are domains (Figure 2 of Swierc et al. 2023, transposed). Of each run the seed with the
    median R2 on the target is shown.
    """
    study, runs = results.study, comparison.runs
    figure = style.new_figure(0.6 + 4.5 * len(comparison.domains), max(style.WIDTH, 2.5 * len(runs)))
    figure.suptitle(f"BatchNorm statistics {STATISTICS_TITLES[shown_statistics(study)]}", fontsize=10)
    heights = [4, 1.4, 1.4] * len(comparison.domains)
    axes = figure.subplots(len(heights), len(runs), sharex=True, sharey="row", squeeze=False, height_ratios=heights)
    tables = {
        (run, domain): _predictions(results, run, domain, ["true", "predicted"])
        for run in runs
        for domain in comparison.domains
    }
    everything = [table.true for table in tables.values() if table is not None]
    extent = _extent(np.concatenate(everything)) if everything else (0.0, 1.0)
    for column, run in enumerate(runs):
        seed = _median_seed(tables[run, comparison.last])
        for row, domain in enumerate(comparison.domains):
            panels = axes[3 * row : 3 * row + 3, column]
            _prediction_panels(panels, tables[run, domain], seed, extent)
            heading = study.datasets[domain].title
            panels[0].set_title(f"{run_title(study, run, runs)}\n{heading}" if row == 0 else heading)
        axes[-1, column].set_xlabel(axis_label(study, study.targets[0], "true"))
    for row in range(len(comparison.domains)):
        axes[3 * row, 0].set_ylabel(axis_label(study, study.targets[0], "predicted"))
        for offset, name in enumerate(DENOMINATORS, start=1):
            axes[3 * row + offset, 0].set_ylabel(f"residual /\n{name}", fontsize=9)
    return figure


def _predictions(results: Results, run: str, domain: str, columns: list[str]) -> pd.DataFrame | None:
    """Predictions of the first parameter as R2 takes them: of an angle, what means the same and is nearest to the true value."""
    study = results.study
    table, period = (
        results.predictions(run, domain, shown_statistics(study), columns),
        ANGLE_PERIODS.get(study.targets[0]),
    )
    if table is None or period is None:
        return table
    return table.assign(predicted=nearest(table.true, table.predicted, period))


def _extent(true: np.ndarray) -> tuple[float, float]:
    """Range of the predictions that is shown: that of the true values and a third more on either side."""
    low, high = true.min(), true.max()
    margin = (high - low) / 3 or 1.0
    return low - margin, high + margin


def _median_seed(table: pd.DataFrame | None) -> int | None:
    """The seed whose R2 is the median (the lower one of two), so that neither the best nor the worst stands for all."""
    if table is None:
        return None
    scores = _scores(table).sort_values()
    return int(scores.index[(len(scores) - 1) // 2])


def _scores(table: pd.DataFrame) -> pd.Series:
    """R2 per seed; minus infinity where a network gave no numbers."""
    finite = table.assign(ok=np.isfinite(table.predicted)).groupby("seed").ok.all()
    groups = table.groupby("seed")
    return pd.Series({seed: r2(rows.true, rows.predicted) if finite[seed] else -np.inf for seed, rows in groups})


def _prediction_panels(
    panels: np.ndarray, table: pd.DataFrame | None, seed: int | None, extent: tuple[float, float]
) -> None:
    main, low, high = panels[0], *extent
    margin = 0.2 * (high - low) - 0.02  # of the true values, which fill the middle three fifths
    main.set(xlim=(low + margin, high - margin), ylim=extent)
    for ax in panels[1:]:
        ax.axhline(0, color="black", lw=0.8)
        ax.set_ylim(-RESIDUAL_RANGE, RESIDUAL_RANGE)
    if table is None:
        style.not_run(main)
        return
    scores = _scores(table)
    seed = scores.index[0] if seed not in scores.index else seed
    lenses = table[table.seed == seed]
    true, predicted = lenses.true.to_numpy(), lenses.predicted.to_numpy()
    pick = np.random.default_rng(0).permutation(len(true))[:SHOWN]
    colour = _density(true[pick], predicted[pick])
    order = np.argsort(colour)
    pick, colour = pick[order], colour[order]
    main.plot(extent, extent, color="black", lw=0.8)
    _points(main, true[pick], predicted[pick], colour, extent)
    for ax, denominator in zip(panels[1:], DENOMINATORS, strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            residual = fractional_residual(true, predicted, denominator)
        _points(ax, true[pick], residual[pick], colour, (-RESIDUAL_RANGE, RESIDUAL_RANGE))
        outside = style.clip(residual, -RESIDUAL_RANGE, RESIDUAL_RANGE)[1]
        if outside:
            style.note(ax, f"{style.percent(outside, len(true))} outside", y=0.06)
    outside = style.clip(predicted, low, high)[1]
    text = f"$R^2$ = {style.minus(f'{scores[seed]:.3f}')} (seed {seed})"
    if not varies(true):
        text = f"no $R^2$: the true value {FIXED}"
    elif len(scores) > 1:
        text += f"\n{len(scores)} seeds: {style.mean_std(scores)}"
    style.note(main, text, x=0.04, y=0.97, va="top", ha="left")
    if outside:
        style.note(main, f"{style.percent(outside, len(true))} outside")


def _density(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Gaussian kernel density at each point, from 0 to 1; flat where the points allow no kernel (all on one line)."""
    density = np.zeros(len(x))
    finite = np.isfinite(y)
    try:
        points = np.stack([x[finite], y[finite]])
        density[finite] = gaussian_kde(points)(points)
    except (np.linalg.LinAlgError, ValueError):
        return density
    return density / density.max()


def _points(ax: Axes, x: np.ndarray, y: np.ndarray, colour: np.ndarray, extent: tuple[float, float]) -> None:
    """Scatter; what lies outside `extent` sits on its edge as a triangle."""
    y, _ = style.clip(y, *extent)
    inside = (y > extent[0]) & (y < extent[1])
    look: dict[str, Any] = {"cmap": "viridis", "vmin": 0, "vmax": 1, "linewidths": 0, "rasterized": True}
    ax.scatter(x[inside], y[inside], s=3, c=colour[inside], **look)
    for edge, marker in zip(extent, ("v", "^"), strict=True):
        there = y == edge
        ax.scatter(x[there], y[there], s=9, c=colour[there], marker=marker, clip_on=False, **look)


@register_figure("predictions")
def residuals(results: Results, comparison: Comparison) -> Figure:
    """Residual on the target against the true value, signal-to-noise and seeing.

    Median and 16-84 % band of the lenses of all seeds in bins of equally many.
    """
    study, domain = results.study, comparison.last
    against = ("true", "signal_to_noise", "seeing")
    figure = style.new_figure(3.9)
    axes = figure.subplots(1, len(against), sharey=True)
    colours = style.run_colours(study, comparison.runs)
    missing = []
    reach: dict[str, float] = {}
    for run in comparison.runs:
        table = _predictions(results, run, domain, [*against, "predicted"])
        title = run_title(study, run, comparison.runs)
        if table is None:
            missing.append(title)
            continue
        residual = (table.predicted - table.true).to_numpy()
        for ax, name in zip(axes, against, strict=True):
            known = np.isfinite(table[name].to_numpy())
            if not known.any():
                continue  # images without noise
            centre, quantiles = _binned(table[name].to_numpy()[known], residual[known])
            ax.plot(centre, quantiles[1], color=colours[run], lw=1.8, marker="o", ms=3, label=title)
            ax.fill_between(centre, quantiles[0], quantiles[2], color=colours[run], alpha=0.15, lw=0)
            reach[title] = max(reach.get(title, 0.0), float(np.abs(quantiles).max()))
    for ax, name in zip(axes, against, strict=True):
        if reach and not ax.lines:
            style.note(ax, "no noise")
        ax.axhline(0, color="black", lw=0.8)
        ax.set_xlabel(CONDITIONS.get(name) or axis_label(study, study.targets[0], "true"))
        if name == "signal_to_noise" and len(ax.lines) > 1:
            ax.set_xscale("log")
            ax.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
            ax.xaxis.set_major_formatter("{x:g}")
            ax.xaxis.set_minor_formatter(NullFormatter())
    axes[0].set_ylabel(axis_label(study, study.targets[0], "residual of"))
    _limit(axes, reach)
    figure.suptitle(f"{study.datasets[domain].title}: predicted − true, median and 16–84 % of the lenses in a bin")
    style.legend(figure, axes[0], missing)
    return figure


def _limit(axes: np.ndarray, reach: dict[str, float]) -> None:
    """Show all bands, unless one is so wide that the others vanish; then say which leaves the panel."""
    widths = [width for width in reach.values() if np.isfinite(width)]
    if not widths or max(widths) == 0:
        return
    limit = min(1.15 * max(widths), 5 * float(np.median(widths)))
    axes[0].set_ylim(-limit, limit)
    if outside := [title for title, width in reach.items() if not width <= limit]:
        style.note(axes[0], f"leaves the panel: {', '.join(outside)}")


def _binned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median x and the 16, 50, 84 % quantiles of y in bins of equally many points; one bin where x is constant."""
    edges = np.unique(np.quantile(x, np.linspace(0, 1, BINS + 1)))
    bins = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, max(len(edges) - 2, 0))
    groups = [bins == index for index in np.unique(bins)]
    centre = np.array([np.median(x[group]) for group in groups])
    return centre, np.array([np.quantile(y[group], (0.16, 0.5, 0.84)) for group in groups]).T

"""What happened during training: learning curves and the cross-validation of hyper-parameters."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sim2sky.config import MEAN_PARAMETER, Run
from sim2sky.evaluate.metrics import FIXED
from sim2sky.report.comparisons import Comparison, run_title
from sim2sky.report.figures import style
from sim2sky.report.figures.registry import register_figure
from sim2sky.report.results import Results


@register_figure("history", "metrics")
def learning_curves(results: Results, comparison: Comparison) -> Figure:
    """R2 on the validation part of either domain against epoch: thin lines are seeds, thick lines their mean."""
    study = results.study
    colours = style.run_colours(study, comparison.runs)
    figure = style.new_figure(4.2)
    axes = figure.subplots(1, len(comparison.domains), squeeze=False)[0]
    missing, ends, table = [], [], results.metrics()
    for run in comparison.runs:
        title, history = run_title(study, run, comparison.runs), results.history(run)
        if history is None:
            missing.append(title)
            continue
        axes[0].plot([], [], color=colours[run], lw=2, label=title)
        for ax, domain in zip(axes, comparison.domains, strict=True):
            curves = _curves(history, study.runs[run], domain)
            _draw_curves(ax, curves, colours[run])
            if curves.empty and table is not None:
                kind = "batch" if "batch" in study.statistics else study.statistics[0]
                scores = table[table.statistics == kind]
                ends.append(_draw_end(ax, scores, run, domain, history.epoch.max(), colours[run]))
    for ax, domain in zip(axes, comparison.domains, strict=True):
        ax.set(xlabel="epoch", title=study.datasets[domain].title)
        ax.xaxis.get_major_locator().set_params(integer=True)
        _limit(ax, "not run" if len(missing) == len(comparison.runs) else "no $R^2$ was measured")
    axes[0].set_ylabel("$R^2$ on the validation part")
    if any(ends):
        axes[0].plot([], [], "D", mfc="white", mec="#555555", ms=7, label="test part at the end (not followed before)")
    style.legend(figure, axes[0], missing)
    return figure


def _limit(ax: Axes, empty: str) -> None:
    """Show what the panel holds but no lower than `style.LOWEST_R2`, because early epochs fall far below; say what is left out, or `empty`."""
    values = np.concatenate([np.ravel(line.get_ydata()).astype(float) for line in ax.lines] or [np.zeros(0)])
    values = values[np.isfinite(values)]
    if not len(values):
        style.not_run(ax, empty)
        return
    low = max(values.min(), style.LOWEST_R2)
    ax.set_ylim(low - 0.05 * (1 - low), 1 + 0.02 * (1 - low))
    if values.min() < style.LOWEST_R2:
        below = [line for line in ax.lines if np.nanmin(np.append(line.get_ydata(), 1.0)) < style.LOWEST_R2]
        # one seed has no thin line beside its mean
        seeds = sum(line.get_linewidth() < 1 for line in below) or len(below)
        leave = f"{seeds} seeds leave" if seeds != 1 else "1 seed leaves"
        style.note(ax, style.minus(f"{leave} the panel, the lowest at {values.min():.2g}"))


def _curves(history: pd.DataFrame, run: Run, domain: str) -> pd.DataFrame:
    """Epochs by seeds; empty where a run was not followed on this domain."""
    column = {run.second_domain: "target_r2", run.source: "source_r2"}.get(domain)
    if column is None:
        return pd.DataFrame()
    return history.pivot(index="epoch", columns="seed", values=column).dropna(how="all")


def _draw_curves(ax: Axes, curves: pd.DataFrame, colour: str) -> None:
    if curves.empty:
        return
    if curves.shape[1] > 1:
        ax.plot(curves.index, curves.to_numpy(), color=colour, lw=0.6, alpha=0.5)
    ax.plot(curves.index, curves.mean(axis=1, skipna=False), color=colour, lw=2, **style.dot_alone(len(curves)))


def _draw_end(ax: Axes, table: pd.DataFrame, run: str, domain: str, epoch: int, colour: str) -> bool:
    """Mark the mean R2 on the test part of a domain that a run was not followed on; say whether the mark is inside the panel."""
    chosen = (table.run == run) & (table.domain == domain) & (table.metric == "r2")
    several = table.parameter == MEAN_PARAMETER
    score = table[chosen & several if several.any() else chosen].value.mean(skipna=False)
    shown = bool(score >= style.LOWEST_R2)
    if shown:
        ax.plot(epoch, score, "D", mfc="white", mec=colour, mew=1.8, ms=7, zorder=5)
    return shown


@register_figure("cross_validation")
def cross_validation(results: Results) -> Figure:
    """Validation score of each grid point: dots are folds, the bar is their mean."""
    table, cross = results.cross_validation(), results.study.cross_validation
    figure = style.new_figure(3.2)
    ax = figure.subplots()
    if table is None or cross is None:
        style.not_run(ax)
        return figure
    keys = [name for name in cross.grid if name in table]
    grid = table.groupby(keys, sort=False)
    for index, (_, folds) in enumerate(grid):
        if folds.r2.isna().any():
            ax.text(index, 0.5, f"no $R^2$:\n{FIXED}", transform=ax.get_xaxis_transform(), ha="center", **style.ABSENT)
            continue
        ax.plot(np.full(len(folds), index), folds.r2, "o", color=style.METHOD_COLOURS[1], alpha=0.6, ms=5)
        ax.plot([index - 0.2, index + 0.2], [folds.r2.mean()] * 2, color="black", lw=2)
        ax.annotate(f"{folds.r2.mean():.3f}", (index + 0.22, folds.r2.mean()), va="center", fontsize=9)
    ax.set_xticks(range(len(grid)), [", ".join(values) for values, _ in grid])
    ax.set(xlabel=", ".join(keys), ylabel="$R^2$ on the fold left out", xlim=(-0.5, len(grid) - 0.4))
    return figure

"""How far apart the domains are in the networks' latent space, to look at and in numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sim2sky.evaluate.distances import DISTANCES
from sim2sky.evaluate.latent import embed_latents
from sim2sky.evaluate.run_metrics import RUN_COLUMNS
from sim2sky.report.comparisons import Comparison, is_oracle, run_labels, run_title
from sim2sky.report.figures import style
from sim2sky.report.figures.registry import register_figure
from sim2sky.report.results import Results
from sim2sky.report.symbols import METRIC_TITLES, axis_label, symbol

EMBEDDED = 400  # lenses per domain: t-SNE of more takes minutes for all runs of a study and shows the same
LINEAR_BELOW = 0.01  # squared MMD: some runs are a hundred times closer than others


@register_figure("latents")
def latent_space(results: Results, comparison: Comparison) -> Figure:
    """t-SNE of the latents of both domains, one column per run: coloured by domain above, by the true value below.

    The oracle is left out: it was not asked to bring the domains together.
    """
    study = results.study
    runs = tuple(run for run in comparison.runs if not is_oracle(study, run, comparison)) or comparison.runs
    figure = style.new_figure(6.4, max(style.WIDTH, 2.5 * len(runs)))
    axes = figure.subplots(2, len(runs), squeeze=False)
    colours, points = style.domain_colours(study), None
    for column, run in enumerate(runs):
        for ax in axes[:, column]:
            ax.set(xticks=[], yticks=[])
            ax.spines[["top", "right"]].set_visible(True)
        axes[0, column].set_title(run_title(study, run, runs))
        path = results.latents(run)
        if path is None:
            style.not_run(axes[0, column])
            style.not_run(axes[1, column])
            continue
        table = embed_latents(path, comparison.domains, EMBEDDED)
        table = table.sample(frac=1, random_state=0)  # neither domain lies on top of the other
        look = {"s": 9, "linewidths": 0, "alpha": 0.8}
        axes[0, column].scatter(table.x, table.y, c=table.domain.map(colours), **look)
        points = axes[1, column].scatter(table.x, table.y, c=table[study.targets[0]], cmap="viridis", **look)
    for domain in comparison.domains:
        axes[0, 0].scatter([], [], s=20, color=colours[domain], label=study.datasets[domain].title)
    axes[0, 0].set_ylabel("by domain")
    axes[1, 0].set_ylabel(f"by {symbol(study.targets[0])}")
    if points is not None:
        figure.colorbar(points, ax=axes[1, :], label=axis_label(study, study.targets[0], "true"), pad=0.01, aspect=15)
    style.legend(figure, axes[0, 0])
    return figure


@register_figure("metrics")
def domain_distance(results: Results, comparison: Comparison) -> Figure:
    """Distance between source and target in the latent space of every run: dots are seeds, bars their mean."""
    study, runs, table = results.study, comparison.runs, results.metrics()
    table = pd.DataFrame(columns=RUN_COLUMNS) if table is None else table
    figure = style.new_figure(1.2 + 0.36 * len(runs))
    axes = figure.subplots(1, len(DISTANCES), sharey=True)
    other = {comparison.source: comparison.target, comparison.target: comparison.source}
    missing = [run for run in runs if table[(table.run == run) & table.metric.isin(DISTANCES)].empty]
    for ax, metric in zip(axes, DISTANCES, strict=True):
        for row, run in enumerate(runs):
            if run in missing:
                style.row_not_run(ax, row)
                continue
            # a run's distances are filed under the domain that is not its own source
            chosen = (table.run == run) & (table.metric == metric) & (table.domain == other[study.runs[run].source])
            _dots(ax, row, table[chosen].value.to_numpy(), style.run_colours(study, [run])[run])
        ax.axvline(0, color="black", lw=0.8)
        ax.set_xlabel(METRIC_TITLES[metric])
        if metric == "mmd":
            ax.set_xscale("symlog", linthresh=LINEAR_BELOW)
            ax.xaxis.set_major_formatter("{x:g}")
            ax.set_xlabel(f"{METRIC_TITLES[metric]} (linear below {LINEAR_BELOW:g})")
        ax.set_yticks(range(len(runs)), run_labels(study, runs))
    axes[0].set_ylim(len(runs) - 0.4, -0.6)
    domains = " and ".join(study.datasets[name].title for name in comparison.domains)
    figure.suptitle(f"Distance in latent space between {domains}")
    return figure


def _dots(ax: Axes, row: int, values: np.ndarray, colour: str) -> None:
    values = pd.Series(values).dropna().to_numpy()
    if not len(values):
        return
    ax.plot(values, np.full(len(values), row), "o", color=colour, ms=5, alpha=0.5, mew=0)
    ax.plot([values.mean()] * 2, [row - 0.28, row + 0.28], color=colour, lw=2.5)

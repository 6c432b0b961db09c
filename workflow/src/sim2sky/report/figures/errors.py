"""How well the errors of measurements describe what they are errors of: a row per run, and a column per domain or dependence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from sim2sky.evaluate import ERROR_COLUMNS
from sim2sky.report.comparisons import run_labels
from sim2sky.report.figures import style
from sim2sky.report.figures.registry import register_figure
from sim2sky.report.results import Results
from sim2sky.report.symbols import CONDITIONS, axis_label

LOOK = {"before": "#D55E00", "after": "#0072B2", "conformal": "#000000"}
TITLES = {"before": "before calibration", "after": "after calibration", "conformal": "split-conformal intervals"}
ROW = 2.1  # inch
LEAST_RANGE = 0.12  # of an axis of coverage, on either side of what is right


@register_figure("error_scores")
def error_calibration(results: Results) -> Figure:
    """Fraction of lenses whose truth lies within the central interval of each probability."""

    def panel(ax: Axes, table: pd.DataFrame) -> None:
        table = table[(table.by == "all") & (table.metric == "coverage")]
        ax.plot([0, 1], [0, 1], color="#666666", lw=0.8)
        for errors, rows in table.groupby("errors", sort=False):
            rows = rows.sort_values("level")
            look: dict[str, Any] = {"color": LOOK[errors], "label": TITLES[errors]}
            if errors == "conformal":
                ax.plot(rows.level, rows.value, "o", mfc="none", ms=5, **look)
            else:
                ax.plot([0, *rows.level, 1], [0, *rows.value, 1], lw=1.4, **look)
        share = table[table.level == 0.68].set_index("errors").value
        text = f"68 % interval holds\n{100 * share['before']:.1f} % before, {100 * share['after']:.1f} % after"
        style.note(ax, text, x=0.97, y=0.04)

    figure, axes = _per_domain(results, panel, "probability of the interval", "fraction within")
    axes[0, 0].set(xlim=(0, 1), ylim=(0, 1))
    return figure


@register_figure("error_scores")
def error_pit(results: Results) -> Figure:
    """Histograms of the probability integral transform, with the binomial scatter of a uniform one."""

    def panel(ax: Axes, table: pd.DataFrame) -> None:
        table = table[(table.by == "all") & (table.metric == "pit")]
        for errors, rows in table.groupby("errors", sort=False):
            rows = rows.sort_values("level")
            look: dict[str, Any] = {"alpha": 0.35, "fill": True, "lw": 0} if errors == "after" else {"lw": 1.4}
            ax.stairs(rows.value * len(rows), [0, *rows.level], color=LOOK[errors], label=TITLES[errors], **look)
        scatter = len(rows) * rows.scatter.iloc[0]
        ax.axhspan(1 - 2 * scatter, 1 + 2 * scatter, color="#999999", alpha=0.4, lw=0, label="uniform, ± 2 std")

    figure, axes = _per_domain(results, panel, "probability integral transform", "density")
    top = max([1.5, *(ax.dataLim.y1 for ax in axes.flat if ax.has_data())])
    axes[0, 0].set(xlim=(0, 1), ylim=(0, min(1.05 * top, 6)))
    for ax in axes.flat:
        highest = ax.dataLim.y1 if ax.has_data() else 0
        if highest > 6:
            style.note(ax, f"up to {highest:.1f}", x=0.5, y=0.96, va="top", ha="center")
    return figure


@register_figure("error_scores")
def error_sizes(results: Results) -> Figure:
    """Errors as they are and as they are claimed, against the true value, with the smallest that the images allow."""
    study = results.study

    def panel(ax: Axes, table: pd.DataFrame) -> None:
        table = table[(table.by == "true") & (table.errors == "after")].sort_values("at")
        lines = {
            "rmse": ("o-", LOOK["after"], "RMS error"),
            "claimed": ("s--", LOOK["before"], "RMS of half the 68 % interval"),
        }
        lines |= {"limit": (":", "black", "Cramér–Rao bound")}
        for metric, (line, colour, title) in lines.items():
            rows = table[table.metric == metric]
            if len(rows):
                ax.errorbar(rows["at"], rows.value, rows.scatter, fmt=line, color=colour, ms=4, lw=1.4, label=title)

    x, y = (axis_label(study, study.targets[0], prefix) for prefix in ("true", "error of"))
    figure, axes = _per_domain(results, panel, x, y)
    if any(ax.lines for ax in axes.flat):
        axes[0, 0].set_yscale("log")
        _plain_numbers(axes[0, 0].yaxis)
    return figure


@register_figure("error_scores")
def error_coverage(results: Results) -> Figure:
    """Coverage of the 68 % interval in bins of what it may depend on; a line per domain."""
    study, table = results.study, _scores(results)
    runs, domains = _asked(results)
    against = {
        "true": axis_label(study, study.targets[0], "true"),
        "predicted": axis_label(study, study.targets[0], "predicted"),
    }
    against["signal_to_noise"] = CONDITIONS["signal_to_noise"]
    figure = style.new_figure(0.9 + ROW * len(runs))
    axes = figure.subplots(len(runs), len(against), sharex="col", sharey=True, squeeze=False)
    colours = style.domain_colours(study)
    reach = LEAST_RANGE
    for row, run in enumerate(runs):
        for ax, by in zip(axes[row], against, strict=True):
            rows = table[(table.run == run) & (table.by == by) & (table.metric == "coverage") & (table.level == 0.68)]
            for domain in domains:
                here = rows[rows.domain == domain].sort_values("at")
                before, after = (here[here.errors == errors] for errors in ("before", "after"))
                look = {"color": colours[domain], "ms": 4}
                ax.plot(before["at"], before.value, ":", lw=1.2, **look)
                title = study.datasets[domain].title
                ax.errorbar(after["at"], after.value, after.scatter, fmt="o-", lw=1.4, label=title, **look)
                reach = max([reach, *(after.value - 0.68).abs()])
            if len(rows):
                ax.axhline(0.68, color="#666666", lw=0.8, zorder=1)
            else:
                style.not_run(ax, "not run" if table[table.run == run].empty else "not known")
        missing = [domain for domain in domains if table[(table.run == run) & (table.domain == domain)].empty]
        if 0 < len(missing) < len(domains):
            style.note(axes[row, 0], f"not run: {', '.join(study.datasets[domain].title for domain in missing)}")
    axes[0, 0].set_ylim(0.68 - min(1.15 * reach, 0.68), 0.68 + min(1.15 * reach, 0.34))
    if (table.by == "signal_to_noise").any():
        axes[0, 2].set_xscale("log")
        _plain_numbers(axes[0, 2].xaxis)
    for ax, text in zip(axes[-1], against.values(), strict=True):
        ax.set_xlabel(text)
    for ax, label in zip(axes[:, 0], run_labels(study, runs), strict=True):
        ax.set_ylabel(f"{label}\n\ncoverage of 68 %", fontsize=9)
    axes[0, 0].plot([], [], ":", color="#555555", label=TITLES["before"])
    style.legend(figure, axes[0, 0])
    return figure


def _asked(results: Results) -> tuple[list[str], list[str]]:
    """Runs and domains whose errors are scored."""
    pairs = results.study.error_scores
    return list(dict.fromkeys(run for run, _ in pairs)), list(dict.fromkeys(domain for _, domain in pairs))


def _scores(results: Results) -> pd.DataFrame:
    """Scores of the first parameter; an empty table if there are none."""
    table = results.error_scores()
    if table is None:
        return pd.DataFrame(columns=ERROR_COLUMNS)
    return table[table.parameter == results.study.targets[0]]


def _per_domain(
    results: Results, panel: Callable[[Axes, pd.DataFrame], None], x: str, y: str
) -> tuple[Figure, np.ndarray]:
    """A figure with what `panel` draws from the scores of each run, from top to bottom, on each domain."""
    study, table = results.study, _scores(results)
    runs, domains = _asked(results)
    figure = style.new_figure(1.1 + ROW * len(runs))
    axes = figure.subplots(len(runs), len(domains), sharex=True, sharey=True, squeeze=False)
    for row, run in enumerate(runs):
        for ax, domain in zip(axes[row], domains, strict=True):
            here = table[(table.run == run) & (table.domain == domain)]
            if len(here):
                panel(ax, here)
            else:
                style.not_run(ax)
                ax.tick_params(labelleft=ax is axes[row, 0], labelbottom=row == len(runs) - 1)
    for ax, domain in zip(axes[0], domains, strict=True):
        ax.set_title(study.datasets[domain].title)
    for ax in axes[-1]:
        ax.set_xlabel(x)
    for ax, label in zip(axes[:, 0], run_labels(study, runs), strict=True):
        ax.set_ylabel(f"{label}\n\n{y}", fontsize=9)
    drawn = [ax for ax in axes.flat if ax.get_legend_handles_labels()[1]]
    style.legend(figure, drawn[0] if drawn else axes[0, 0])
    return figure, axes


def _plain_numbers(axis: Axis) -> None:
    """Numbers on a logarithmic axis without powers of ten, which a range of less than a decade would have in all places."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())

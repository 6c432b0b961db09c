"""R2 of every run on both domains, beside the published numbers and the oracle."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sim2sky.config import Published
from sim2sky.evaluate import STATISTICS
from sim2sky.evaluate.metrics import no_r2
from sim2sky.evaluate.run_metrics import RUN_COLUMNS
from sim2sky.report.comparisons import Comparison, is_oracle, overall, published_of, run_labels, shown_statistics
from sim2sky.report.figures import style
from sim2sky.report.figures.registry import register_figure
from sim2sky.report.results import Results
from sim2sky.report.symbols import STATISTICS_TITLES

# Heights within a row. A published number takes the place below its statistics.
OFFSETS = dict(zip(STATISTICS, (-0.33, -0.11, 0.25), strict=True))
PUBLISHED_OFFSET = 0.18


@register_figure("metrics")
def scores(results: Results, comparison: Comparison) -> Figure:
    """R2 per run and domain with each kind of BatchNorm statistics: dots are seeds, large marks their mean."""
    study, runs, table = results.study, comparison.runs, results.metrics()
    figure = style.new_figure(1.5 + 0.6 * len(runs))
    axes = figure.subplots(1, len(comparison.domains), sharey=True, squeeze=False)[0]
    table = pd.DataFrame(columns=RUN_COLUMNS) if table is None else table
    every, table = table, table[(table.metric == "r2") & (table.parameter == overall(study))]
    for ax, domain in zip(axes, comparison.domains, strict=True):
        here = table[table.domain == domain]
        low = _lower_limit(
            here, [item for run in runs for item in published_of(study, run, domain, "r2", overall(study))]
        )
        text = "$R^2$ on the test part" + (", mean of the parameters" if len(study.targets) > 1 else "")
        ax.set(xlabel=text, title=study.datasets[domain].title, xlim=(low, 1 + 0.03 * (1 - low)))
        for row, run in enumerate(runs):
            scored = here[here.run == run]
            if len(scored) and scored.value.isna().all():
                style.row_not_run(ax, row, f"no $R^2$: {no_r2(every[(every.run == run) & (every.domain == domain)])}")
            else:
                _run_row(ax, row, scored, style.run_colours(study, [run])[run], low)
            _published_row(ax, row, results, run, domain)
            if row and study.runs[run].recipe != study.runs[runs[row - 1]].recipe:
                ax.axhline(row - 0.5, color="#999999", lw=0.8)
        if domain == comparison.target:
            _oracle_lines(ax, results, comparison, here)
    axes[0].set_yticks(range(len(runs)), run_labels(study, runs))
    axes[0].set_ylim(len(runs) - 0.45, -0.55)
    _key(axes[0], results)
    style.legend(figure, axes[0], columns=3)
    return figure


def _lower_limit(table: pd.DataFrame, published: list[Published]) -> float:
    """A little below the lowest score, but not so far that one bad network squeezes all the others."""
    lowest = min([*table.value.dropna(), *(item.mean - (item.std or 0) for item in published)], default=style.LOWEST_R2)
    return max(style.LOWEST_R2, 1 - 1.1 * (1 - lowest))


def _run_row(ax: Axes, row: int, table: pd.DataFrame, colour: str, low: float) -> None:
    """Scores of one run at height `row`; those below `low` are counted in words."""
    if table.empty:
        style.row_not_run(ax, row)
        return
    for statistics, offset in OFFSETS.items():
        values = table[table.statistics == statistics].value.to_numpy(float)
        if not len(values):
            continue
        marker, height = style.STATISTICS_MARKERS[statistics], row + offset
        inside = values[values >= low]
        ax.plot(inside, np.full(len(inside), height), ".", color=colour, ms=5, alpha=0.6, mew=0)
        mean, beyond = values.mean(), int((values < low).sum())
        if mean >= low:
            ax.plot(mean, height, marker, color=colour, ms=7, mec="white", mew=0.8)
        if beyond:
            text = f"{beyond} of {len(values)} seeds" + (style.minus(f", mean {mean:.2f}") if mean < low else "")
            width = (0.46 if mean < low else 0.25) * (1 - low)  # of the text, which goes where no mark is
            marks = sorted([low, *inside, *([mean] if mean >= low else [])])
            free = next(at for at, end in pairwise([*marks, np.inf]) if end - at > width)
            look: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 8, "color": colour}
            ax.annotate("◂", (low, height), (2, 0), **look)
            ax.annotate(text, (free, height), (9, 0), **look)


def _published_row(ax: Axes, row: int, results: Results, run: str, domain: str) -> None:
    """Published numbers of what the panel shows; a wide interval may leave it on the left."""
    for item in published_of(results.study, run, domain, "r2", overall(results.study)):
        height = row + OFFSETS[item.statistics] + PUBLISHED_OFFSET
        ax.errorbar(item.mean, height, xerr=item.std, fmt="D", mfc="white", color="black", ms=5, lw=1, capsize=2)


def _oracle_lines(ax: Axes, results: Results, comparison: Comparison, table: pd.DataFrame) -> None:
    """A dashed line at the oracle's mean, along the rows of its recipe."""
    study, statistics = results.study, shown_statistics(results.study)
    for run in comparison.runs:
        values = table[(table.run == run) & (table.statistics == statistics)].value
        if is_oracle(study, run, comparison) and len(values):
            recipes = [study.runs[other].recipe for other in comparison.runs]
            rows = [row for row, recipe in enumerate(recipes) if recipe == study.runs[run].recipe]
            ax.vlines(values.mean(skipna=False), min(rows) - 0.5, max(rows) + 0.5, color="black", lw=1, ls="--")


def _key(ax: Axes, results: Results) -> None:
    """Entries of the legend."""
    for statistics in results.study.statistics:
        marker = style.STATISTICS_MARKERS[statistics]
        label = f"mean, BatchNorm statistics {STATISTICS_TITLES[statistics]}"
        ax.plot([], [], marker, color="#555555", ms=7, label=label)
    ax.plot([], [], ".", color="#555555", label="one seed")
    if results.study.published:
        ax.plot([], [], "D", mfc="white", mec="black", ms=5, label="published, ± 1 std")
    ax.plot([], [], "--", color="black", lw=1, label="oracle")

"""How well each run regresses each parameter: scores, and histograms of the errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sim2sky import store
from sim2sky.angles import ANGLE_PERIODS
from sim2sky.config import Study
from sim2sky.evaluate.metrics import CIRCULAR
from sim2sky.report.comparisons import Comparison, overall, published_of, shown_statistics
from sim2sky.report.figures import style
from sim2sky.report.figures.images import evenly_spaced, some_usable
from sim2sky.report.figures.registry import register_figure
from sim2sky.report.results import Results
from sim2sky.report.symbols import STATISTICS_TITLES, axis_label, symbol, unit
from sim2sky.report.tables.table import decimals

ZOOM = 5.0  # pixels or degrees either way, as published
BINS = 61
EXAMPLES = (2, 6)  # rows, columns
COLOUR = "#0072B2"
ROUND_COLOUR = "#D55E00"


@register_figure("first_shards")
def parameter_examples(results: Results) -> Figure:
    """Images of each dataset with the parameters that are regressed, the first of these growing from image to image."""
    study, (rows, columns) = results.study, EXAMPLES
    figure = style.new_figure(2.45 * rows * len(study.datasets))
    parts = figure.subfigures(len(study.datasets), 1, squeeze=False)[:, 0]
    for part, (name, dataset) in zip(parts, study.datasets.items(), strict=True):
        axes = part.subplots(rows, columns, squeeze=False).ravel()
        style.for_images(axes)
        part.suptitle(dataset.title)
        shard = results.first_shard(name)
        if shard:
            _examples_of(axes, study, shard)
        else:
            style.not_run(axes[0], "not made")
    return figure


def _examples_of(axes: np.ndarray, study: Study, shards: store.Shards) -> None:
    values = {name: shards.read(name) for name in study.targets if name in shards}  # real images have none
    places = {name: decimals(float(np.abs(value).max()), least=2) for name, value in values.items()}
    lenses = evenly_spaced(values[study.targets[0]], len(axes)) if values else some_usable(shards, len(axes))
    for ax, lens in zip(axes, lenses, strict=False):
        image = shards.read("image", lens, lens + 1)[0, 0]
        ax.imshow(image, cmap="inferno", origin="upper", vmin=0 if image.min() >= 0 else None)
        texts = [
            f"{symbol(name)} {style.minus(f'{round(float(value[lens]), places[name]):.3g}')}"
            for name, value in values.items()
        ]
        lines = [", ".join(texts[start : start + 3]) for start in range(0, len(texts), 3)]
        ax.set_title("\n".join(lines), fontsize=7)


@register_figure("predictions")
def errors(results: Results, comparison: Comparison) -> Figure:
    """Histograms of predicted - true over their whole range: rows are runs, columns parameters."""
    return _error_figure(results, comparison, None)


@register_figure("predictions")
def errors_zoomed(results: Results, comparison: Comparison) -> Figure:
    """Histograms of predicted - true within `ZOOM`: rows are runs, columns parameters."""
    return _error_figure(results, comparison, ZOOM)


def _error_figure(results: Results, comparison: Comparison, zoom: float | None) -> Figure:
    study, runs = results.study, comparison.runs
    figure = style.new_figure(0.9 + 1.3 * len(runs), max(style.WIDTH, 1.75 * len(study.targets)))
    # whole histograms hold equally many lenses each, so that one scale serves all
    axes = figure.subplots(len(runs), len(study.targets), sharex="col", sharey=zoom is None, squeeze=False)
    tables = {run: _errors_of_one_seed(results, run, comparison.source) for run in runs}
    for column, name in enumerate(study.targets):
        found = [None if table is None else table[name] for table in tables.values()]
        widest = max((float(error.abs().max()) for error in found if error is not None), default=1.0)
        reach = zoom or widest or 1.0
        for ax, error in zip(axes[:, column], found, strict=True):
            if error is None:
                style.not_run(ax)
            else:
                _error_panel(ax, error.to_numpy(), reach, ANGLE_PERIODS.get(name), zoom is None)
        axes[0, column].set_title(symbol(name))
        axes[-1, column].set_xlabel(axis_label(study, name, "error of"))
    for ax, (run, table) in zip(axes[:, 0], tables.items(), strict=True):
        seed = "" if table is None or study.seeds == 1 else f"\nseed {table.attrs['seed']}"
        ax.set_ylabel(run.replace("-", "-\n") + seed, fontsize=8)
    _error_key(axes[0, 0], study)
    style.legend(figure, axes[0, 0])
    return figure


def _error_key(ax: Axes, study: Study) -> None:
    ax.plot([], [], color=COLOUR, lw=6, alpha=0.6, label="predicted − true")
    if any(name in ANGLE_PERIODS for name in study.targets):
        ax.plot([], [], color=ROUND_COLOUR, lw=1.5, label="angles the short way round")


def _errors_of_one_seed(results: Results, run: str, domain: str) -> pd.DataFrame | None:
    """Errors per lens and parameter of the network whose mean absolute error is the median (the better one of two)."""
    statistics, found = shown_statistics(results.study), {}
    for name in results.study.targets:
        table = results.predictions(run, domain, statistics, ["true", "predicted"], name)
        if table is None:
            return None
        by_seed = (table.predicted - table.true).groupby(table.seed)
        found[name] = {seed: errors.to_numpy() for seed, errors in by_seed}
    sizes = pd.DataFrame(found).map(lambda errors: np.abs(errors).mean()).sum(axis=1, skipna=False).sort_values()
    seed = sizes.index[(len(sizes) - 1) // 2]
    table = pd.DataFrame({name: errors[seed] for name, errors in found.items()})
    table.attrs["seed"] = int(seed)
    return table


def _error_panel(ax: Axes, error: np.ndarray, reach: float, period: float | None, whole: bool) -> None:
    finite = error[np.isfinite(error)]
    bins = np.linspace(-reach, reach, BINS).tolist()
    ax.hist(finite, bins, color=COLOUR, alpha=0.6)
    if period is not None:
        short = (finite + period / 2) % period - period / 2
        ax.hist(short, bins, color=ROUND_COLOUR, histtype="step", lw=1)
    ax.axvline(0, color="black", lw=0.6)
    ax.set(xlim=(-reach, reach), yscale="log" if whole else "linear")
    if not whole:
        ax.tick_params(axis="y", labelleft=False, length=0)
    text = f"MAE {style.plain(np.abs(error).mean())}\nMSE {style.plain(np.square(error).mean())}"
    if not whole and (outside := int((~(np.abs(error) <= reach)).sum())):
        text += f"\n{style.percent(outside, len(error))} outside"
    style.note(ax, text, y=0.96, va="top")


@register_figure("metrics", "models")
def parameter_scores(results: Results, comparison: Comparison) -> Figure:
    """Mean absolute error over the parameters, mean R2 and circular error of every run: dots are seeds."""
    study, runs, table = results.study, comparison.runs, results.metrics()
    angle = next((name for name in study.targets if name in ANGLE_PERIODS), None)
    panels = [("mae", overall(study), _mean_title(study)), ("r2", overall(study), "mean $R^2$")]
    if angle:
        panels.append((CIRCULAR, angle, f"circular MAE of {axis_label(study, angle)}"))
    figure = style.new_figure(1.5 + 0.3 * len(runs))
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False, width_ratios=[1.5, *[1] * (len(panels) - 1)])[0]
    for ax, (metric, parameter, title) in zip(axes, panels, strict=True):
        rows = _rows(table, metric, parameter, comparison.source, shown_statistics(study))
        _score_panel(ax, study, comparison, metric, parameter, rows)
        ax.set_xlabel(title)
    labels = [f"{run} ({size / 1e6:.3g} M)" if (size := results.network_size(run)) else run for run in runs]
    axes[0].set_yticks(range(len(runs)), labels, fontsize=8)
    axes[0].set_ylim(len(runs) - 0.5, -0.5)
    axes[0].plot([], [], "o", color=COLOUR, ms=7, label="mean of the networks")
    axes[0].plot([], [], ".", color=COLOUR, label="one network")
    if study.published:
        axes[0].plot([], [], "D", mfc="none", mec=ROUND_COLOUR, mew=1.5, label="published")
    statistics = STATISTICS_TITLES[shown_statistics(study)]
    figure.suptitle(f"{study.datasets[comparison.source].title}: BatchNorm statistics {statistics}")
    style.legend(figure, axes[0])
    return figure


def _score_panel(
    ax: Axes, study: Study, comparison: Comparison, metric: str, parameter: str, rows: pd.DataFrame
) -> None:
    for height, run in enumerate(comparison.runs):
        values = rows[rows.run == run].value.to_numpy(float)
        if metric == "r2" and len(values) and np.isnan(values).all():
            style.row_not_run(ax, height, "no $R^2$")
        elif len(values):
            ax.plot(values, np.full(len(values), height), ".", color=COLOUR, ms=5, alpha=0.6, mew=0)
            ax.plot(values.mean(), height, "o", color=COLOUR, ms=7, mec="white", mew=0.8)
        elif metric == "r2":  # where no published value is in the way
            style.row_not_run(ax, height)
        for item in published_of(study, run, comparison.source, metric, parameter):
            if item.statistics == shown_statistics(study):
                ax.plot(item.mean, height, "D", mfc="none", mec=ROUND_COLOUR, mew=1.5, ms=7, zorder=5)
    low, high = ax.dataLim.intervalx
    if metric != "r2" and high > 5 * low:  # a shorter logarithmic axis may hold no tick
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter(lambda x, _: f"{x:g}" if f"{x:e}"[0] in "25" else "")
        ax.tick_params(which="minor", labelsize=8, pad=5)  # level with the labels of the longer major ticks
        return
    ax.locator_params(axis="x", nbins=5)
    if metric == "r2":
        _limit_r2(ax, rows.groupby("run").value.mean(skipna=False).reindex(comparison.runs))


def _limit_r2(ax: Axes, means: pd.Series) -> None:
    """Show no less than `style.LOWEST_R2`, and say which means lie below."""
    low = min(ax.dataLim.x0, 0.99)
    low = max(low - 0.05 * (1 - low), style.LOWEST_R2)  # a margin of the whole axis, so that no dot is cut
    ax.set_xlim(low, 1 + 0.03 * (1 - low))
    look: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 8, "color": COLOUR}
    for height, mean in enumerate(means):
        if mean < low:
            ax.annotate(style.minus(f"◂ mean {mean:.2g}"), (low, height), (3, 0), **look)


def _mean_title(study: Study) -> str:
    units = dict.fromkeys(unit(study, name) for name in study.targets)
    return f"mean MAE [{', '.join(unit for unit in units if unit)}]"


def _rows(table: pd.DataFrame | None, metric: str, parameter: str, domain: str, statistics: str) -> pd.DataFrame:
    if table is None:
        return pd.DataFrame(columns=["run", "value"])
    wanted = (table.metric == metric) & (table.parameter == parameter) & (table.domain == domain)
    return table[wanted & (table.statistics == statistics)]

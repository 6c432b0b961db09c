"""Figures of a catalogue: images with what was measured of them, how values are distributed, and how far they are to be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import AsinhNorm
from matplotlib.figure import Figure

from sim2sky.report.catalogue import chosen, is_angle, parameters_of, read_numbers, read_text, reference_of
from sim2sky.report.figures import style
from sim2sky.report.figures.registry import register_figure
from sim2sky.report.results import Results
from sim2sky.report.symbols import symbol

COLUMNS = 8
ROWS = 2  # of each kind of image in the report
FAILURE = 0.15  # relative error beyond which an estimate counts as a failure, as an outlier does in the metrics
BINS = 40  # of a histogram, at most
BARS = 300
_FLAG_WORDS = {
    "flag_outside_population": "outside",
    "flag_unlike_training": "unlike",
    "flag_seeds_disagree": "seeds",
    "flag_prior_edge": "edge",
    "flag_bad_pixels": "pixels",
}


def montage(table: pd.DataFrame, names: Sequence[str], images: Sequence[np.ndarray]) -> Figure:
    """Images with the first parameter, from its 16 % to its 84 % quantile, and their flags.

    Parameters
    ----------
    table : DataFrame
        Their rows of the catalogue.
    names : sequence of str
        Their names.
    images : sequence of (band, y, x) array
        The first band is shown, with row 0 at the bottom.
    """
    count = ceil(len(images) / COLUMNS)
    figure = style.new_figure(0.1 + 1.72 * count)
    _fill(figure.subplots(count, COLUMNS, squeeze=False), table, names, images)
    return figure


def _fill(axes: np.ndarray, table: pd.DataFrame, names: Sequence[str], images: Sequence[np.ndarray]) -> None:
    style.for_images(axes)
    for ax in axes.flat[len(images) :]:
        ax.set_axis_off()
    for ax, name, image, (_, row) in zip(axes.flat, names, images, table.iterrows(), strict=False):
        ax.imshow(image[0], norm=_stretch(image[0]), cmap="inferno", origin="lower")
        ax.set_title(_value(row, parameters_of(table)[0]), fontsize=8, pad=3)
        ax.set_xlabel(_short(name), fontsize=7, labelpad=2)
        if words := "\n".join(word for flag, word in _FLAG_WORDS.items() if row[flag]):
            style.note(ax, words, 0.04, ha="left")


def _value(row: pd.Series, parameter: str) -> str:
    low, median, high = (row[f"{parameter}_{key}"] for key in ("q16", "median", "q84"))
    digits = max(0, 1 - int(np.floor(np.log10(max(high - low, 1e-12)))))
    return style.minus(f"${median:.{digits}f}^{{+{high - median:.{digits}f}}}_{{-{median - low:.{digits}f}}}$")


def _short(name: str, length: int = 18) -> str:
    """A name that fits below its image; the end tells names of one survey apart."""
    text = name if len(name) <= length else f"…{name[1 - length :]}"
    return text.replace("$", r"\$")


def _stretch(image: np.ndarray) -> AsinhNorm:
    """Inverse hyperbolic sine, linear within the noise."""
    low, median, high = np.percentile(image, (1, 50, 99.7))
    sigma = 1.4826 * float(np.median(np.abs(image - median)))
    width = 2 * sigma or (high - low) / 100 or 1.0
    return AsinhNorm(linear_width=width, vmin=low, vmax=max(high, low + 5 * width))


def distribution(table: pd.DataFrame) -> Figure:
    """Histograms of the medians of each parameter, those with flags apart, over the range that the network has learnt."""
    names = parameters_of(table)
    across = min(3, len(names))
    figure = style.new_figure(2.9 * ceil(len(names) / across))
    axes = figure.subplots(ceil(len(names) / across), across, squeeze=False)
    for ax in axes.flat[len(names) :]:
        ax.set_axis_off()
    for ax, name in zip(axes.flat, names, strict=False):
        median, learnt = table[f"{name}_median"], table.attrs["population"].get(name)
        kinds = {"no flag": ~table.doubtful, "flagged": table.doubtful}
        values = [median[mine].dropna().to_numpy() for mine in kinds.values()]
        learnt_ends = [learnt["low"], learnt["high"]] if learnt and not is_angle(name) else []
        bins = int(np.clip(2 * np.sqrt(median.count()), 10, BINS))  # few images in many bins are a comb
        ends = np.array([*np.concatenate(values), *learnt_ends] or [0.0], float)
        ax.hist(
            values,
            np.linspace(ends.min(), max(ends.max(), ends.min() + 1e-6), bins + 1),
            stacked=True,
            color=["#0072B2", "#D55E00"],
            label=list(kinds),
        )
        for text, end in zip(("range learnt", None), learnt_ends, strict=False):
            ax.axvline(end, color="black", ls=":", lw=1.2, label=text)
        ax.set(xlabel=label(table, name), ylabel="images")
        ax.yaxis.get_major_locator().set_params(integer=True)
    style.legend(figure, axes.flat[0])
    return figure


def label(table: pd.DataFrame, parameter: str, prefix: str = "") -> str:
    """Axis label of a parameter with its unit."""
    unit = table.attrs["parameters"][parameter]["units"]
    return f"{prefix} {symbol(parameter)}".strip() + (f" [{unit}]" if unit not in ("", "1") else "")


def compared(table: pd.DataFrame) -> list[str]:
    """Parameters that have true or published values, angles aside."""
    return [name for name in parameters_of(table) if reference_of(table, name) and not is_angle(name)]


def failures(table: pd.DataFrame) -> Figure:
    """Fraction of failures against the fraction of images kept, the surest first, with and without flagged ones.

    A failure is off by more than 15 % of the true or published value. After the abstention curves of selective prediction
    (Geifman & El-Yaniv 2017, arXiv:1705.08500).
    """
    name = compared(table)[0]
    figure = style.new_figure(3.4)
    ax = figure.subplots()
    rows = table[table[reference_of(table, name)].notna() & table[f"{name}_median"].notna()]
    for mine, text, colour in (
        (rows.index == rows.index, "all measured images", "#000000"),
        (~rows.doubtful.to_numpy(), "without flags", "#0072B2"),
    ):
        kept, failed = failure_curve(rows[mine], name, len(rows))
        ax.plot(100 * kept, 100 * failed, color=colour, label=text, **style.dot_alone(len(kept)))
    ax.set(xlim=(0, 100), ylim=(0, None), xlabel="images kept, smallest error first [%]")
    ax.set_ylabel(f"off by more than {FAILURE:.0%} in {symbol(name)} [%]")
    ax.legend()
    return figure


def failure_curve(rows: pd.DataFrame, name: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Fraction of `count` images kept, and the fraction of failures among them, as images are taken in the order of their error.

    The error is relative to the median: a large lens has a larger one than a small lens that is as well measured.
    """
    median, true = rows[f"{name}_median"].to_numpy(float), rows[reference_of(rows, name)].to_numpy(float)
    order = np.argsort(rows[f"{name}_std"].to_numpy(float) / np.maximum(np.abs(median), 1e-12), kind="stable")
    failed = np.abs(median - true)[order] > FAILURE * np.abs(true)[order]
    kept = np.arange(1, len(rows) + 1)
    return kept / max(count, 1), np.cumsum(failed) / kept


def measured_against_reference(table: pd.DataFrame) -> Figure:
    """Medians against true or published values; with their 68 % intervals where there are at most `BARS` images."""
    names = compared(table)
    across = min(3, max(2, len(names)))
    figure = style.new_figure(0.4 + 9 / across * ceil(len(names) / across))
    axes = figure.subplots(ceil(len(names) / across), across, squeeze=False)
    for ax in axes.flat[len(names) :]:
        ax.set_axis_off()
    for ax, name in zip(axes.flat, names, strict=False):
        _against(ax, table, name)
    style.legend(figure, axes.flat[0])
    return figure


def _against(ax: Axes, table: pd.DataFrame, name: str) -> None:
    column = reference_of(table, name) or ""
    rows = table[table[column].notna() & table[f"{name}_median"].notna()]
    errors = f"{column}_error"
    for mine, text, colour in ((~rows.doubtful, "no flag", "#0072B2"), (rows.doubtful, "flagged", "#D55E00")):
        some = rows[mine]
        middle = some[f"{name}_median"]
        below, above = middle - some[f"{name}_q16"], some[f"{name}_q84"] - middle
        if len(rows) > BARS:  # bars would hide each other
            ax.plot(some[column], middle, ".", ms=2, alpha=0.4, color=colour, label=text)
        else:
            ax.errorbar(
                some[column], middle, (below, above), some.get(errors), fmt="o", ms=3, lw=0.8, color=colour, label=text
            )
    ends = [float(f(rows[[column, f"{name}_median"]].to_numpy())) for f in (np.min, np.max)] if len(rows) else [0, 1]
    ax.plot(ends, ends, color="black", lw=1, ls=":")
    kind = column.removeprefix(f"{name}_")
    ax.set(xlabel=label(table, name, kind), ylabel=label(table, name, "measured"))


def pictures(table: pd.DataFrame) -> Mapping[str, Figure]:
    """All figures of a catalogue but the montages, by what they show."""
    found = {"Distribution": distribution(table)}
    if compared(table):
        found["Measured against true or published values"] = measured_against_reference(table)
        found["Failures against images kept"] = failures(table)
    return found


@register_figure("catalogues", "measured_shards")
def measured_examples(results: Results) -> Figure:
    """Images of the first run's catalogues with what was measured of them, those with flags below; a block per dataset."""
    asked = results.measured()
    run, datasets = asked.runs[0], asked.datasets
    figure = style.new_figure(4.0 * len(datasets))
    for part, dataset in zip(figure.subfigures(len(datasets), squeeze=False)[:, 0], datasets, strict=True):
        part.suptitle(results.study.datasets[dataset].title)
        path, shard = results.catalogue(run, dataset), results.measured_shard(dataset)
        axes = part.subplots(ROWS, COLUMNS, squeeze=False)
        if path is None or shard is None:
            style.for_images(axes)
            style.not_run(axes[0, 0], "not measured")
            continue
        numbers = read_numbers(path)
        first = numbers[numbers.lens.isin(shard.read("lens"))]
        for row, (lenses, text) in enumerate(zip(chosen(first, COLUMNS), ("no flag", "flagged"), strict=True)):
            places = np.searchsorted(shard.read("lens"), numbers.lens[lenses])
            images = [shard.read("image", place, place + 1)[0] for place in places.tolist()]
            _fill(axes[row : row + 1], numbers.loc[lenses], list(read_text(path, lenses)["name"]), images)
            if images:
                axes[row, 0].set_ylabel(text)
            else:
                axes[row, 0].text(0, 0.5, f"{text}: none", transform=axes[row, 0].transAxes)
    return figure


@register_figure("catalogues")
def measured_flags(results: Results) -> Figure:
    """Share of the images of each catalogue that have each flag."""
    asked = results.measured()
    pairs = [(run, dataset) for dataset in asked.datasets for run in asked.runs]
    names = [*_FLAG_WORDS, "flag_not_measured"]
    shares = np.full((len(pairs), len(names)), np.nan)
    for row, pair in enumerate(pairs):
        if path := results.catalogue(*pair):
            shares[row] = pd.read_parquet(path, columns=names).mean()
    figure = style.new_figure(1.2 + 0.32 * len(pairs))
    ax = figure.subplots()
    ax.imshow(100 * shares, cmap="Oranges", vmin=0, vmax=100, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        text = "–" if np.isnan(share) else f"{100 * share:.1f} %"
        ax.text(column, row, text, ha="center", va="center", color="white" if share > 0.6 else "black")
    ax.set_xticks(range(len(names)), [name.removeprefix("flag_").replace("_", " ") for name in names])
    ax.set_yticks(range(len(pairs)), [f"{results.study.datasets[d].title}: {run}" for run, d in pairs])
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.grid(False)
    return figure

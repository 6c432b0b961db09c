"""Images that cannot be told apart, and test images with their lensing undone."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from sim2sky import store
from sim2sky.evaluate import EXACT, WHOLE
from sim2sky.report.figures import style
from sim2sky.report.figures.registry import register_figure
from sim2sky.report.results import Results

KINDS = {EXACT: "exact $R_\\mathrm{E}$", WHOLE: "$R_\\mathrm{E}$ cast to\nwhole pixels"}


@register_figure("degeneracy")
def degeneracy(results: Results) -> Figure:
    """The most different pair of images of each range of chi: one of them, and their difference for either kind of R_E."""
    found, asked = results.analysis("degeneracy"), results.study.degeneracy
    figure = style.new_figure(5.4)
    axes = figure.subplots(len(KINDS) + 1, len(asked.ranges) + 1 if asked else 1, squeeze=False)
    style.for_images(axes)
    if found is None:
        style.not_run(axes[0, 0])
        return figure
    table, images = found
    shown = None
    for column, name in enumerate(dict.fromkeys(table.range)):
        rows = table[table.range == name]
        _image(axes[0, column], images, rows.index[0])
        axes[0, column].set_title(name.replace(", ", ",\n"), fontsize=9)
        for row, kind in enumerate(KINDS, start=1):
            chosen = rows[rows["R_E"] == kind]
            if len(chosen):
                shown = _difference(axes[row, column], images, chosen.iloc[0])
            else:
                axes[row, column].set_axis_off()
    axes[0, 0].set_ylabel("one image")
    for ax, text in zip(axes[1:, 0], KINDS.values(), strict=True):
        ax.set_ylabel(text)
    if shown is not None:
        figure.colorbar(shown, ax=axes[1:, :], label="difference [count], square-root scale", pad=0.01, aspect=25)
    return figure


def _image(ax: Axes, images: store.Shards, index: int) -> None:
    ax.imshow(images.read("first", index, index + 1)[0], cmap="gray", vmin=0, vmax=255)


def _difference(ax: Axes, images: store.Shards, row: pd.Series) -> AxesImage:
    first, second = (images.read(name, row.name, row.name + 1)[0].astype(int) for name in ("first", "second"))
    shown = ax.imshow(np.abs(first - second), cmap="inferno", norm=PowerNorm(0.5, 0, 255))
    text = f"{row.identical:,} of {row.pairs:,} identical\nRMS up to {style.plain(row.largest_rms, 2)}"
    ax.set_xlabel(text, fontsize=8)
    return shown


@register_figure("reconstruction")
def reconstruction(results: Results) -> Figure:
    """Test images, what the predicted parameters give, the difference, and the source with its lensing undone."""
    found, asked = results.analysis("reconstruction"), results.study.reconstruction
    titles = ("image", "simulated from\nthe estimate", "image −\nsimulated", "lensing undone", "estimated source")
    count = len(found[0]) if found else asked.images if asked else 1
    figure = style.new_figure(0.6 + 1.75 * count)
    axes = figure.subplots(count, len(titles), squeeze=False)
    style.for_images(axes)
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, fontsize=9)
    if found is None:
        style.not_run(axes[0, 0])
        return figure
    table, images = found
    limit = max(1.0, float(np.abs(images.read("image").astype(float) - images.read("simulated")).max()))
    for row, about in table.iterrows():
        image, simulated, undone, source = (
            images.read(name, row, row + 1)[0].astype(float) for name in ("image", "simulated", "undone", "source")
        )
        for ax, values in zip(axes[row, [0, 1, 3, 4]], (image, simulated, undone, source), strict=True):
            ax.imshow(values, cmap="gray", vmin=0, vmax=255)
        left = axes[row, 2].imshow(image - simulated, cmap="RdBu_r", vmin=-limit, vmax=limit)
        for ax in axes[row, :3]:
            _zoom(ax, np.maximum(image, simulated))
        axes[row, 0].set_ylabel(f"lens {about.lens:.0f}", fontsize=8)
        axes[row, 2].set_xlabel(f"RMS {style.plain(about.rms)} of {style.plain(about.rms_image)}", fontsize=8)
        axes[row, 3].set_xlabel(f"RMS to the right {style.plain(about.rms_source)}", fontsize=8)
    figure.colorbar(left, ax=axes[:, 2], label="count", pad=0.02, aspect=40, location="bottom", fraction=0.03)
    return figure


def _zoom(ax: Axes, image: np.ndarray) -> None:
    """Show the square in the middle of the light, with a margin, and not the dark around it."""
    y, x = np.nonzero(image > 2)
    if not len(y):
        return
    half = 0.65 * max(int(np.ptp(y)), int(np.ptp(x)), 8)
    ax.set_xlim(max((x.min() + x.max()) / 2 - half, -0.5), min((x.min() + x.max()) / 2 + half, image.shape[1] - 0.5))
    ax.set_ylim(min((y.min() + y.max()) / 2 + half, image.shape[0] - 0.5), max((y.min() + y.max()) / 2 - half, -0.5))

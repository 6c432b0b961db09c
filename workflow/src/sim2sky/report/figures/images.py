"""What the networks see: examples of each domain, and simulated noise held against the real sky."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import AsinhNorm
from matplotlib.figure import Figure

from sim2sky import store
from sim2sky.config import Study, Survey
from sim2sky.observe.cutouts import read_cutouts
from sim2sky.observe.judge import sky_scatter as sky_scatter_of
from sim2sky.observe.noise import background_sigma, flux_ratio
from sim2sky.report.figures import style
from sim2sky.report.figures.registry import register_figure
from sim2sky.report.results import Results
from sim2sky.report.symbols import symbol
from sim2sky.report.symbols import unit as unit_of

COLUMNS = 7
SCALE_BAR = 2.0  # arcsec
ARCSEC = "\u2033"
SKY_FORMULAS = ("correct", "deeplenstronomy-0.0.2.3")  # those that differ in the noise of the sky


@register_figure("first_shards")
def examples(results: Results) -> Figure:
    """The same lenses in every domain, one domain per row, the regressed parameter increasing to the right; and some real images.

    After Figure 1 of Swierc et al. 2023.
    """
    study, names = results.study, list(results.study.datasets)
    figure = style.new_figure(0.35 + 1.28 * len(names))
    axes = figure.subplots(len(names), COLUMNS, squeeze=False)
    style.for_images(axes)
    shards = {name: shard for name in names if (shard := results.first_shard(name))}
    chosen = {simulation: _choose(results, shards, simulation) for simulation in study.simulations}
    labelled = next((name for name in names if not study.datasets[name].images), None)
    for row, name in enumerate(names):
        simulation, real = study.datasets[name].simulation, study.datasets[name].images is not None
        if name not in shards:
            style.not_run(axes[row, 0], "not made")
        elif not len(lenses := some_usable(shards[name], COLUMNS) if real else chosen[simulation or ""]):
            style.not_run(axes[row, 0], "no image could be used")
        else:
            # lenstronomy's first row of pixels is the lowest, as that of a FITS file is; CosmoSim's is the highest
            origin = "upper" if simulation and study.simulations[simulation].engine == "cosmosim" else "lower"
            _example_row(figure, axes[row], shards[name], lenses, study, origin)
            if name == labelled:
                _title_values(axes[row], shards[name], lenses, study)
        axes[row, 0].set_ylabel("\n".join(study.datasets[name].title.replace(" (", "\n(").split("\n")))
    return figure


def _choose(results: Results, shards: dict[str, store.Shards], simulation: str) -> np.ndarray:
    """Lenses with evenly spaced values of the first regressed parameter, out of the clearer half by signal-to-noise."""
    study = results.study
    mine = [name for name in shards if study.datasets[name].simulation == simulation]
    if not mine:
        return np.array([], int)
    value = shards[mine[0]].read(study.targets[0])
    noisy = [name for name in mine if np.isfinite(shards[name].read("signal_to_noise")).all()]
    ratio = shards[noisy[0]].read("signal_to_noise")[:, 0] if noisy else np.ones(len(value))
    clear = np.flatnonzero(ratio >= np.median(ratio))
    return clear[evenly_spaced(value[clear], COLUMNS)]


def some_usable(shards: store.Shards, count: int) -> np.ndarray:
    """Positions of up to `count` real images, of those that could be read."""
    usable = np.flatnonzero(shards.read("measured"))
    return usable[np.linspace(0, len(usable) - 1, min(count, len(usable))).astype(int)]


def evenly_spaced(values: np.ndarray, count: int) -> np.ndarray:
    """Indices of the values nearest to `count` evenly spaced ones, from their 2 % to their 98 % quantile."""
    low, high = np.quantile(values, (0.02, 0.98))
    return np.array([np.argmin(np.abs(values - wanted)) for wanted in np.linspace(low, high, count)])


def _example_row(
    figure: Figure, axes: np.ndarray, shards: store.Shards, lenses: np.ndarray, study: Study, origin: str
) -> None:
    """Images of some lenses in one domain on one colour scale, with the signal-to-noise inside where it is known."""
    images = np.stack([shards.read("image", lens, lens + 1)[0, 0] for lens in lenses])
    known = "signal_to_noise" in shards
    ratio = shards.read("signal_to_noise")[lenses, 0] if known else np.full(len(lenses), np.nan)
    scale, band = shards.attributes["pixel_scale"], shards.attributes["bands"][0]
    noise = shards.read("sigma_background")[:, 0] if known else sky_scatter_of(images)
    norm = _stretch(images, float(np.median(noise)))
    half = images.shape[-1] * (scale or 1) / 2
    for ax in axes[len(lenses) :]:
        ax.set_axis_off()
    for index, ax in enumerate(axes[: len(lenses)]):
        shown = ax.imshow(images[index], norm=norm, cmap="inferno", origin=origin, extent=(-half, half, -half, half))
        if np.isfinite(ratio[index]):
            look = {"transform": ax.transAxes, "color": "white", "fontsize": 8, "ha": "right"}
            ax.text(0.96, 0.04, f"S/N {ratio[index]:.0f}", **look)
    if scale:
        left = -half * 0.9
        axes[0].plot([left, left + SCALE_BAR], [-half * 0.85] * 2, color="white", lw=2)
        axes[0].text(left, -half * 0.78, f"{SCALE_BAR:g}{ARCSEC}", color="white", fontsize=8, va="bottom")
    bar = figure.colorbar(shown, ax=list(axes), pad=0.01, aspect=10, fraction=0.03, ticks=_ticks(norm), format="%g")
    bar.minorticks_off()
    bar.set_label(f"{shards.variable('image').attrs['units']} ({band} band)", fontsize=8)
    bar.ax.tick_params(labelsize=8)


def _title_values(axes: np.ndarray, shards: store.Shards, lenses: np.ndarray, study: Study) -> None:
    """The first regressed parameter above each image."""
    parameter = study.targets[0]
    unit = ARCSEC if unit_of(study, parameter) == "arcsec" else f" {unit_of(study, parameter)}"
    for ax, value in zip(axes, shards.read(parameter)[lenses], strict=True):
        ax.set_title(style.minus(f"{symbol(parameter)} = {value:.2f}{unit}".strip()), fontsize=9)


def _stretch(images: np.ndarray, sigma: float) -> AsinhNorm:
    """Inverse hyperbolic sine, linear within the noise; the same for a whole row.

    Without noise it is linear over the faintest two per cent of the range.
    """
    high = float(np.percentile(images, 99.7))
    width = sigma if sigma > 0 else high / 100 or 1.0
    low = float(np.percentile(images, 1)) if sigma > 0 else 0.0
    return AsinhNorm(linear_width=2 * width, vmin=low, vmax=max(high, low + 10 * width))


def _ticks(norm: AsinhNorm) -> list[float]:
    """Zero, and the powers of ten (for a small range also three times them) beyond the linear part."""
    decades = 10.0 ** np.arange(-8, 9)
    steps = [step for step in decades if 1.5 * norm.linear_width < step <= norm.vmax]
    if len(steps) < 2:
        steps = [step for step in sorted([*decades, *(3 * decades)]) if norm.linear_width < step <= norm.vmax]
    return [0.0, *steps]


@register_figure("cutouts")
def sky_scatter(results: Results) -> Figure:
    """Scatter of the sky in real cutouts beside that of the survey's conditions, by either noise formula."""
    shown = [(dataset, dataset.background) for dataset in results.study.datasets.values() if dataset.background]
    figure = style.new_figure(3.4 * len(shown))
    for ax, (dataset, sky) in zip(figure.subplots(len(shown), 1, squeeze=False)[:, 0], shown, strict=True):
        path, survey = results.cutouts(sky.cutouts), results.surveys.get(dataset.survey or "")
        if path and survey:
            simulation = results.study.simulations[dataset.simulation or ""]
            band = simulation.bands[0]
            measured = sky_scatter_of(read_cutouts(path, sky, dataset.side(simulation.pixels), band).pixels)
            _sky_panel(ax, survey, band, measured * flux_ratio(sky.zero_point, survey.bands[band].zero_point))
        else:
            style.not_run(ax, "no cutouts given")
    return figure


def _sky_panel(ax: Axes, survey: Survey, band: str, measured: np.ndarray) -> None:
    """Histograms of the measured scatter, in counts/s at the survey's zero point, and of the modelled ones."""
    modelled, weights = _modelled(survey, band)
    labels = {name: f"noise formula, {how}{name}" for name, how in zip(SKY_FORMULAS, ("", "as in "), strict=True)}
    rows = [(measured, np.full(len(measured), 1 / len(measured)), f"{len(measured)} real cutouts, measured", "#000000")]
    colours = dict(zip(SKY_FORMULAS, ("#0072B2", "#D55E00"), strict=True))
    rows += [(modelled[name], weights, labels[name], colours[name]) for name in SKY_FORMULAS]
    high = 1.1 * max(_quantile(values, share, 0.99) for values, share, _, _ in rows)
    bins, outside = np.linspace(0, high, 36).tolist(), []
    for values, share, text, colour in rows:
        filled: dict[str, Any] = {"histtype": "stepfilled", "alpha": 0.35}
        look = filled if values is measured else {"histtype": "step", "lw": 1.8}
        median = _quantile(values, share, 0.5)
        ax.hist(values, bins, weights=100 * share, color=colour, label=f"{text}: median {median:.3f}", **look)
        ax.axvline(median, color=colour, ls="--", lw=1.4)
        if (beyond := 100 * share[values > high].sum()) > 0:
            outside.append(f"{beyond:.1f} % ({text})")
    if outside:
        style.note(ax, "beyond the right edge: " + ", ".join(outside), y=0.5)
    ax.set(xlim=(0, high), ylabel="per cent per bin")
    zero_point = survey.bands[band].zero_point
    ax.set_xlabel(f"scatter of the sky per pixel [counts/s at zero point {zero_point:g}], {band} band")
    ax.legend(loc="upper right")


def _modelled(survey: Survey, band: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Background noise by either formula for each pair of a survey's sky brightness and exposures, and its weight."""
    camera = survey.bands[band]
    sky, exposures = camera.sky_brightness, camera.num_exposures
    brightness, number = (grid.ravel() for grid in np.meshgrid(sky.values, exposures.values, indexing="ij"))
    weights = np.outer(sky.weights, exposures.weights).ravel()
    noise = {
        formula: background_sigma(
            formula,
            sky_brightness=brightness,
            zero_point=camera.zero_point,
            num_exposures=number,
            exposure_time=camera.exposure_time,
            read_noise=survey.read_noise,
            pixel_scale=survey.pixel_scale,
        )
        for formula in SKY_FORMULAS
    }
    return noise, weights / weights.sum()


def _quantile(values: np.ndarray, weights: np.ndarray, share: float) -> float:
    """The smallest value that at least `share` of the weight does not exceed."""
    return float(np.quantile(values, share, weights=weights, method="inverted_cdf"))

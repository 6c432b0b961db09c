"""Undo the lensing of an image with estimated parameters, and compare what they give with the image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from scipy import ndimage

from sim2sky.config import CosmosimSimulation
from sim2sky.lensing.cosmosim import lens_map, render
from sim2sky.lensing.finish import finish, optics_of
from sim2sky.lensing.scene import Scene

SIDE = 48  # pixels of a reconstructed source
EXTENT = 3.5  # standard deviations of the source to the edge of its picture


class Reconstructed(NamedTuple):
    """What one image and an estimate of its parameters give; counts of 0 to 255.

    Attributes
    ----------
    simulated : ndarray, shape (y, x)
        The image that the estimate gives.
    undone : ndarray, shape (`SIDE`, `SIDE`)
        The source plane: at each place the mean of the image's pixels that the estimated lens traces back to it; between
        such places the mean of the nearest one, and zero beyond. The middle is the estimated centre of the source, and the
        edge is `EXTENT` standard deviations away.
    source : ndarray, shape (`SIDE`, `SIDE`)
        The estimated source.
    rms, rms_image, rms_source : float
        Root mean square of image - simulated, of the image, and of undone - source where pixels come from.
    """

    simulated: np.ndarray
    undone: np.ndarray
    source: np.ndarray
    rms: float
    rms_image: float
    rms_source: float


def complete(estimate: Mapping[str, float], simulation: CosmosimSimulation) -> dict[str, torch.Tensor]:
    """The parameters that an image is rendered from, each of shape (1,), given those that a network estimates.

    Polar positions are converted, sizes and ratios are clipped to what can be rendered, and `chi` is the simulation's
    where it is not estimated.

    Raises
    ------
    ValueError
        A parameter is neither estimated nor fixed.
    """
    if lacking := simulation.lacking(estimate):
        raise ValueError(f"an image cannot be simulated without {', '.join(lacking)}")
    low, high = (simulation.chi,) * 2 if simulation.chi is not None else simulation.population.chi
    found = {"chi": low} if low == high else {}
    if simulation.source == "spherical" and "sigma" in estimate:
        found |= {"sigma2": estimate["sigma"], "theta": 0.0}
    found |= estimate
    if {"r", "phi"} <= found.keys() and "x" not in found:
        phi = math.radians(found["phi"])
        found |= {"x": found["r"] * math.cos(phi), "y": found["r"] * math.sin(phi)}
    needed = ["x", "y", "R_E", "sigma", "sigma2", "theta", "chi", *lens_shape(simulation)]
    for name in ("R_E", "sigma", "sigma2"):
        found[name] = max(found[name], 0.5)
    for name in {"chi", "ellipse_ratio"} & found.keys():
        found[name] = min(max(found[name], 0.05), 1.0)
    return {name: torch.tensor([float(found[name])], dtype=torch.float64) for name in needed}


def lens_shape(simulation: CosmosimSimulation) -> tuple[str, ...]:
    """Parameters of the lens beside its Einstein radius."""
    return ("ellipse_ratio", "orientation") if simulation.lens == "sie" else ()


def reconstruct(image: np.ndarray, estimate: Mapping[str, float], simulation: CosmosimSimulation) -> Reconstructed:
    """Simulate an image again from estimated parameters, and trace its pixels back through the estimated lens.

    Where the simulation centres images on their light, the frame is that of the image the estimate gives, so that
    nothing but the image and the estimate is used.

    Parameters
    ----------
    image : ndarray, shape (simulation.pixels, simulation.pixels)
        Counts of 0 to 255.
    estimate : mapping of str to float
        Parameters [pixel, degree], enough of them for :func:`complete`.
    simulation : CosmosimSimulation
        How images like this one are made.

    Returns
    -------
    Reconstructed
        The image that the estimate gives, the source plane, and what is left of both.

    Raises
    ------
    ValueError
        The image has another size, or the estimate lacks a parameter.
    """
    if image.shape != (simulation.pixels,) * 2:
        raise ValueError(
            f"the image has shape {image.shape}, the simulation makes {simulation.pixels} x {simulation.pixels}"
        )
    simulation = simulation.model_copy(update={"reference_axes": False})
    parameters, optics = complete(estimate, simulation), optics_of(simulation)
    simulated, shift = finish(simulation, render(parameters, optics, simulation.image_pixels)[0].numpy())
    x, y = (torch.from_numpy(axis) for axis in image_plane(simulation, shift))
    scene = Scene.of(parameters, optics)
    source_plane, seen = lens_map(scene, optics, x, y)
    X, Y = (axis.numpy() for axis in source_plane)
    reach = EXTENT * max(parameters["sigma"].item(), parameters["sigma2"].item())
    undone, covered = _binned(image, X, Y, seen.numpy() & np.isfinite(X), reach, _pixel(simulation))
    source = _source(scene, reach)
    return Reconstructed(
        simulated,
        undone,
        source,
        rms=_rms(image.astype(float) - simulated),
        rms_image=_rms(image.astype(float)),
        rms_source=_rms((undone - source)[covered]),
    )


def image_plane(simulation: CosmosimSimulation, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the pixels of a finished image are relative to the lens, x and y, each of shape (pixels, pixels) [pixel].

    Parameters
    ----------
    simulation : CosmosimSimulation
        How the image is made.
    shift : ndarray, shape (2,)
        How far its light was moved along y and x, as :func:`sim2sky.lensing.finish.finish` gives it.
    """
    pixel = _pixel(simulation)
    line = (np.arange(simulation.pixels) + 0.5) * pixel - 0.5 - simulation.pixels * pixel / 2
    x, y = np.meshgrid(line - shift[1], shift[0] - line)
    return x, y


def _pixel(simulation: CosmosimSimulation) -> float:
    """Side of a pixel of a finished image in pixels of the whole one."""
    return (simulation.crop.pixels if simulation.crop else simulation.image_pixels) / simulation.pixels


def _binned(
    image: np.ndarray, X: np.ndarray, Y: np.ndarray, seen: np.ndarray, reach: float, pixel: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the pixels that come from each place of the source plane, north up, and where any does.

    Places less than half the diagonal of a pixel from one that any comes from have the mean of that one.
    """
    edges = np.linspace(-reach, reach, SIDE + 1)
    bins = [edges, edges]
    sums, _, _ = np.histogram2d(-Y[seen], X[seen], bins, weights=image[seen].astype(float))
    counts, _, _ = np.histogram2d(-Y[seen], X[seen], bins)
    means, covered = sums / np.maximum(counts, 1), counts > 0
    if not covered.any():
        return means, covered
    distance, nearest = ndimage.distance_transform_edt(~covered, return_indices=True)
    between = (distance - 1) * (2 * reach / SIDE) < pixel / math.sqrt(2)  # half the diagonal of a pixel
    return np.where(between, means[tuple(nearest)], 0.0), covered


def _source(scene: Scene, reach: float) -> np.ndarray:
    """The source without a lens, at the middle of each pixel of its picture."""
    line = (np.arange(SIDE) + 0.5) * (2 * reach / SIDE) - reach
    X, Y = np.meshgrid(line, -line)
    cos, sin = math.cos(scene.theta.item()), math.sin(scene.theta.item())
    u, v = (cos * X + sin * Y) / scene.sigma.item(), (cos * Y - sin * X) / scene.sigma2.item()
    return 255 * np.exp(-0.5 * (u**2 + v**2))


def _rms(values: np.ndarray) -> float:
    """Root mean square; NaN of nothing."""
    return float(np.sqrt(np.square(values).mean())) if values.size else math.nan

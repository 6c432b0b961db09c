"""Undo the lensing of an image of your own: ``sim2sky reconstruct IMAGE --model MODEL``.

A trained network estimates the parameters; the image is traced back to the source and simulated again from them. The
simulation that the network learnt from is read from the provenance in its file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import safetensors
import torch
from matplotlib.figure import Figure

from sim2sky import store
from sim2sky.config import CentreCrop, CosmosimPopulation, CosmosimSimulation, Recipe
from sim2sky.data.images import FloatImages, statistics_of
from sim2sky.framing import draw_axes
from sim2sky.lensing.undo import Reconstructed, reconstruct
from sim2sky.losses import create_loss
from sim2sky.measure.light import doubts_of, require_light, sky_of
from sim2sky.measure.picture import Picture, frame_picture, read_picture
from sim2sky.models.inference import predict
from sim2sky.models.network_file import load_models


def as_simulated(path: str | Path, simulation: CosmosimSimulation) -> Picture:
    """Read an image and bring it into the frame that a simulation gives its own images.

    An image of the right size is taken as it is; a larger one is centred on its light and cropped as the simulation does.
    Whole numbers of 0 to 255 are 8-bit counts, whatever the type of the file. Of other values the median along the edge
    is taken for the sky, which becomes 0 as what is below it does, and the brightest for 255.

    Parameters
    ----------
    path : path
        FITS or a picture; square, with one lens.
    simulation : CosmosimSimulation
        The simulation whose frame is wanted.

    Returns
    -------
    Picture
        Counts of 0 to 255, (pixels, pixels) uint8, and what is doubtful about them.

    Raises
    ------
    ValueError
        The file cannot be used or holds no light; the message names it.
    """
    image, doubts = read_picture(path)
    eight_bit = image.dtype == np.uint8
    crop = simulation.crop
    kept, centre = (crop.pixels, crop.centre) if crop else (simulation.image_pixels, "none")
    try:
        require_light(image)
        counts = image if eight_bit else image - np.float32(sky_of(image)[0])
        if len(image) != simulation.pixels:
            if len(image) < kept:
                sizes = f"one of {simulation.pixels}, as the network knows them, or of {kept} and more"
                raise ValueError(f"cannot keep {kept} of {len(image)} pixels; give {sizes}")
            counts, _ = frame_picture(counts, CentreCrop(centre=centre, pixels=kept, downscale=simulation.downscale))
        if counts.max() <= 0:
            raise ValueError(f"holds no light in the {kept} pixels that are kept")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if not eight_bit:
        counts = counts * (255 / counts.max())
    return Picture(np.rint(counts.clip(min=0)).astype(np.uint8), (*doubts, *doubts_of(image, counts)))


def read_training(model: str | Path) -> tuple[Recipe, list[str], CosmosimSimulation]:
    """Recipe, regressed parameters and simulation that the networks of a file were trained with.

    Parameters
    ----------
    model : path
        File of networks.

    Returns
    -------
    Recipe, list of str, CosmosimSimulation
        As the provenance in the file has them.

    Raises
    ------
    ValueError
        The file holds no networks, or they did not learn from images of CosmoSim as they are.
    """
    try:
        with safetensors.safe_open(model, "np") as file:
            about = json.loads(file.metadata()["provenance"])
        config, source = about["config"], about["domains"]["source"]
        simulation, dataset = dict(source["simulated"]), source.get("dataset", {})
    except FileNotFoundError:
        raise ValueError(f"{model}: no such file of networks") from None
    except (safetensors.SafetensorError, OSError, TypeError, KeyError, ValueError) as error:
        raise ValueError(f"{model}: does not say what its networks were trained with ({error!r})") from None
    if simulation.get("engine") != "cosmosim" or simulation.pop("centre_crop", None) or dataset.get("survey"):
        raise ValueError(f"{model}: its networks did not learn from images of `engine: cosmosim` as they are")
    recipe = Recipe.model_validate(config["recipe"])
    return recipe, list(config["targets"]), CosmosimSimulation.model_validate(simulation)


def estimate(image: np.ndarray, model: str | Path, seed: int | None = None) -> dict[str, float]:
    """Parameters of an image as a network estimates them.

    Where the recipe normalises by a domain's pixels, those of the image itself are taken. Reference axes are drawn into it
    if the network has learnt them.

    Parameters
    ----------
    image : (pixels, pixels) array
        In the frame of the simulation that the networks learnt from (:func:`as_simulated`).
    model : path
        File of networks.
    seed : int
        Which network of the file; its first if not given.

    Returns
    -------
    dict of str to float
        By the name of the parameter, in the unit that the simulation states.

    Raises
    ------
    ValueError
        The file cannot be used (:func:`read_training`) or does not hold the seed.
    """
    recipe, targets, simulation = read_training(model)
    networks, encoding = load_models(model, recipe, targets, 1, simulation.pixels)
    if seed is not None and seed not in networks:
        raise ValueError(f"{model}: holds seeds {', '.join(map(str, networks))}, not {seed}")
    if simulation.reference_axes:
        image = image.copy()
        draw_axes(image)
    images = FloatImages(torch.from_numpy(image.astype(np.float32))[None, None])
    images = images.prepared(statistics_of(recipe.normalisation, images), torch.device("cpu"))
    network = networks[min(networks) if seed is None else seed]
    estimate = create_loss(recipe.loss, encoding.outputs).estimate(network, predict(network, images, 1))
    return dict(zip(targets, encoding.decode(estimate)[0].tolist(), strict=True))


def draw(image: np.ndarray, result: Reconstructed, path: str | Path) -> None:
    """The image, what the estimate gives, what is left, and the source with its lensing undone, as PNG.

    Parameters
    ----------
    image : (pixels, pixels) array
        Counts of 0 to 255.
    result : Reconstructed
        What :func:`sim2sky.lensing.undo.reconstruct` gives for it.
    path : path
        PNG to write.
    """
    figure = Figure(figsize=(10, 3), layout="constrained")
    left = image.astype(float) - result.simulated
    panels = [("image", image), (f"simulated from the estimate\nRMS left {result.rms:.3g}", result.simulated)]
    panels += [("image − simulated", left), ("lensing undone", result.undone), ("estimated source", result.source)]
    limit = max(1.0, float(np.abs(left).max()))
    for ax, (title, values) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        cmap, vmin, vmax = ("RdBu_r", -limit, limit) if values is left else ("gray", 0.0, 255.0)
        ax.imshow(values, cmap=cmap, vmin=vmin, vmax=vmax)
        ax.set(xticks=[], yticks=[])
        ax.set_title(title, fontsize=9)
    with store.atomic(path) as temporary:
        figure.savefig(temporary, format="png", dpi=160)


def reconstruct_file(
    path: str | Path, model: str | Path, seed: int | None = None, output: str | Path | None = None
) -> str:
    """Estimate the parameters of an image, undo its lensing and draw both.

    Parameters
    ----------
    path : path
        FITS or a picture; square, with one lens.
    model : path
        File of networks that learnt from images of CosmoSim as they are.
    seed : int
        Which network of the file; its first if not given.
    output : path
        PNG to write; ``<image>-reconstructed.png`` beside the image if not given.

    Returns
    -------
    str
        The estimates, what is left, and what makes them doubtful, in lines to be printed.

    Raises
    ------
    ValueError
        The image or the file of networks cannot be used; the message names it.
    """
    *_, simulation = read_training(model)
    image, doubts = as_simulated(path, simulation)
    found = estimate(image, model, seed)
    result = reconstruct(image, found, simulation)
    output = output or f"{Path(path).with_suffix('')}-reconstructed.png"
    draw(image, result, output)
    doubts += tuple(_unlearnt(found, simulation.population))
    if result.rms >= result.rms_image:
        doubts += ("the image simulated from the estimate is no more like it than a black one",)
    lines = [f"{name:8} {value:10.3f}" for name, value in found.items()]
    lines.append(f"RMS left {result.rms:.3g} of {result.rms_image:.3g} counts; {output}")
    return "\n".join([*lines, *(f"warning: {doubt}" for doubt in doubts)])


def _unlearnt(estimate: Mapping[str, float], population: CosmosimPopulation) -> Iterator[str]:
    """Doubts about estimates outside the ranges that the network has learnt."""
    for name in {"R_E", "r", "sigma", "sigma2", "chi", "ellipse_ratio"} & estimate.keys():
        low, high = getattr(population, name) or (-math.inf, math.inf)
        if not low <= estimate[name] <= high:
            yield f"{name} is outside what the network has learnt, {low:g} to {high:g}"

"""Undo the lensing of an image of your own: ``python -m sim2sky.measure.reconstruct IMAGE --model MODEL``.

A trained network estimates the parameters; the image is traced back to the source and simulated again from them. The
simulation that the network learnt from is read from the provenance in its file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import safetensors
import torch
from matplotlib.figure import Figure

from sim2sky import store
from sim2sky.config import CentreCrop, CosmosimSimulation, Recipe, read_simulation
from sim2sky.data.images import FloatImages, statistics_of
from sim2sky.evaluate.reconstruction import Reconstructed, reconstruct
from sim2sky.measure.picture import frame_picture, read_picture
from sim2sky.models.inference import predict
from sim2sky.models.network_file import load_models


def as_simulated(path: str | Path, simulation: CosmosimSimulation) -> np.ndarray:
    """An image in the frame that a simulation gives its own: shape (pixels, pixels), counts of 0 to 255, uint8.

    One of the right size is taken as it is; a larger one is centred on its light and cropped as the simulation does.
    Of values that are not 8-bit counts, the median along the edge is taken for the sky and the brightest for 255.

    Raises
    ------
    ValueError
        Naming the file, if it cannot be used.
    """
    image = read_picture(path)
    sky = np.median(np.concatenate([image[[0, -1]].ravel(), image[:, [0, -1]].ravel()]))
    if len(image) != simulation.pixels:
        crop = simulation.crop
        kept, centre = (crop.pixels, crop.centre) if crop else (simulation.image_pixels, "none")
        options = CentreCrop(centre=centre, pixels=kept, downscale=simulation.downscale)
        try:
            image, _ = frame_picture(image, options)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    if image.dtype == np.uint8:
        return image
    light = (image - sky).clip(min=0)
    return np.rint(light * (255 / max(light.max(), 1e-300))).astype(np.uint8)


def read_task(model: str | Path) -> tuple[Recipe, list[str], CosmosimSimulation]:
    """Recipe, targets and simulation that the networks of a file were trained with.

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
    except (safetensors.SafetensorError, OSError, TypeError, KeyError, ValueError) as error:
        raise ValueError(f"{model}: does not say what its networks were trained with ({error!r})") from None
    if simulation.get("engine") != "cosmosim" or simulation.pop("centre_crop", None) or dataset.get("survey"):
        raise ValueError(f"{model}: its networks did not learn from images of `engine: cosmosim` as they are")
    return Recipe.model_validate(config["recipe"]), list(config["targets"]), read_simulation(simulation)


def estimate(image: np.ndarray, model: str | Path, seed: int | None = None) -> dict[str, float]:
    """Parameters of an image by a network, the file's first if no seed is named.

    Where the recipe normalises by a domain's pixels, those of the image itself are taken.
    """
    recipe, targets, simulation = read_task(model)
    networks, encoding = load_models(model, recipe, targets, 1, simulation.pixels)
    if seed is not None and seed not in networks:
        raise ValueError(f"{model}: holds seeds {', '.join(map(str, networks))}, not {seed}")
    images = FloatImages(torch.from_numpy(image.astype(np.float32))[None, None])
    images = images.prepared(statistics_of(recipe.normalisation, images), torch.device("cpu"))
    outputs = predict(networks[min(networks) if seed is None else seed], images, 1)
    return dict(zip(targets, encoding.decode(outputs)[0].tolist(), strict=True))


def draw(image: np.ndarray, result: Reconstructed, path: str | Path) -> None:
    """The image, what the estimate gives, what is left, and the source with its lensing undone, as PNG."""
    figure = Figure(figsize=(10, 3), layout="constrained")
    left = image.astype(float) - result.simulated
    panels = [("image", image), (f"simulated from the estimate\nRMS left {result.rms:.3g}", result.simulated)]
    panels += [("image − simulated", left), ("lensing undone", result.undone), ("estimated source", result.source)]
    for ax, (title, values) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        signed = values is left
        limit = max(1.0, float(np.abs(left).max()))
        ax.imshow(
            values, cmap="RdBu_r" if signed else "gray", vmin=-limit if signed else 0, vmax=limit if signed else 255
        )
        ax.set(xticks=[], yticks=[])
        ax.set_title(title, fontsize=9)
    with store.atomic(path) as temporary:
        figure.savefig(temporary, format="png", dpi=160)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m sim2sky.measure.reconstruct", description=__doc__)
    parser.add_argument("image", help="FITS, PNG or another picture; square, one lens alone")
    parser.add_argument("--model", required=True, help="model.safetensors of a run on CosmoSim images")
    parser.add_argument("--seed", type=int, help="which network of the file; its first by default")
    parser.add_argument("--output", help="PNG to write; IMAGE-reconstructed.png by default")
    given = parser.parse_args(arguments)
    try:
        *_, simulation = read_task(given.model)
        image = as_simulated(given.image, simulation)
        found = estimate(image, given.model, given.seed)
        result = reconstruct(image, found, simulation)
    except ValueError as error:
        parser.error(str(error))
    output = given.output or f"{Path(given.image).with_suffix('')}-reconstructed.png"
    draw(image, result, output)
    for name, value in found.items():
        print(f"{name:8} {value:10.3f}")
    print(f"RMS left {result.rms:.3g} of {result.rms_image:.3g} counts; {output}")


if __name__ == "__main__":
    main()

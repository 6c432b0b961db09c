"""Undo the lensing of an image of your own: ``python -m sim2sky.evaluate.reconstruct IMAGE --model MODEL``.

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
from astropy.io import fits
from matplotlib.figure import Figure
from PIL import Image

from sim2sky import store
from sim2sky.config import CosmosimSimulation, Recipe, read_simulation
from sim2sky.evaluate.reconstruction import Reconstructed, reconstruct
from sim2sky.frame import downscale, move_and_crop
from sim2sky.models.batch_statistics import predict
from sim2sky.train.images import normalise, statistics_of
from sim2sky.train.weights import load_models


def read_image(path: str | Path) -> np.ndarray:
    """A grey image, shape (y, x), north up: PNG, JPEG or TIFF, ``.npy``, or the first plane of a FITS file."""
    path = Path(path)
    if path.suffix.lower() in (".fits", ".fit", ".fts"):
        data = next(hdu.data for hdu in fits.open(path) if hdu.data is not None)
        return data.reshape(-1, *data.shape[-2:])[0][::-1].astype(np.float64)  # rows of a FITS image start below
    image = np.load(path) if path.suffix == ".npy" else np.asarray(Image.open(path).convert("L"))
    if image.ndim != 2:
        raise ValueError(f"{path}: has {image.ndim} axes, not two")
    return image.astype(np.float64)


def fit_frame(image: np.ndarray, pixels: int) -> np.ndarray:
    """An image as networks know them: `pixels` a side, counts of 0 to 255.

    It is put into the middle of a square; a larger one is made coarser, a smaller one is surrounded by darkness. Values
    that are not counts of 0 to 255 are scaled so that the brightest is 255, and those below zero are set to zero.
    """
    side = max(*image.shape, pixels)
    square = np.zeros((side, side))
    first = [(side - length) // 2 for length in image.shape]
    square[first[0] : first[0] + image.shape[0], first[1] : first[1] + image.shape[1]] = image
    square = square.clip(min=0)
    if not 1 < square.max() <= 255:
        square *= 255 / square.max()
    fitted = downscale(square, pixels) if max(image.shape) > pixels else move_and_crop(square, np.zeros(2), pixels)
    return np.rint(fitted).astype(np.uint8)


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


def estimate(image: np.ndarray, model: str | Path, seed: int | None = None) -> tuple[dict[str, float], Reconstructed]:
    """What a network, the file's first if no seed is named, makes of an image, and the image with its lensing undone.

    Where the recipe normalises by a domain's pixels, those of the image itself are taken.
    """
    recipe, targets, simulation = read_task(model)
    networks, labels = load_models(model, recipe, targets, 1, simulation.pixels)
    fitted = fit_frame(image, simulation.pixels)
    batch = torch.from_numpy(fitted.astype(np.float32))[None, None]
    batch = normalise(batch, statistics_of(recipe.normalisation, batch))
    network = networks[min(networks) if seed is None else seed]
    values = labels.decode(predict(network, batch, 1))[0].tolist()
    found = dict(zip(targets, values, strict=True))
    return found, reconstruct(fitted, found, simulation)


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
    parser = argparse.ArgumentParser(prog="python -m sim2sky.evaluate.reconstruct", description=__doc__)
    parser.add_argument("image", help="PNG, JPEG, TIFF, FITS or .npy; one lens, alone in the frame")
    parser.add_argument("--model", required=True, help="model.safetensors of a run on CosmoSim images")
    parser.add_argument("--seed", type=int, help="which network of the file; its first by default")
    parser.add_argument("--output", help="PNG to write; IMAGE-reconstructed.png by default")
    given = parser.parse_args(arguments)
    try:
        image = read_image(given.image)
        found, result = estimate(image, given.model, given.seed)
    except (ValueError, OSError, KeyError) as error:
        parser.error(str(error))
    output = given.output or f"{Path(given.image).with_suffix('')}-reconstructed.png"
    draw(fit_frame(image, len(result.simulated)), result, output)
    for name, value in found.items():
        print(f"{name:8} {value:10.3f}")
    print(f"RMS left {result.rms:.3g} of {result.rms_image:.3g} counts; {output}")


if __name__ == "__main__":
    main()

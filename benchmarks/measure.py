"""Time `sim2sky measure` against a loop over files in eager PyTorch, and weigh it at two sizes of a catalogue.

    python benchmarks/measure.py [--images 2000] [--rounds 3] [--pixels 40] [--seeds 1] [--memory 10000 100000] [--output PATH]

The loop is what one writes by hand: for one image at a time it opens a FITS file with astropy, crops the middle, normalises, and calls
each network. It gives medians alone; ours also gives quantiles, flags and files, and is timed from the list of images to the finished
catalogue (Parquet, FITS and ECSV) with the same untrained networks. `files` are single FITS files, `cube` is one FITS cube, `shards` are
Zarr shards of 2,500; of a cube the loop opens the file for each image, as it does for single ones. One core is used, and files are in
the machine's cache. Wall times are measured in turns; the ratio is formed within a turn, and its median and range are given.

Memory is the largest resident set of a process of its own that measures shards of so many synthetic cutouts; the shards are links
to one file, so that a million of them need no disk.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
SCALE, ZERO_POINT, MARGIN, SHARD = 0.263, 30.0, 8, 2500
RECIPE = {"network": "lens_cnn", "epochs": 1, "batch_size": 32, "optimiser": {"lr": 1e-3}, "standardise": True}
RECIPE |= {"normalisation": "per_domain", "loss": "beta_nll"}


def make_network(folder: Path, pixels: int, seeds: int) -> Path:
    """A network file that measures, of networks trained for one epoch, by the rule's own functions."""
    from sim2sky import store
    from sim2sky.config import Method, Recipe, Split
    from sim2sky.data.domain import Domain
    from sim2sky.measure.calibrate import calibrate
    from sim2sky.train.block import train_block

    random = np.random.default_rng(0)
    lenses = 400
    radius = random.uniform(0.5, 3, lenses)
    images = (radius[:, None, None, None] + random.normal(size=(lenses, 1, pixels, pixels))).astype(np.float32)
    variables = {
        "image": store.Variable(images, store.IMAGE_DIMS, "counts/s"),
        "theta_E": store.Variable(radius, unit="arcsec", long_name="Einstein radius"),
        "lens": store.Variable(np.arange(lenses)),
    }
    store.write_shard(folder / "training.zarr.zip", variables, {})
    domain = Domain("des", [folder / "training.zarr.zip"], Split().bounds(lenses))
    recipe, path = Recipe.model_validate(RECIPE), folder / "network.safetensors"
    made = folder / "model.safetensors", folder / "history.csv"
    train_block(recipe, Method(title="None", adaptation="none"), ["theta_E"], range(seeds), domain, None, *made, {})
    about = {"title": "Benchmark", "study": "benchmark", "run": "none", "bands": ["g"], "pixel_scale": SCALE}
    about |= {"unit": "counts/s", "domains": {"des": {"title": "DES", "survey": None, "zero_points": [ZERO_POINT]}}}
    calibrate([made[0]], recipe, ["theta_E"], [domain], about, "des", "des", path, {})
    return path


def make_images(folder: Path, count: int, pixels: int) -> dict[str, Path]:
    """The same cutouts as single files, larger than the network's; as a cube; and as shards of its size."""
    from astropy.io import fits

    random = np.random.default_rng(1)
    images = random.normal(1, 1, (count, pixels + MARGIN, pixels + MARGIN)).astype(np.float32)
    cards = {
        "BAND": "g",
        "MAGZERO": ZERO_POINT,
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRVAL1": 10.0,
        "CRVAL2": -5.0,
    }
    cards |= {
        "CD1_1": -SCALE / 3600,
        "CD1_2": 0.0,
        "CD2_1": 0.0,
        "CD2_2": SCALE / 3600,
        "CUNIT1": "deg",
        "CUNIT2": "deg",
    }
    header = fits.Header(cards | {"CRPIX1": images.shape[2] / 2 + 0.5, "CRPIX2": images.shape[1] / 2 + 0.5})
    places = {"files": folder / "files", "cube": folder / "cube.fits", "shards": folder / "shards"}
    for kind in ("files", "shards"):
        places[kind].mkdir()
    for index, image in enumerate(images):
        fits.writeto(places["files"] / f"{index:07d}.fits", image, header)
    fits.writeto(places["cube"], images, header)
    middle = slice(MARGIN // 2, MARGIN // 2 + pixels)
    for first in range(0, count, SHARD):
        write_shard(places["shards"] / f"{first:07d}.zarr.zip", images[first : first + SHARD, None, middle, middle])
    return places


def write_shard(path: Path, images: np.ndarray) -> None:
    from sim2sky import store

    about = {"bands": ["g"], "pixel_scale": SCALE, "zero_point": [ZERO_POINT]}
    variables = {"image": store.Variable(images, store.IMAGE_DIMS, "counts/s")}
    store.write_shard(path, variables | {"lens": store.Variable(np.arange(len(images)))}, about)


def by_hand(model: Path, pixels: int, load: Callable[[int], np.ndarray], count: int) -> np.ndarray:
    """Medians of the ensemble, an image at a time."""
    import torch

    from sim2sky.config import Recipe
    from sim2sky.models.network_file import load_models

    recipe = Recipe.model_validate(RECIPE)
    networks, encoding = load_models(model.with_name("model.safetensors"), recipe, ["theta_E"], 1, pixels)
    found = []
    with torch.no_grad():
        for index in range(count):
            image = load(index)
            first = (image.shape[-1] - pixels) // 2
            image = torch.from_numpy(image[first : first + pixels, first : first + pixels].astype(np.float32))
            image = ((image - image.mean()) / image.std())[None, None]
            outputs = [network(image)[:, : encoding.outputs] for network in networks.values()]
            found.append(torch.stack([encoding.decode(output)[0, 0] for output in outputs]).mean().item())
    return np.array(found)


def ours(path: Path, model: Path, folder: Path) -> int:
    """Images of the catalogue that `sim2sky measure` writes."""
    from sim2sky.config import Reading
    from sim2sky.measure.run import measure

    shutil.rmtree(folder, ignore_errors=True)
    return len(measure(path, folder, Reading(), model, say=lambda _: None).entries)


def compare(count: int, pixels: int, seeds: int, rounds: int) -> pd.DataFrame:
    """Speed of ours and of the loop on each kind of file, in images per second."""
    from astropy.io import fits

    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, places = make_network(folder, pixels, seeds), make_images(folder, count, pixels)
        files = sorted(places["files"].iterdir())
        loops: dict[str, Callable[[int], np.ndarray]] = {
            "files": lambda index: fits.getdata(files[index]),
            "cube": lambda index: fits.getdata(places["cube"], memmap=True)[index],
        }
        loops["shards"] = loops["files"]
        for kind, path in places.items():
            ours(path, model, folder / "warm")
            for _ in range(rounds):
                start = time.perf_counter()
                by_hand(model, pixels, loops[kind], count)
                middle = time.perf_counter()
                ours(path, model, folder / "out")
                end = time.perf_counter()
                rows.append({"what": kind, "loop": count / (middle - start), "sim2sky": count / (end - middle)})
    table = pd.DataFrame(rows)
    table["ratio"] = table.sim2sky / table.loop
    grouped = table.groupby("what", sort=False)
    result = grouped[["loop", "sim2sky", "ratio"]].median().add_suffix("_median").reset_index()
    ends = grouped.ratio.agg(["min", "max"]).add_prefix("ratio_").reset_index(drop=True)
    return pd.concat([result, ends], axis=1).assign(images=count)


def weigh(count: int, pixels: int, seeds: int) -> float:
    """Largest resident set [MB] of this process while it measures so many cutouts."""
    import resource

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = make_network(folder, pixels, seeds)
        (folder / "shards").mkdir()
        images = np.random.default_rng(1).normal(1, 1, (SHARD, 1, pixels, pixels)).astype(np.float32)
        write_shard(folder / "one.zarr.zip", images)
        for number in range(count // SHARD):
            (folder / f"shards/{number:05d}.zarr.zip").symlink_to(folder / "one.zarr.zip")
        assert ours(folder / "shards", model, folder / "out") == count // SHARD * SHARD
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def alone(function: Callable, *arguments: int) -> object:
    """What a function gives in a process of its own, on one core."""
    with ProcessPoolExecutor(1, get_context("spawn"), bind) as process:
        return process.submit(function, *arguments).result()


def bind() -> None:
    import torch

    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    torch.set_num_threads(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000, help="images that are timed (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="turns (default: %(default)s)")
    parser.add_argument("--pixels", type=int, default=40, help="side of the network's images (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=1, help="networks of the ensemble (default: %(default)s)")
    parser.add_argument("--memory", type=int, nargs="*", default=[10_000, 100_000], help="images that are weighed")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/results/benchmarks/measure.csv")
    options = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"  # read when numpy and torch are imported
    tables = [alone(compare, options.images, options.pixels, options.seeds, options.rounds)]
    weights = [alone(weigh, count, options.pixels, options.seeds) for count in options.memory]
    rows = [
        {"what": "memory [MB]", "images": n, "sim2sky_median": mb}
        for n, mb in zip(options.memory, weights, strict=True)
    ]
    result = pd.concat([*tables, pd.DataFrame(rows)]).assign(pixels=options.pixels, seeds=options.seeds)
    result = result.assign(torch=version("torch"), machine=platform.machine())
    print(result.round(2).to_string(index=False))
    from sim2sky import store

    with store.atomic(options.output) as temporary:
        result.to_csv(temporary, float_format="%.5g", index=False)
    print(f"written to {options.output}")


if __name__ == "__main__":
    main()

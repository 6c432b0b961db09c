"""Time on a GPU what the full-size studies do, against the same machine's CPU, in one run.

    python benchmarks/gpu.py [--pixels 400] [--output PATH]

- The twelve networks of the architectures study train on 8-bit images of 400 x 400 pixels, in the study's batches of 10
  and in batches of 64, from random weights: images a second of a later epoch, with batch
  statistics frozen as in the study, and the most memory that tensors took.
- The small network of the einstein_radius study trains, with and without adaptation, and several seeds as one batched
  model, against a plain PyTorch loop on the GPU and against our loop on one core. With adaptation, images of both domains count.
- Images are simulated for both publications, against one core.

Loops of the last two take turns, ratios are formed within a turn, and their medians are given. Rows are written as they
are found. Without a GPU nothing is done.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from train import METHODS, plain_network

from sim2sky.config import Recipe, Simulation, read_simulation
from sim2sky.data.domain import Part
from sim2sky.data.images import FloatImages, HeldImages, statistics_of
from sim2sky.models.labels import LabelEncoding
from sim2sky.simulate.cosmosim import cosmosim
from sim2sky.simulate.galaxy import galaxy
from sim2sky.train.loop import Learner
from sim2sky.train.team import Team

ROOT = Path(__file__).resolve().parents[1]
GPU, CORE = torch.device("cuda"), torch.device("cpu")
TARGETS = ["x", "y", "R_E", "sigma", "sigma2", "theta"]
LARGE_STEPS, SMALL_STEPS, TURNS = 20, 100, 3
SMALL = {"network": "lens_cnn", "batch_size": 32, "optimiser": {"lr": 6e-5}}
Row = dict[str, object]


def study(name: str) -> dict:
    return yaml.safe_load((ROOT / f"config/studies/{name}.yaml").read_text())


# ---- networks of the second publication


def eight_bit(images: int, pixels: int) -> Part:
    """Random 8-bit images on the GPU."""
    raw = torch.randint(0, 256, (images, 1, pixels, pixels), dtype=torch.uint8)
    part = Part(HeldImages(raw), 50 * torch.rand(images, len(TARGETS)), np.arange(images))
    return part.prepared(statistics_of("eight_bit", None), GPU)


def architecture(network: str, options: dict, batch: int, printed: dict, pixels: int) -> Row:
    """Images a second and memory of one network."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    recipe = Recipe(**{**printed, "network": network, "network_options": options, "batch_size": batch, "epochs": 2})
    epochs = Learner(recipe, METHODS["none"], 0, eight_bit(LARGE_STEPS * batch, pixels), LabelEncoding(TARGETS)).run()
    next(epochs)  # warms up, and is the only one with dropout and batch statistics
    row = {"job": f"train, {pixels} pixels, batches of {batch}", "program": network}
    row["images_per_second"] = next(epochs)[0].speed
    return row | {"gpu_memory_mb": torch.cuda.max_memory_allocated() / 1e6}


def architectures(pixels: int) -> Iterator[Row]:
    made = study("architectures")
    options = {}
    for run in made["runs"].values():
        changed = dict(run["change"].get("network_options", {}))
        options[run["change"]["network"]] = changed | ({"weights": "none"} if "weights" in changed else {})
    for batch in (made["recipes"]["thesis"]["batch_size"], 64):
        for network, changed in options.items():
            try:
                yield architecture(network, changed, batch, made["recipes"]["thesis"], pixels)
            except torch.OutOfMemoryError:
                print(f"{network}, batches of {batch}: the GPU's memory does not do", flush=True)


# ---- the small network of the first


def floats(seed: int, device: torch.device) -> Part:
    generator = torch.Generator().manual_seed(seed)
    count = SMALL_STEPS * SMALL["batch_size"]
    images, labels = torch.randn(count, 1, 40, 40, generator=generator), torch.rand(count, 1, generator=generator)
    return Part(FloatImages(images), labels, np.arange(count)).prepared(None, device)


def plain(device: torch.device) -> float:
    """Images per second of what a tutorial teaches."""
    part, network = floats(0, CORE), plain_network().to(device)
    loader = DataLoader(
        TensorDataset(part.images.values, part.labels), SMALL["batch_size"], shuffle=True, drop_last=True
    )
    optimiser, criterion = torch.optim.Adam(network.parameters(), lr=6e-5), nn.MSELoss()
    for epoch in range(2):
        if epoch == 1:  # the first one warms up
            start = time.perf_counter()
        for images, labels in loader:
            optimiser.zero_grad()
            loss = criterion(network(images.to(device)), labels.to(device))
            loss.backward()
            optimiser.step()
    loss.item()  # waits for the GPU
    return len(loader) * SMALL["batch_size"] / (time.perf_counter() - start)


def learner(method: str, seed: int, device: torch.device) -> Learner:
    parts = [floats(domain, device) for domain in range(1 if method == "none" else 2)]
    return Learner(Recipe(**SMALL, epochs=2), METHODS[method], seed, parts[0], LabelEncoding(["theta_E"]), *parts[1:])


def ours(method: str, device: torch.device) -> float:
    """Images per second of our loop."""
    epochs = learner(method, 0, device).run()
    next(epochs)
    return next(epochs)[0].speed


def together(seeds: int) -> float:
    """Images per second of several seeds as one batched model."""
    epochs = Team([learner("none", seed, GPU) for seed in range(seeds)]).run()
    next(epochs)
    return sum(epoch.speed for epoch in next(epochs))


def small() -> Iterator[Row]:
    loops: dict[str, Callable[[], float]] = {"plain loop": lambda: plain(GPU)}
    loops |= {f"sim2sky {name}": lambda name=name: ours(name, GPU) for name in METHODS}
    loops |= {f"sim2sky none, {seeds} seeds together": lambda seeds=seeds: together(seeds) for seeds in (10, 100)}
    loops["sim2sky none, one core"] = lambda: ours("none", CORE)
    return compared("train, 40 pixels, batches of 32", loops, "plain loop", "sim2sky none, one core")


# ---- simulation


def rate(make: Callable, simulation: object, device: torch.device) -> float:
    """Images per second of an engine."""
    start = time.perf_counter()
    make(simulation, range(simulation.lenses), device.type, lambda done: None)
    return simulation.lenses / (time.perf_counter() - start)


def simulations() -> Iterator[Row]:
    printed = study("architectures")["simulations"]["cosmosim_sis"]
    galaxies = study("einstein_radius")["simulations"]["galaxy_lenses"]
    raytraced = printed | {"mode": "raytrace", "mask": "none"}
    for job, make, read, values, count, fewer in (
        ("simulate, roulettes of 1000 pixels, 50 terms", cosmosim, read_simulation, printed, 500, 30),
        ("simulate, raytraced, 1000 pixels", cosmosim, read_simulation, raytraced, 500, 30),
        ("simulate, galaxies of 40 pixels", galaxy, Simulation.model_validate, galaxies, 2500, 250),
    ):
        many, few = (read(values | {"lenses": n}) for n in (count, fewer))
        loops = {
            "sim2sky": lambda make=make, many=many: rate(make, many, GPU),
            "sim2sky, one core": lambda make=make, few=few: rate(make, few, CORE),
        }
        rate(make, few, GPU)  # warms up
        yield from compared(job, loops, None, "sim2sky, one core")


# ---- comparison, output


def compared(job: str, loops: dict[str, Callable[[], float]], peer: str | None, core: str) -> Iterator[Row]:
    """A row for each loop, with the ratios to `peer` and to one core."""
    speeds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(TURNS):  # in turn, so that whatever else the machine does falls on all of them
        for name, run in loops.items():
            speeds[name].append(run())
    for name, values in speeds.items():
        row = {"job": job, "program": name, "images_per_second": statistics.median(values)}
        for column, other in (("ratio_to_plain", peer), ("ratio_to_one_core", core)):
            if other and name != other:
                row[column] = statistics.median(a / b for a, b in zip(values, speeds[other], strict=True))
        yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / "docs/results/benchmarks/gpu.csv", help="CSV to write")
    parser.add_argument("--pixels", type=int, default=400, help="side of the second publication's images (default 400)")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("torch sees no GPU: nothing is measured")
        return
    torch.set_num_threads(1)
    torch.backends.cudnn.deterministic = True  # as trainings have it
    columns = ["job", "program", "images_per_second", "ratio_to_plain", "ratio_to_one_core", "gpu_memory_mb"]
    machine = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with open(options.output, "w", newline="") as file:
        writer = csv.DictWriter(file, [*columns, *machine], lineterminator="\n")
        writer.writeheader()
        for row in itertools.chain(small(), simulations(), architectures(options.pixels)):
            values = {key: f"{value:.4g}" if isinstance(value, float) else value for key, value in row.items()}
            print("  ".join(f"{key}: {value}" for key, value in values.items()), flush=True)
            writer.writerow(values | machine)
            file.flush()


if __name__ == "__main__":
    main()

"""Time our training loop against a plain eager PyTorch loop: same network, batch, machine and run; images per second.

    python benchmarks/train.py [--repeats 3] [--output PATH]

The plain loop is what a tutorial teaches: a DataLoader over a TensorDataset, an nn.Sequential, torch.optim.Adam. Both
are timed on one core, and then on the whole machine: the plain one as one process with a thread per core and as one
single-threaded process per core; ours in the second way, which is how a study trains its runs. Loops take turns and
ratios are formed within a turn. Seeds together, as one batched model, are counted with all their images. With adaptation our images are those of both domains; the plain loop never adapts.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from sim2sky.config import Method, Recipe
from sim2sky.data.domain import Part
from sim2sky.data.images import FloatImages
from sim2sky.models.labels import LabelEncoding
from sim2sky.train.loop import Learner
from sim2sky.train.team import Team

OUTPUT = Path(__file__).parents[1] / "docs/results/benchmarks/train.csv"
BATCH, IMAGES, EPOCHS = 32, 1600, 3
TOGETHER = "none, seeds together: "
METHODS = {
    "none": Method(title="none", adaptation="none"),
    "dann": Method(title="dann", adaptation="dann", weight_schedule="ganin"),
    "mmd": Method(title="mmd", adaptation="mmd", weight=1.4),
}


def data(seed: int) -> Part:
    generator = torch.Generator().manual_seed(seed)
    images, labels = torch.randn(IMAGES, 1, 40, 40, generator=generator), torch.rand(IMAGES, 1, generator=generator)
    return Part(FloatImages(images), labels, np.arange(IMAGES))


def plain_network() -> nn.Module:
    """The network of the first publication, as a tutorial writes it."""
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=2), nn.ReLU(), nn.BatchNorm2d(8), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(16), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(32), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(800, 128), nn.ReLU(), nn.Linear(128, 1)),
    )


def plain(barrier) -> float:
    """Images per second of the plain loop."""
    part, network = data(0), plain_network()
    loader = DataLoader(TensorDataset(part.images.values, part.labels), batch_size=BATCH, shuffle=True, drop_last=True)
    optimiser, criterion = torch.optim.Adam(network.parameters(), lr=6e-5), nn.MSELoss()
    for epoch in range(1 + EPOCHS):
        if epoch == 1:  # the first one warms up
            barrier.wait()
            start = time.perf_counter()
        for images, labels in loader:
            optimiser.zero_grad()
            criterion(network(images), labels).backward()
            optimiser.step()
    return EPOCHS * len(loader) * BATCH / (time.perf_counter() - start)


def ours(barrier, method: str) -> float:
    """Images per second of our loop; of both domains together where there are two."""
    recipe = Recipe(network="lens_cnn", epochs=1 + EPOCHS, batch_size=BATCH, optimiser={"lr": 6e-5})
    encoding = LabelEncoding(["theta_E"])
    parts = [data(seed).prepared(None, torch.device("cpu")) for seed in range(1 if method == "none" else 2)]
    epochs = Learner(recipe, METHODS[method], 0, parts[0], encoding, *parts[1:]).run()
    next(epochs)
    barrier.wait()
    return 1 / statistics.mean(1 / epoch.speed for [epoch] in epochs)


def together(barrier, seeds: int) -> float:
    """Images per second of several seeds as one batched model."""
    recipe = Recipe(network="lens_cnn", epochs=2, batch_size=BATCH, optimiser={"lr": 6e-5})
    part = data(0).prepared(None, torch.device("cpu"))
    team = Team(
        [Learner(recipe, METHODS["none"], seed, part, LabelEncoding(["theta_E"])) for seed in range(seeds)]
    ).run()
    next(team)
    barrier.wait()
    return sum(epoch.speed for epoch in next(team))


def worker(loop: str, threads: int, barrier, results) -> None:
    torch.set_num_threads(threads)
    if loop == "plain":
        results.put(plain(barrier))
    elif loop.startswith(TOGETHER):
        results.put(together(barrier, int(loop.removeprefix(TOGETHER))))
    else:
        results.put(ours(barrier, loop))


def measure(loop: str, processes: int, threads: int) -> float:
    """Images per second of `processes` processes together."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(processes), context.Queue()
    team = [context.Process(target=worker, args=(loop, threads, barrier, results)) for _ in range(processes)]
    for process in team:
        process.start()
    total = sum(results.get(timeout=600) for _ in team)
    for process in team:
        process.join()
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=OUTPUT, help="CSV to write")
    parser.add_argument("--repeats", type=int, default=3, help="rounds; the median counts (default 3)")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    settings = [(loop, 1, 1) for loop in ("plain", *METHODS, *(f"{TOGETHER}{seeds}" for seeds in (2, 8)))]
    settings += [("plain", 1, cores), ("plain", cores, 1), *((loop, cores, 1) for loop in METHODS)] * (cores > 1)
    speeds: dict[tuple, list[float]] = {setting: [] for setting in settings}
    for _ in range(options.repeats):  # in turn, so that whatever else the machine does falls on all of them
        for setting in settings:
            speeds[setting].append(measure(*setting))
    rows = []
    for (loop, processes, threads), values in speeds.items():
        row = {"loop": loop if loop == "plain" else f"sim2sky {loop}", "processes": processes, "threads": threads}
        row["images_per_second"] = round(statistics.median(values))
        for name, peer in (("one core", (1, 1)), ("threads", (1, cores)), ("processes", (cores, 1))):
            comparable = loop != "plain" and processes * threads == peer[0] * peer[1]
            ratios = [ours / theirs for ours, theirs in zip(values, speeds.get(("plain", *peer), []), strict=False)]
            row[f"ratio to plain {name}"] = round(statistics.median(ratios), 2) if comparable and ratios else ""
        rows.append(row)
        print("  ".join(f"{key}: {value}" for key, value in row.items() if value != ""), flush=True)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with open(options.output, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()

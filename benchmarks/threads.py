"""Time the small network with different threads and batches, on an idle machine and beside one that keeps a core busy.

    python benchmarks/threads.py [--repeats 5] [--output PATH]

It is why jobs with small networks take one thread and the batch of their recipe: two threads gain little alone and lose most of their speed
where another process has one of the cores, whereas two networks side by side, with one thread each, make good use of both. Ratios are to
one network on one thread with a batch of 32 in the same round, beside the same process. Each measurement is a process of its own, as a job is.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import statistics
import time
from pathlib import Path

import torch

from sim2sky.models import create_model

OUTPUT = Path(__file__).parents[1] / "docs/results/benchmarks/threads.csv"
IMAGES = 8192
PATIENCE = 300  # seconds to wait for a measurement of a few; one that fails would never come
# networks side by side, threads of each, images per batch; the first is what the others are compared with
SETTINGS = [(1, 1, 32), (1, 2, 32), (2, 1, 32), (1, 1, 256), (1, 2, 256)]


def predict(threads: int, batch: int, barrier, speeds) -> None:
    """Put images per second of one network, once all are ready, on a queue."""
    torch.set_num_threads(threads)
    network = create_model("lens_cnn").eval().to(memory_format=torch.channels_last)
    images = torch.randn(IMAGES, 1, 40, 40).to(memory_format=torch.channels_last)
    with torch.no_grad():
        for start in (None, True):  # the first round warms up
            if start:
                barrier.wait()
                start = time.perf_counter()
            for part in images.split(batch):
                network(part)
    speeds.put(IMAGES / (time.perf_counter() - start))


def spin() -> None:
    while True:
        pass


def speed(networks: int, threads: int, batch: int) -> float:
    """Images per second of all networks together."""
    context = multiprocessing.get_context("spawn")
    barrier, speeds = context.Barrier(networks), context.Queue()
    arguments = (threads, batch, barrier, speeds)
    processes = [context.Process(target=predict, args=arguments, daemon=True) for _ in range(networks)]
    for process in processes:
        process.start()
    found = [speeds.get(timeout=PATIENCE) for _ in processes]
    for process in processes:
        process.join()
    return sum(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    given = parser.parse_args()
    rows = []
    for machine in ("idle", "one core busy"):
        other = multiprocessing.Process(target=spin, daemon=True)
        if machine != "idle":
            other.start()
        rounds = [[speed(*setting) for setting in SETTINGS] for _ in range(given.repeats)]
        if other.is_alive():
            other.kill()
        for setting, found in zip(SETTINGS, zip(*rounds, strict=True), strict=True):
            ratios = [value / values[0] for value, values in zip(found, rounds, strict=True)]
            row = dict(zip(("networks", "threads", "batch"), setting, strict=True)) | {"machine": machine}
            row |= {"images_per_second": round(statistics.median(found))}
            row |= {"ratio": round(statistics.median(ratios), 2), "lowest": round(min(ratios), 2)}
            rows.append(row | {"highest": round(max(ratios), 2)})
            print(rows[-1], flush=True)
    with open(given.output, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()

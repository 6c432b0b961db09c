"""Time the way of training images from files to batches against a DataLoader that reads PNG files and rows of a CSV file.

    python benchmarks/input_pipeline.py [--images 5000] [--rounds 7] [--pixels 96 400] [--cores 1 2] [--output PATH]

Both give batches of ten 8-bit images divided by 255, as floats, with six parameters each. The peer does what the
program of the thesis did: scikit-image reads a PNG file per image, pandas a row per label, torch's DataLoader shuffles
and collates, in one process. Both may use as many cores as `--cores` says; with more than one Zarr decodes chunks side
by side, and streamed images are read ahead. Ours reads shards: `first epoch` from opening the files to the last batch,
`later epochs` when images are held in memory, and `streamed` when a quarter of them may be. `100 epochs`, what the
thesis trained, is reckoned: one first and 99 later ones, against as many of the peer's. `make benchmarks` sets the
allocator as the workflow does, for both sides. Wall time is measured, in turns, so that whatever else the machine does
falls on all; ratios are formed within a turn, and their median and range are given. All
files are in the machine's file cache: a slow disk makes the peer, which opens a file per image, no faster.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from skimage import io
from torch.utils.data import DataLoader, Dataset

from sim2sky import store
from sim2sky.data.domain import Part, load_part
from sim2sky.data.images import statistics_of

ROOT = Path(__file__).resolve().parents[1]
TARGETS = ["x", "y", "einsteinR", "sigma", "sigma2", "theta"]
BATCH, SHARD = 10, 2500
Pipeline = Callable[[], tuple[int, float]]


class PngAndCsv(Dataset):
    """A file per image, a row per label."""

    def __init__(self, folder: Path):
        self.folder, self.frame = folder, pd.read_csv(folder / "parameters.csv")

    def __len__(self) -> int:
        return len(self.frame)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, int]:
        image = io.imread(self.folder / self.frame.iloc[index, 1])[np.newaxis].astype(np.float32) / 255
        targets = np.array(self.frame.loc[index, TARGETS]).astype(np.float32)
        return torch.from_numpy(image), torch.from_numpy(targets), int(self.frame.loc[index, "index"])


def make_files(folder: Path, count: int, pixels: int) -> list[Path]:
    """The same images, elliptical Gaussians on black, as PNG files with a CSV file and as shards."""
    random = np.random.default_rng(0)
    labels = pd.DataFrame({name: random.integers(5, 60, count) for name in TARGETS})
    grid = (np.arange(pixels) - pixels / 2) * 400 / pixels
    x, y = grid - labels.x.to_numpy()[:, None], grid - labels.y.to_numpy()[:, None]
    rows, columns = (np.exp(-0.5 * (d / labels[n].to_numpy()[:, None]) ** 2) for d, n in ((y, "sigma"), (x, "sigma2")))
    images = np.rint(255 * rows[:, :, None] * columns[:, None, :]).astype(np.uint8)
    names = [f"image-{index:06d}.png" for index in range(count)]
    for name, image in zip(names, images, strict=True):
        io.imsave(folder / name, image, check_contrast=False)
    about = {"index": range(count), "filename": names}
    labels.assign(**about)[[*about, *TARGETS]].to_csv(folder / "parameters.csv", index=False)
    shards = []
    for start in range(0, count, SHARD):
        part = slice(start, start + SHARD)
        variables = {name: store.Variable(labels[name].to_numpy()[part]) for name in TARGETS}
        variables["image"] = store.Variable(images[part, None], store.IMAGE_DIMS)
        variables["lens"] = store.Variable(np.arange(count)[part])
        shards.append(folder / f"{start:07d}.zarr.zip")
        store.write_shard(shards[-1], variables, {})
    return shards


def peer(folder: Path) -> tuple[int, float]:
    """Images and seconds of an epoch of the DataLoader."""
    start, images = time.perf_counter(), 0
    for batch, _, _ in DataLoader(PngAndCsv(folder), batch_size=BATCH, shuffle=True, drop_last=True):
        images += len(batch)
    return images, time.perf_counter() - start


def open_part(shards: list[Path], count: int, held: float) -> Part:
    part = load_part(shards, (0, count), TARGETS, held=held)
    return part.prepared(statistics_of("eight_bit", part.images), torch.device("cpu"))


def epoch(part: Part, seed: int) -> int:
    """Go through the batches of an epoch as the training loop does."""
    order = torch.from_numpy(part.images.order(np.random.default_rng(seed)))
    batches = order[: len(order) // BATCH * BATCH].split(BATCH)
    images = 0
    for index in batches:
        batch, _ = part.images[index], part.labels[index]
        images += len(batch)
    return images


def ours(shards: list[Path], count: int, held: float) -> tuple[int, float]:
    """Images and seconds of a first epoch, opening and reading included."""
    start = time.perf_counter()
    images = epoch(open_part(shards, count, held), 0)
    return images, time.perf_counter() - start


def later(part: Part) -> tuple[int, float]:
    """Images and seconds of an epoch from memory."""
    start = time.perf_counter()
    return epoch(part, 1), time.perf_counter() - start


def check(folder: Path, part: Part) -> None:
    """Both sides give the same images and labels."""
    images, labels, index = next(iter(DataLoader(PngAndCsv(folder), batch_size=BATCH, shuffle=True)))
    torch.testing.assert_close(part.images[index], images)
    torch.testing.assert_close(part.labels[index], labels)


def measure(pipelines: dict[str, Pipeline], rounds: int, size: int) -> dict[str, np.ndarray]:
    """Images per second of each, and of a training of a hundred epochs, one value per turn; an epoch has `size` bytes."""
    speeds = {name: [] for name in pipelines}
    for _ in range(rounds):
        for name, run in pipelines.items():
            # the host of a virtual machine takes back memory that was free for seconds, and is slow to lend it again
            np.ones(2 * size, np.uint8)
            images, seconds = run()
            speeds[name].append(images / seconds)
    speeds = {name: np.array(values) for name, values in speeds.items()}
    _, first, later, _ = speeds.values()
    return speeds | {"sim2sky, 100 epochs": 100 / (1 / first + 99 / later)}


def table(speeds: dict[str, np.ndarray], pixels: int, cores: int) -> pd.DataFrame:
    """A row per pipeline: its speed, and how many times the peer's it is."""
    rows, (first, *_) = [], speeds
    for name, values in speeds.items():
        ratios = values / speeds[first]
        speed = {"pixels": pixels, "cores": cores, "pipeline": name, "images_per_second": np.median(values)}
        rows.append(speed | {"ratio": np.median(ratios), "ratio_low": ratios.min(), "ratio_high": ratios.max()})
    return pd.DataFrame(rows)


def bind(cores: int) -> None:
    """Let this process use so many cores, and what it starts later, too; torch computes on one, as in trainings."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    torch.set_num_threads(1)


def compare(pixels: int, cores: int, count: int, rounds: int) -> pd.DataFrame:
    """The table of one size of images."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shards = make_files(folder, count, pixels)
        part = open_part(shards, count, 1.0)
        check(folder, part)
        pipelines = {
            "DataLoader of PNG and CSV": lambda: peer(folder),
            "sim2sky, first epoch": lambda: ours(shards, count, 1.0),
            "sim2sky, later epochs": lambda: later(part),
            "sim2sky, streamed": lambda: ours(shards, count, 0.25),
        }
        return table(measure(pipelines, rounds, count * pixels**2), pixels, cores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=5000, help="images of an epoch (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="turns (default: %(default)s)")
    parser.add_argument("--pixels", type=int, nargs="+", default=[96, 400], help="sides (default: %(default)s)")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2], help="cores used (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/results/benchmarks/input_pipeline.csv")
    options = parser.parse_args()
    if max(options.cores) > len(os.sched_getaffinity(0)):
        parser.error(f"--cores {max(options.cores)}: this machine lends {len(os.sched_getaffinity(0))}")
    tables = []
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"  # read when numpy and torch are imported
    for cores in options.cores:
        with ProcessPoolExecutor(1, get_context("spawn"), bind, (cores,)) as process:
            for pixels in options.pixels:
                tables.append(process.submit(compare, pixels, cores, options.images, options.rounds).result())
    result = pd.concat(tables).assign(
        torch=version("torch"), skimage=version("scikit-image"), machine=platform.machine()
    )
    print(result.iloc[:, :7].round(1).to_string(index=False))
    with store.atomic(options.output) as temporary:
        result.to_csv(temporary, float_format="%.5g", index=False)
    print(f"written to {options.output}")


if __name__ == "__main__":
    main()

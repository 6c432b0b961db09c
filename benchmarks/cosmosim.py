"""Time the CosmoSim engine against CosmoSim 3.3.0 doing the same job, on one core in one run.

    python benchmarks/cosmosim.py [--images 12] [--rounds 3] [--output PATH]

Both make the lenses of the thesis' population, SIS lenses of 1000 x 1000 pixels with elliptical sources in 8 bits,
centre them on their light and crop them to 400 x 400: raytraced, and as roulettes with 50 terms and the mask. Ours is
timed as the simulation runs it, with the source sampled exactly and with CosmoSim's truncation. CosmoSim is given its
own parameter object per image, as its command line does; the amplitude formulas, which it reads once, are read before.

Processor time of one process bound to one core is measured, in turns; ratios are formed within a turn, and their median
and range over the turns are given. Still, measure on a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"  # read when numpy and torch are imported
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # CosmoSim starts a thread per core that it may use

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
from CosmoSim import Parameters  # noqa: E402
from CosmoSim.CLI.SimImage import SimImage  # noqa: E402

from sim2sky.config import CosmosimSimulation, read_simulation  # noqa: E402
from sim2sky.lensing.cosmosim import render  # noqa: E402
from sim2sky.lensing.finish import optics_of  # noqa: E402
from sim2sky.simulate.cosmosim import cosmosim  # noqa: E402
from sim2sky.simulate.cosmosim_population import draw  # noqa: E402
from sim2sky.store import atomic  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
JOBS = {"raytrace": {"mode": "raytrace"}, "roulette, 50 terms, mask": {"mode": "roulette", "mask": "circle"}}
PIXELS, KEPT = 1000, 400


def simulation(images: int, **more: object) -> CosmosimSimulation:
    """The thesis' data set."""
    crop = {"centre": "subpixel", "pixels": KEPT}
    return read_simulation({"engine": "cosmosim", "lenses": images, "image_pixels": PIXELS, "crop": crop} | more)


def ours(made: CosmosimSimulation) -> Callable[[], int]:
    """Make all images, from the draw on."""

    def run() -> int:
        return len(cosmosim(made, range(made.lenses), "cpu", lambda done: None).variables["lensed_source"].data)

    return run


def parameters(made: CosmosimSimulation, centred: bool = True) -> list[Parameters]:
    """The same lenses for CosmoSim, which has no chi."""
    p = {name: variable.data for name, variable in draw(made, range(made.lenses)).items()}
    found = []
    for i in range(made.lenses):
        simulator = {"model": made.mode.capitalize(), "imagesize": PIXELS, "nterms": made.terms}
        simulator |= {"centred": True, "cropsize": KEPT} if centred else {}
        source = {"mode": "Ellipsoid"} | {name: float(p[name][i]) for name in ("sigma", "sigma2", "theta")}
        lens = {"mode": "SIS", "einsteinradius": float(p["R_E"][i] / p["chi"][i])}
        place = {"x": float(p["x"][i]), "y": float(p["y"][i])}
        options = {"simulator": simulator, "lens": lens, "source": source, "position": place}
        mask = {"management": {"mask": made.mask != "none"}, "annotation": {"reflines": False}}
        found.append(Parameters(options | mask))
    return found


def peer(lenses: list[Parameters]) -> Callable[[], int]:
    """Make all images with CosmoSim."""
    return lambda: len([SimImage(lens, verbose=0).getImage() for lens in lenses])


def check(mode: dict[str, str]) -> int:
    """Largest difference in counts from CosmoSim over whole images, with its truncation."""
    made = simulation(4, truncate=True, **mode)
    drawn = {name: torch.from_numpy(variable.data) for name, variable in draw(made, range(4)).items()}
    images = render(drawn, optics_of(made), PIXELS).numpy().astype(int)
    theirs = np.stack([SimImage(lens, verbose=0).getImage() for lens in parameters(made, centred=False)])
    return int(np.abs(images - theirs).max())


def measure(programs: dict[str, Callable[[], int]], rounds: int) -> pd.DataFrame:
    """Seconds per image, a row per turn and a column per program; ours are run once before, to warm up."""
    turns = []
    next(iter(programs.values()))()
    for turn in range(1, rounds + 1):
        seconds = {}
        for name, run in programs.items():
            begun = time.process_time()
            made = run()
            seconds[name] = (time.process_time() - begun) / made
        turns.append(seconds)
        print(f"turn {turn} of {rounds}: {', '.join(f'{s * 1e3:.2f}' for s in seconds.values())} ms", flush=True)
    return pd.DataFrame(turns)


def table(seconds: pd.DataFrame, job: str) -> pd.DataFrame:
    """Milliseconds per image of each program, and how many times longer CosmoSim takes."""
    ratio = seconds.rdiv(seconds["CosmoSim 3.3.0"], axis=0)
    columns = {}
    for name, values in (("ms_per_image", seconds * 1e3), ("ratio", ratio)):
        columns |= {name: values.median(), f"{name}_min": values.min(), f"{name}_max": values.max()}
    return pd.DataFrame(columns).rename_axis("program").reset_index().assign(job=job, turns=len(seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=12, help="lenses, the same for all (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="turns (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/results/benchmarks/cosmosim.csv")
    options = parser.parse_args()

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    results = []
    for job, mode in JOBS.items():
        difference = check(mode)
        print(f"{job}: largest difference from CosmoSim, with its truncation: {difference} counts")
        assert difference <= 3
        programs = {
            "sim2sky": ours(simulation(options.images, **mode)),
            "sim2sky, truncating": ours(simulation(options.images, truncate=True, **mode)),
            "CosmoSim 3.3.0": peer(parameters(simulation(options.images, **mode))),
        }
        results.append(table(measure(programs, options.rounds), job).assign(largest_difference=difference))
    result = pd.concat(results).set_index(["job", "program"])
    result = result.assign(torch=version("torch"), cosmosim=version("CosmoSim"), machine=platform.machine())
    print(result.iloc[:, :6].round(2).to_string())
    with atomic(options.output) as temporary:
        result.to_csv(temporary, float_format="%.5g")
    print(f"written to {options.output}")


if __name__ == "__main__":
    main()

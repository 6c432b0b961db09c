"""Time what integrating the pixels at the centres of the light costs, beside sampling them, on one core in one run.

    python benchmarks/cusps.py [--lenses 1000] [--rounds 15] [--output PATH]

The lenses are those of the einstein_radius study. Processor time is measured, in turns; ratios are formed within a turn,
and their median and range over the turns are given: of the renderer alone with one and with nine samples a pixel, and
of the whole job that simulates a shard, which also draws the population and compresses the images.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"  # read when numpy and torch are imported

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
import yaml  # noqa: E402

from sim2sky.config import Simulation  # noqa: E402
from sim2sky.lensing.raytrace import render  # noqa: E402
from sim2sky.simulate.population import draw  # noqa: E402
from sim2sky.simulate.shard import simulate_shard  # noqa: E402
from sim2sky.store import atomic  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
GROUP = 500  # lenses rendered at once, as by the workflow


def seconds(work: Callable[[], object]) -> float:
    """Processor time of some work."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def renderer(simulation: Simulation, supersampling: int) -> Callable[[bool], object]:
    """A function that renders a group of lenses, the light integrated or not."""
    drawn = draw(simulation, range(GROUP))
    parameters = {name: torch.from_numpy(variable.data).float() for name, variable in drawn.items()}
    frame = (simulation.pixels, simulation.pixel_scale, supersampling)
    return lambda integrated: render(parameters, *frame, integrate_cusps=integrated)


def job(simulation: Simulation, folder: Path) -> Callable[[bool], object]:
    """A function that simulates a shard."""

    def work(integrated: bool) -> None:
        cusps = "integrated" if integrated else "as_published"
        with contextlib.redirect_stdout(io.StringIO()):
            chosen = simulation.model_copy(update={"cusps": cusps})
            simulate_shard(chosen, simulation.shards[0], folder / "shard.zarr.zip", {}, device="cpu")

    return work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lenses", type=int, default=1000, help="lenses of the shard (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=15, help="turns (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/results/benchmarks/cusps.csv")
    options = parser.parse_args()

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    study = yaml.safe_load((ROOT / "config/studies/einstein_radius.yaml").read_text())
    simulation = Simulation.model_validate(study["simulations"]["galaxy_lenses"])
    simulation = simulation.model_copy(update={"lenses": options.lenses, "shard_size": options.lenses})
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        works = {f"renderer, supersampling {s}": (renderer(simulation, s), GROUP) for s in (1, 3)}
        works["job simulate_lenses"] = (job(simulation, Path(folder)), options.lenses)
        for name, (work, lenses) in works.items():
            turns = [[seconds(lambda: work(way)) for way in (False, True)] for _ in range(options.rounds + 1)]  # noqa: B023
            sampled, integrated = np.array(turns[1:]).T / lenses  # the first warms up
            ratio = integrated / sampled
            rows.append(
                {
                    "what": name,
                    "sampled_us_per_lens": 1e6 * np.median(sampled),
                    "integrated_us_per_lens": 1e6 * np.median(integrated),
                    "ratio": np.median(ratio),
                    "ratio_min": ratio.min(),
                    "ratio_max": ratio.max(),
                    "turns": options.rounds,
                }
            )
    table = pd.DataFrame(rows).set_index("what")
    print(table.round(3).to_string())
    with atomic(options.output) as temporary:
        table.to_csv(temporary, float_format="%.4g")


if __name__ == "__main__":
    main()

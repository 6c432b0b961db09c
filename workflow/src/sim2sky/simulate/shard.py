"""One shard of a simulation: have its engine draw and render its lenses, and write them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from sim2sky.config import CosmosimSimulation, Simulation
from sim2sky.provenance.record import provenance
from sim2sky.simulate.engines import ENGINES
from sim2sky.store import Variable, write_shard
from sim2sky.threads import one_thread

_REPORT_EVERY = 5.0  # seconds


def simulate_shard(
    simulation: Simulation | CosmosimSimulation,
    shard: str,
    path: str | Path,
    fingerprint: Mapping[str, str],
    device: str = "auto",
) -> None:
    """Write the noise-free images and the parameters of the lenses of one shard.

    Parameters
    ----------
    simulation : Simulation or CosmosimSimulation
        What is simulated.
    shard : str
        First and last lens, ``"0000000-0002499"``.
    path : path
        Ends in ``.zarr.zip``.
    fingerprint : mapping of str to str
        Hash of the code, kept with the data.
    device : str
        A torch device; ``auto`` takes a GPU if there is one.

    Notes
    -----
    Variables: ``lens``, the index; every parameter of the population; and the images of the engine, (lens, band, y, x):
    ``lens_light`` and ``lensed_source`` of :func:`sim2sky.simulate.galaxy.galaxy`, ``lensed_source`` alone of
    :func:`sim2sky.simulate.cosmosim.cosmosim`.

    Lens i has the same bytes in whatever shard. For this torch must run one thread: it divides arrays among threads, and
    computes the last elements of each piece, which do not fill a vector register, with other instructions than the
    rest. Several shards at once use the cores of a machine. Another type of processor, or a GPU, may still differ in the
    last bits.
    """
    first, last = (int(number) for number in shard.split("-"))
    device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    lenses = range(first, last + 1)
    with one_thread(), torch.no_grad():
        made = ENGINES[simulation.engine](simulation, lenses, device, _reporter(f"shard {shard}"))
    variables = {"lens": Variable(np.array(lenses), long_name="index of the lens"), **made.variables}
    write_shard(path, variables, provenance(simulation.params(), fingerprint, **made.attributes))


def _reporter(what: str) -> Callable[[float], None]:
    """A function that prints the fraction done every few seconds and at the end."""
    begun = reported = time.monotonic()

    def report(done: float) -> None:
        nonlocal reported
        now = time.monotonic()
        if done >= 1 or now - reported >= _REPORT_EVERY:
            reported = now
            left = (now - begun) * (1 - done) / done
            print(f"{what}: {done:.0%} rendered in {now - begun:.1f} s, {left:.0f} s left", flush=True)

    return report

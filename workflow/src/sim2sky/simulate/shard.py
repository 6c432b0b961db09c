"""One shard of a simulation: draw its lenses, render them, write them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike

import numpy as np
import torch

from sim2sky.config import Simulation
from sim2sky.lensing.raytrace import render
from sim2sky.simulate.population import draw
from sim2sky.store import IMAGE_DIMS, Variable, provenance, write_shard

ZERO_POINT = 30.0
_GROUP = 100  # lenses rendered together, always the same ones; see simulate_shard
_REPORT_EVERY = 5.0  # seconds


def simulate_shard(
    simulation: Simulation, shard: str, path: str | PathLike, fingerprint: Mapping[str, str], device: str = "auto"
) -> None:
    """Write the noise-free images and the parameters of the lenses of one shard.

    Parameters
    ----------
    simulation : Simulation
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
    Variables: ``lens_light`` and ``lensed_source`` (lens, band, y, x), float32, counts/s at zero point 30, without
    noise or point-spread function; ``lens``, the index; and every parameter of the population.

    Lens i is the same bytes in whatever shard, which takes care: torch computes those last elements of an array that do
    not fill a vector register with other instructions than the rest. Rendered in batches of another size, a sixth of
    the lenses changed in the last bits of single precision (of double precision too, though none of them after rounding
    to single), and threads, which cut arrays elsewhere, did the same. So lenses are always rendered in the same groups
    (0-99, 100-199, ...), completed with neighbours from the next shard, and by one thread. The cores of a machine are
    used by making several shards at once. Another type of processor, or a GPU, may still differ in the last bits.
    """
    first, last = (int(number) for number in shard.split("-"))
    device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    start, stop = first - first % _GROUP, last - last % _GROUP + _GROUP
    population = draw(simulation, range(start, stop))
    lens_light, lensed_source = _render(simulation, population, device, f"shard {shard}")
    variables = {
        "lens": Variable(np.arange(start, stop), long_name="index of the lens"),
        "lens_light": Variable(lens_light, IMAGE_DIMS, "counts/s", "light of the lens galaxy"),
        "lensed_source": Variable(lensed_source, IMAGE_DIMS, "counts/s", "lensed light of the source"),
        **population,
    }
    wanted = slice(first - start, last + 1 - start)
    variables = {name: replace(variable, data=variable.data[wanted]) for name, variable in variables.items()}
    attributes = {"zero_point": ZERO_POINT, "pixel_scale": simulation.pixel_scale, "bands": list(simulation.bands)}
    write_shard(path, variables, provenance(simulation.params(), fingerprint, **attributes))


def _render(
    simulation: Simulation, population: dict[str, Variable], device: str, what: str
) -> tuple[np.ndarray, np.ndarray]:
    """Images (lens, band, y, x) of the light of all lenses and of their sources, group by group."""
    count = len(population["theta_E"].data)
    parameters = {
        name: torch.from_numpy(variable.data).to(device, torch.float32) for name, variable in population.items()
    }
    shape = (count, len(simulation.bands), simulation.pixels, simulation.pixels)
    images = {"lens_light": np.empty(shape, np.float32), "source_light": np.empty(shape, np.float32)}
    begun = reported = time.monotonic()
    with _one_thread(), torch.no_grad():
        for done in range(0, count, _GROUP):
            group = slice(done, done + _GROUP)
            chosen = {name: value[group] for name, value in parameters.items()}
            first_band = render(chosen, simulation.pixels, simulation.pixel_scale, simulation.supersampling, ZERO_POINT)
            for (light, image), pixels in zip(images.items(), first_band, strict=True):
                for band, ratio in enumerate(_flux_ratios(simulation, light, chosen)):
                    image[group, band] = (pixels * ratio).cpu().numpy()
            reported = _report(what, done + _GROUP, count, begun, reported)
    return images["lens_light"], images["source_light"]


def _report(what: str, done: int, count: int, begun: float, reported: float) -> float:
    """Print progress every few seconds and at the end; the time of the last line printed."""
    now = time.monotonic()
    if done < count and now - reported < _REPORT_EVERY:
        return reported
    left = (now - begun) * (count - done) / done
    print(f"{what}: {done / count:.0%} rendered in {now - begun:.1f} s, {left:.0f} s left", flush=True)
    return now


def _flux_ratios(simulation: Simulation, light: str, parameters: dict[str, torch.Tensor]) -> Iterator[torch.Tensor]:
    """Flux in each band over that in the first, of shape (lens, 1, 1): the bands have one shape in common."""
    first = parameters[f"{light}_magnitude"]
    for band in simulation.bands:
        magnitude = first if band == simulation.bands[0] else parameters[f"{light}_magnitude_{band}"]
        yield (10 ** (0.4 * (first - magnitude)))[:, None, None]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run torch's operators in one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)

"""One shard of a simulation: draw its lenses, render them, write them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike

import numpy as np
import torch

from sim2sky.config import Simulation
from sim2sky.lensing.raytrace import render
from sim2sky.simulate.population import draw
from sim2sky.store import IMAGE_DIMS, Variable, provenance, write_shard

ZERO_POINT = 30.0
_GROUP_PIXELS = 32768  # sub-pixels rendered at once: intermediate images stay in the cache of a core
_REPORT_EVERY = 5.0  # seconds


def simulate_shard(simulation: Simulation, shard: str, path: str | PathLike, fingerprint: str, device: str = "auto") -> None:
    """Write the noise-free images and the parameters of the lenses of one shard.

    Parameters
    ----------
    simulation : Simulation
        What is simulated.
    shard : str
        First and last lens, ``"0000000-0002499"``.
    path : path
        Ends in ``.zarr.zip``.
    fingerprint : str
        Hash of the code, kept with the data.
    device : str
        A torch device; ``auto`` takes a GPU if there is one.

    Notes
    -----
    Variables: ``lens_light`` and ``lensed_source`` (lens, band, y, x), float32, counts/s at zero point 30, without noise or
    point-spread function; ``lens``, the index; and every parameter of the population.

    Lens i is the same bytes in whatever shard. In single precision that takes care: torch computes the last elements of an array, those
    that do not fill a vector, with other instructions than the rest, so a lens rendered alone, or last, or in another thread's part
    of a batch differs in the last bit. So lenses are always rendered in the same groups (lenses 0-19, 20-39, ...), neighbours from the
    next shard included, by one thread; a machine's cores are used by making several shards at once.
    """
    first, last = (int(number) for number in shard.split("-"))
    device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    group = max(1, _GROUP_PIXELS // (simulation.pixels * simulation.supersampling) ** 2)
    start, stop = first - first % group, last - last % group + group
    population = draw(simulation, range(start, stop))
    wanted = slice(first - start, last + 1 - start)
    lens_light, lensed_source = (image[wanted] for image in _render(simulation, population, group, device, f"shard {shard}"))
    variables = {
        "lens": Variable(np.arange(first, last + 1), long_name="index of the lens"),
        "lens_light": Variable(lens_light, IMAGE_DIMS, "counts/s", "light of the lens galaxy"),
        "lensed_source": Variable(lensed_source, IMAGE_DIMS, "counts/s", "lensed light of the source"),
        **{name: Variable(value.data[wanted], unit=value.unit, long_name=value.long_name) for name, value in population.items()},
    }
    attributes = {"zero_point": ZERO_POINT, "pixel_scale": simulation.pixel_scale, "bands": list(simulation.bands)}
    write_shard(path, variables, provenance(simulation.params(), fingerprint, **attributes))


def _render(
    simulation: Simulation, population: dict[str, Variable], group: int, device: str, what: str
) -> tuple[np.ndarray, np.ndarray]:
    """Images (lens, band, y, x) of the light of all lenses and of their sources, rendered `group` by `group`."""
    count = len(population["theta_E"].data)
    parameters = {name: torch.from_numpy(value.data).to(device, torch.float32) for name, value in population.items()}
    images = tuple(np.empty((count, len(simulation.bands), *[simulation.pixels] * 2), np.float32) for _ in range(2))
    begun = reported = time.monotonic()
    with _one_thread(), torch.no_grad():
        for start in range(0, count, group):
            part = slice(start, start + group)
            chosen = {name: value[part] for name, value in parameters.items()}
            rendered = render(chosen, simulation.pixels, simulation.pixel_scale, simulation.supersampling, ZERO_POINT)
            for light, image, first_band in zip(("lens_light", "source_light"), images, rendered, strict=True):
                for band, scale in enumerate(_flux_ratios(simulation, light, chosen)):
                    image[part, band] = (first_band if band == 0 else first_band * scale).cpu().numpy()
            now, done = time.monotonic(), min(start + group, count)
            if now - reported > _REPORT_EVERY or done == count:
                left = (now - begun) * (count - done) / done
                print(f"{what}: {done} of {count} lenses rendered, {now - begun:.0f} s, {left:.0f} s left", flush=True)
                reported = now
    return images


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

"""Galaxies behind galaxies: an SIE with external shear, Sersic light of lens and source, in fluxes and arcsec."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch

from sim2sky.config import Simulation
from sim2sky.lensing.raytrace import render
from sim2sky.simulate.engines import Simulated, register_engine
from sim2sky.simulate.neighbours import neighbours
from sim2sky.simulate.population import draw
from sim2sky.store import IMAGE_DIMS, Variable

ZERO_POINT = 30.0
# Lenses that are rendered together, always the same ones; see galaxy. The few pixels of a lens that are integrated take
# as many operators as those of many lenses.
_GROUPS = {"as_published": 100, "integrated": 500}


@register_engine
def galaxy(simulation: Simulation, lenses: range, device: str, progress: Callable[[float], None]) -> Simulated:
    """Draw and render lenses: ``lens_light`` and ``lensed_source``, float32, counts/s at zero point 30.

    There is neither noise nor a point-spread function. In batches of another size, a sixth of the lenses differed in the
    last bits of single precision (in double precision too, though none of these after rounding to single). Lenses are
    therefore always rendered in the same groups, such as 0-499, completed with neighbours from the next shard.
    """
    size = _GROUPS[simulation.cusps]
    start, stop = lenses.start - lenses.start % size, lenses[-1] - lenses[-1] % size + size
    population = draw(simulation, range(start, stop))
    lens_light, lensed_source = _render(simulation, population, device, progress)
    if simulation.population.neighbours:
        light, number = neighbours(simulation, range(start, stop), ZERO_POINT)
        lens_light += light[:, None].astype(np.float32)
        population["neighbours"] = Variable(number, unit="1", long_name="number of other galaxies in the frame")
    variables = {
        "lens_light": Variable(lens_light, IMAGE_DIMS, "counts/s", "light of the lens galaxy"),
        "lensed_source": Variable(lensed_source, IMAGE_DIMS, "counts/s", "lensed light of the source"),
        **population,
    }
    wanted = slice(lenses.start - start, lenses.stop - start)
    variables = {name: replace(variable, data=variable.data[wanted]) for name, variable in variables.items()}
    attributes = {"zero_point": ZERO_POINT, "pixel_scale": simulation.pixel_scale, "bands": list(simulation.bands)}
    return Simulated(variables, attributes)


def _render(
    simulation: Simulation, population: dict[str, Variable], device: str, progress: Callable[[float], None]
) -> tuple[np.ndarray, np.ndarray]:
    """Images (lens, band, y, x) of the light of all lenses and of their sources, group by group."""
    count = len(population["theta_E"].data)
    parameters = {
        name: torch.from_numpy(variable.data).to(device, torch.float32) for name, variable in population.items()
    }
    shape = (count, len(simulation.bands), simulation.pixels, simulation.pixels)
    images = {"lens_light": np.empty(shape, np.float32), "source_light": np.empty(shape, np.float32)}
    size = _GROUPS[simulation.cusps]
    for done in range(0, count, size):
        group = slice(done, done + size)
        chosen = {name: value[group] for name, value in parameters.items()}
        first_band = render(
            chosen,
            simulation.pixels,
            simulation.pixel_scale,
            simulation.supersampling,
            ZERO_POINT,
            integrate_cusps=simulation.cusps == "integrated",
        )
        for (light, image), pixels in zip(images.items(), first_band, strict=True):
            for band, ratio in enumerate(_flux_ratios(simulation, light, chosen)):
                image[group, band] = (pixels * ratio).cpu().numpy()
        progress((done + size) / count)
    return images["lens_light"], images["source_light"]


def _flux_ratios(simulation: Simulation, light: str, parameters: dict[str, torch.Tensor]) -> Iterator[torch.Tensor]:
    """Flux in each band over that in the first, of shape (lens, 1, 1): the bands have one shape in common."""
    first = parameters[f"{light}_magnitude"]
    for band in simulation.bands:
        magnitude = first if band == simulation.bands[0] else parameters[f"{light}_magnitude_{band}"]
        yield (10 ** (0.4 * (first - magnitude)))[:, None, None]

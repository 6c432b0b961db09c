"""Other galaxies in the frame of a lens, so that networks learn that not all light is of the lens or its source."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import avg_pool2d

from sim2sky.config import Simulation
from sim2sky.lensing.light import magnitude_to_flux, sersic_brightness
from sim2sky.lensing.raytrace import pixel_grid
from sim2sky.simulate.population import transform
from sim2sky.streams import generator

SHAPE = ("magnitude", "R_sersic", "n_sersic", "e1", "e2")
AT_ONCE = 50  # galaxies that are rendered together


def neighbours(simulation: Simulation, lenses: Sequence[int], zero_point: float) -> tuple[np.ndarray, np.ndarray]:
    """Light of the neighbours of some lenses.

    Parameters
    ----------
    simulation : Simulation
        Its population has neighbours.
    lenses : sequence of int
        Indices of the lenses; what is drawn for one depends on the seed and its index alone.
    zero_point : float
        Magnitude that gives one count per second.

    Returns
    -------
    images : (lens, y, x) array, float64
        Flux per pixel [counts/s], the same in all bands.
    number : (lens,) int array
        How many there are.
    """
    about, side = simulation.population.neighbours, simulation.pixels * simulation.pixel_scale
    assert about is not None
    number = np.zeros(len(lenses), dtype=int)
    drawn = []
    for index, lens in enumerate(lenses):
        random = generator(simulation.seed, "neighbours", lens)
        number[index] = random.poisson(about.density * side**2)
        drawn.append(random.random((number[index], len(SHAPE) + 2)))
    uniform = np.concatenate(drawn).T
    shape = {name: transform(getattr(about, name), column) for name, column in zip(SHAPE, uniform, strict=False)}
    shape |= {name: (column - 0.5) * side for name, column in zip(("center_x", "center_y"), uniform[-2:], strict=True)}
    values = {name: torch.from_numpy(np.ascontiguousarray(value))[:, None, None] for name, value in shape.items()}
    flux = magnitude_to_flux(values.pop("magnitude"), zero_point) * simulation.pixel_scale**2  # per pixel
    x, y = pixel_grid(simulation.pixels, simulation.pixel_scale, simulation.supersampling, dtype=torch.float64)
    images = np.zeros((len(lenses), simulation.pixels, simulation.pixels))
    owner = np.repeat(np.arange(len(lenses)), number)
    for start in range(0, len(owner), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        light = sersic_brightness(x, y, flux[part], **{name: value[part] for name, value in values.items()})
        np.add.at(images, owner[part], avg_pool2d(light, simulation.supersampling).numpy())
    return images, number

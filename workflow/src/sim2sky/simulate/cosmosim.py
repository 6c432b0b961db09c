"""Gaussian sources behind one lens, as CosmoSim draws them: 8-bit images, centred and cropped where asked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from sim2sky.config import CosmosimSimulation
from sim2sky.lensing.cosmosim import render
from sim2sky.lensing.finish import finish, optics_of
from sim2sky.simulate.cosmosim_population import draw
from sim2sky.simulate.engines import Simulated, register_engine
from sim2sky.store import IMAGE_DIMS, Variable

_TOGETHER = 16  # lenses rendered at once: some MB of whole images


@register_engine
def cosmosim(
    simulation: CosmosimSimulation, lenses: range, device: str, progress: Callable[[float], None]
) -> Simulated:
    """Draw and render lenses: ``lensed_source``, uint8, in counts of 0 to 255.

    Cropped images have ``shift_x`` and ``shift_y`` as well: how far the light was moved to the right and downwards, which is
    against y. A position x, y is then at x + shift_x, y - shift_y. The centre of light is that of the whole image, of which
    only the pixels that light can reach are computed: the result is that of rendering everything, centring and
    cropping, to the last bit.
    """
    population = draw(simulation, lenses)
    parameters = {name: torch.from_numpy(variable.data).to(device) for name, variable in population.items()}
    shape = (len(lenses), 1, simulation.pixels, simulation.pixels)
    images, shifts = np.empty(shape, np.uint8), np.zeros((len(lenses), 2))
    for first in range(0, len(lenses), _TOGETHER):
        part = slice(first, first + _TOGETHER)
        chosen = {name: value[part] for name, value in parameters.items()}
        rendered = render(chosen, optics_of(simulation), simulation.image_pixels).cpu().numpy()
        for index, image in enumerate(rendered, first):
            images[index, 0], shifts[index] = finish(simulation, image)
        progress(min(1.0, (first + _TOGETHER) / len(lenses)))
    variables = {"lensed_source": Variable(images, IMAGE_DIMS, "count", "lensed light of the source"), **population}
    if simulation.crop:
        towards = {"shift_y": "along rows, downwards", "shift_x": "along columns, to the right"}
        for shift, (name, where) in zip(shifts.T, towards.items(), strict=True):
            text = f"shift of the light {where}, in pixels of the whole image"
            variables[name] = Variable(shift, unit="pixel", long_name=text)
    attributes = {"zero_point": None, "pixel_scale": simulation.pixel_scale, "bands": simulation.bands}
    return Simulated(variables, attributes)

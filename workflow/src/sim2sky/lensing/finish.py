"""From the configuration of a CosmoSim simulation to its images: how they are rendered, then centred and cropped."""

from __future__ import annotations

import numpy as np

from sim2sky.config import CosmosimSimulation
from sim2sky.framing import downscale, draw_axes, move_and_crop, offset_to_centre
from sim2sky.lensing.scene import Optics


def optics_of(simulation: CosmosimSimulation) -> Optics:
    """How the images of a simulation are rendered."""
    s = simulation
    return Optics(s.lens, s.mode, s.terms, s.mask, s.source, s.truncate)


def finish(simulation: CosmosimSimulation, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre, crop and average an image of CosmoSim as its simulation says.

    Parameters
    ----------
    simulation : CosmosimSimulation
        It says what is kept, and at which size.
    image : (image_pixels, image_pixels) uint8 array
        As rendered.

    Returns
    -------
    finished : (pixels, pixels) uint8 array
    shift : (2,) array
        How far its light was moved along y and x [pixel].
    """
    crop, shift = simulation.crop, np.zeros(2)
    if crop:
        offset = offset_to_centre(image, crop.pixels, crop.centre)
        shift = offset + (len(image) - crop.pixels) % 2 / 2  # cutting an odd number of pixels moves the middle by half
        image = move_and_crop(image, offset, crop.pixels)
    if simulation.downscale:
        image = downscale(image, simulation.downscale)
    if simulation.reference_axes:
        draw_axes(image)
    return image, shift

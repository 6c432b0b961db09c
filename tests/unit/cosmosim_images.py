"""One image of CosmoSim whose parameters are known, for tests of undoing its lensing."""

from sim2sky.config import read_simulation
from sim2sky.lensing.cosmosim import render
from sim2sky.lensing.finish import finish, optics_of
from sim2sky.lensing.undo import complete

TRUE = {"x": 21.0, "y": -14.0, "R_E": 12.0, "sigma": 9.0, "sigma2": 5.0, "theta": 30.0}


def simulation_of(**change):
    """A small simulation, with changes."""
    raw = {"engine": "cosmosim", "lenses": 4, "lens": "sis", "mode": "raytrace", "image_pixels": 200, "chi": 0.5}
    return read_simulation(raw | change)


def finished(simulation, parameters=TRUE):
    """Its image of a lens, and how far the light was moved."""
    rendered = render(complete(parameters, simulation), optics_of(simulation), simulation.image_pixels)
    return finish(simulation, rendered[0].numpy())

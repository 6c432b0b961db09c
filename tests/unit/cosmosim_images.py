"""One image of CosmoSim whose parameters are known, for tests of undoing its lensing."""

from sim2sky.config import Recipe, read_simulation
from sim2sky.lensing.cosmosim import render
from sim2sky.lensing.finish import finish, optics_of
from sim2sky.lensing.undo import complete
from sim2sky.models import create_model
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.network_file import write_networks
from sim2sky.provenance import record

TRUE = {"x": 21.0, "y": -14.0, "R_E": 12.0, "sigma": 9.0, "sigma2": 5.0, "theta": 30.0}


def simulation_of(**change):
    """A small simulation, with changes."""
    raw = {"engine": "cosmosim", "lenses": 4, "lens": "sis", "mode": "raytrace", "image_pixels": 200, "chi": 0.5}
    return read_simulation(raw | change)


def finished(simulation, parameters=TRUE):
    """Its image of a lens, and how far the light was moved."""
    rendered = render(complete(parameters, simulation), optics_of(simulation), simulation.image_pixels)
    return finish(simulation, rendered[0].numpy())


def write_network(path, simulation):
    """A file with an untrained network, of seed 3, whose outputs are shifted to the true parameters."""
    recipe = Recipe(network="lens_cnn", epochs=1, optimiser={"lr": 1e-3}, normalisation="eight_bit", standardise=True)
    encoding = LabelEncoding(list(TRUE), mean=list(TRUE.values()), std=[1e-6] * 6)
    network = create_model("lens_cnn", bands=1, pixels=simulation.pixels, outputs=6)
    config = {"recipe": recipe.params(), "targets": list(TRUE)}
    origin = {"source": {"name": "clean", "simulated": simulation.params(), "dataset": {"title": "clean"}}}
    write_networks(path, {3: network.state_dict()}, encoding, record.provenance(config, {}, domains=origin))

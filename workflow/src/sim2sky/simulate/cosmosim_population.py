"""The population of a CosmoSim simulation: the parameters of every lens, by one of the generators."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from sim2sky.config import CosmosimSimulation
from sim2sky.cosmosim import amplitude_names, largest_sigma
from sim2sky.lensing.roulette import amplitudes
from sim2sky.lensing.scene import Optics, Scene
from sim2sky.store import Variable
from sim2sky.streams import generator

# One uniform number per lens for each, used or not, and in this order: to set one parameter changes no other.
_DRAWN = ("R_E", "r", "phi", "sigma", "sigma2", "theta", "chi", "ellipse_ratio", "orientation", "R_E again", "r again")
_MEANING = {
    "x": "position of the source along x",
    "y": "position of the source along y",
    "r": "distance of the source from the lens",
    "phi": "direction of the source from the lens",
    "R_E": "Einstein radius in the lens plane",
    "sigma": "standard deviation of the source along theta",
    "sigma2": "standard deviation of the source across theta",
    "theta": "orientation of the source",
    "chi": "ratio of the distances to lens and source",
    "ellipse_ratio": "axis ratio of the lens",
    "orientation": "orientation of the lens",
}


def draw(simulation: CosmosimSimulation, lenses: Sequence[int]) -> dict[str, Variable]:
    """Draw the parameters of lenses; those of a lens depend on the seed and its index alone.

    Parameters
    ----------
    simulation : CosmosimSimulation
        The population and the seed.
    lenses : sequence of int
        Indices of the lenses.

    Returns
    -------
    dict of str to Variable
        Arrays of shape (lens,), float64: everything that ``simulation.parameters`` names.

    Notes
    -----
    ``thesis`` is the listing of Section 3.4 of Vegsund & Sukarevicius 2023, *Intergalactic Machine Vision* (bachelor's thesis, NTNU)
    that made its training data, ``point_mass_2022`` the older listing there.
    """
    uniform = np.stack([generator(simulation.seed, "population", lens).random(len(_DRAWN)) for lens in lenses], axis=1)
    u = dict(zip(_DRAWN, uniform, strict=True))
    drawn = _older(simulation, u) if simulation.population.generator == "point_mass_2022" else _bounded(simulation, u)
    for name in ("phi", "theta", "orientation"):
        drawn[name] = _between(simulation, u[name], *getattr(simulation.population, name))
    low, high = simulation.population.ellipse_ratio
    drawn["ellipse_ratio"] = low + (high - low) * u["ellipse_ratio"]
    drawn["chi"] = _chi(simulation, u["chi"])
    if simulation.population.longer_axis_first:
        sizes = drawn["sigma"], drawn["sigma2"]
        drawn["sigma"], drawn["sigma2"] = np.maximum(*sizes), np.minimum(*sizes)
    if simulation.source == "spherical":
        drawn["sigma2"] = drawn["sigma"]
    direction = np.deg2rad(drawn["phi"])
    drawn |= {"x": drawn["r"] * np.cos(direction), "y": drawn["r"] * np.sin(direction)}
    drawn |= _amplitudes(simulation, drawn)
    return {
        name: Variable(drawn[name], unit=unit, long_name=_MEANING.get(name, "roulette amplitude"))
        for name, unit in simulation.parameters.items()
    }


def _between(
    simulation: CosmosimSimulation, u: np.ndarray, low: float | np.ndarray, high: float | np.ndarray
) -> np.ndarray:
    """Numbers from `low` to `high`, whole ones with both ends unless the generator is continuous."""
    if simulation.population.generator == "continuous":
        return low + (high - low) * u
    return low + np.floor(u * (high - low + 1))


def _chi(simulation: CosmosimSimulation, u: np.ndarray) -> np.ndarray:
    """The simulation's one ratio of distances, or ratios drawn in whole per cent unless the generator is continuous."""
    if simulation.chi is not None:
        return np.full_like(u, simulation.chi)
    low, high = simulation.population.chi
    percent = _between(simulation, u, 100 * low, 100 * high)
    return percent / 100 if simulation.population.generator == "continuous" else np.rint(percent) / 100


def _bounded(simulation: CosmosimSimulation, u: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Lens and source with the source's size below the bound; where that is too small, drawn a second time."""
    population = simulation.population
    whole = np.floor if population.generator == "thesis" else np.asarray
    R_E, r = (_between(simulation, u[name], *getattr(population, name)) for name in ("R_E", "r"))
    again = whole(largest_sigma(R_E, r)) < population.smallest_sigma
    R_E = np.where(again, _between(simulation, u["R_E again"], *population.R_E), R_E)
    farther = _between(simulation, u["r again"], population.redraw_from, population.r[1])
    r = np.where(again, farther, r)
    bound = whole(largest_sigma(R_E, r))
    sizes = {name: _between(simulation, u[name], population.smallest_sigma, bound) for name in ("sigma", "sigma2")}
    return {"R_E": R_E, "r": r, **sizes}


def _older(simulation: CosmosimSimulation, u: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Lens and source of any size, the source not within the Einstein radius."""
    ranges = {name: getattr(simulation.population, name) for name in ("R_E", "r", "sigma", "sigma2")}
    drawn = {name: _between(simulation, u[name], *ranges[name]) for name in ("R_E", "sigma", "sigma2")}
    nearest = np.maximum(drawn["R_E"], ranges["r"][0])
    return drawn | {"r": _between(simulation, u["r"], nearest, ranges["r"][1])}


def _amplitudes(simulation: CosmosimSimulation, drawn: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Roulette amplitudes at the image of the source's centre, of a lens with chi = 1."""
    if not simulation.amplitudes:
        return {}
    tensors = {name: torch.from_numpy(values) for name, values in drawn.items()}
    scene = Scene.of(tensors, Optics(simulation.lens, truncate=simulation.truncate))
    nu = scene.nu_x.numpy() + 1j * scene.nu_y.numpy()
    lens = (scene.R.numpy(), scene.ratio.numpy(), scene.angle.numpy())
    found = amplitudes(simulation.lens, simulation.amplitudes, nu, *lens)
    names = amplitude_names(simulation.amplitudes)
    return {name: found[m, s].real if name.startswith("alpha") else found[m, s].imag for name, m, s in names}

"""The population: the parameters of every lens, drawn from the configured distributions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from sim2sky.config import Distribution, Simulation, unit_of
from sim2sky.store import Variable
from sim2sky.streams import generator


@dataclass(frozen=True)
class Parameter:
    """One parameter of the population: its name in the shards, and what it is drawn from."""

    name: str
    distribution: Distribution
    unit: str
    description: str


def parameters(simulation: Simulation) -> list[Parameter]:
    """All parameters of a simulation, in the order in which they are drawn.

    Those of the mass have lenstronomy's names, those of the light the prefix ``lens_light_`` or ``source_light_``. Last
    come the colours of further bands (``lens_light_color_r``), which :func:`draw` turns into magnitudes; a band whose
    colour is not configured has a colour of zero.
    """
    found = []
    lights = ("lens_light", "source_light")
    for component, prefix in (("lens_mass", ""), *((light, f"{light}_") for light in lights)):
        model = getattr(simulation.population, component)
        for name, field in type(model).model_fields.items():
            if name != "colors":
                description = f"{component}: {field.description}"
                found.append(Parameter(prefix + name, getattr(model, name), unit_of(type(model), name), description))
    for band in simulation.bands[1:]:
        for light in lights:
            colour = getattr(simulation.population, light).colors.get(band, Distribution(constant=0))
            description = f"{light}: {simulation.bands[0]} minus {band}"
            found.append(Parameter(f"{light}_color_{band}", colour, "mag", description))
    return found


def draw(simulation: Simulation, lenses: Sequence[int]) -> dict[str, Variable]:
    """Draw the parameters of lenses.

    Parameters
    ----------
    simulation : Simulation
        The population and the seed.
    lenses : sequence of int
        Indices of the lenses.

    Returns
    -------
    dict of str to Variable
        Arrays of shape (lens,), float64. Colours of further bands are given as magnitudes (``lens_light_magnitude_r``).

    Raises
    ------
    ValueError
        If an ellipticity is 1 or more.
    """
    wanted = parameters(simulation)
    # One uniform number per lens and parameter, used or not, and in a fixed order: making a parameter constant, or
    # normal instead of uniform, changes no other.
    uniform = np.stack([generator(simulation.seed, "population", lens).random(len(wanted)) for lens in lenses])
    drawn = {}
    for column, parameter in zip(uniform.T, wanted, strict=True):
        drawn[parameter.name] = Variable(
            transform(parameter.distribution, column), unit=parameter.unit, long_name=parameter.description
        )
    for name in simulation.population.tied:
        light = drawn[f"lens_light_{name}"]
        drawn[f"lens_light_{name}"] = replace(light, data=drawn[name].data + light.data)
    for prefix in ("", "lens_light_", "source_light_"):
        _check_ellipticity(prefix, drawn, lenses)
    return {name: value for name, value in drawn.items() if "_color_" not in name} | _magnitudes(simulation, drawn)


def transform(distribution: Distribution, uniform: np.ndarray) -> np.ndarray:
    """Numbers of `distribution` from numbers that are uniform on [0, 1)."""
    if distribution.uniform:
        low, high = distribution.uniform
        return low + (high - low) * uniform
    if distribution.normal:
        mean, std = distribution.normal
        return mean + std * ndtri(np.maximum(uniform, 2.0**-54))  # the quantile of zero is minus infinity
    return np.full_like(uniform, distribution.constant)


def _magnitudes(simulation: Simulation, drawn: dict[str, Variable]) -> dict[str, Variable]:
    """Magnitudes in the further bands."""
    return {
        f"{light}_magnitude_{band}": Variable(
            drawn[f"{light}_magnitude"].data - drawn[f"{light}_color_{band}"].data,
            unit="mag",
            long_name=f"{light}: total magnitude in band {band}",
        )
        for light in ("lens_light", "source_light")
        for band in simulation.bands[1:]
    }


def _check_ellipticity(prefix: str, drawn: dict[str, Variable], lenses: Sequence[int]) -> None:
    """Raise ValueError, naming the first lens, if an ellipticity is 1 or more."""
    e1, e2 = (drawn[f"{prefix}{name}"].data for name in ("e1", "e2"))
    wrong = np.flatnonzero(np.hypot(e1, e2) >= 1)
    if wrong.size:
        first = wrong[0]
        raise ValueError(
            f"population: lens {lenses[first]} has {prefix}e1 = {e1[first]:.3g}, {prefix}e2 = {e2[first]:.3g}; "
            "an ellipticity is below 1, draw it from a narrower distribution"
        )

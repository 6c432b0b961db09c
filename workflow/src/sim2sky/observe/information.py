"""How well the parameters of simulated lenses can be known from their images: the Cramer-Rao bound, lens by lens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from sim2sky.config import Dataset, Simulation, Survey
from sim2sky.lensing.information import central_differences, cramer_rao, fisher_information
from sim2sky.lensing.raytrace import render
from sim2sky.observe.camera import Camera
from sim2sky.observe.conditions import Conditions
from sim2sky.observe.noise import flux_ratio, unresampled
from sim2sky.observe.psf import read_psf
from sim2sky.parquet import write_parquet
from sim2sky.provenance.record import provenance
from sim2sky.store import Shards, open_shards

ZERO_POINT = 30.0  # of images as they are rendered; they are brought to the camera's
STEP = 1e-4  # of a parameter, over its standard deviation in the population
GROUP = 25  # lenses at once
LIGHTS = ("lens_light", "source_light")


def bound_errors(
    shards: Sequence[str | Path],
    bounds: tuple[int, int],
    path: str | Path,
    fingerprint: Mapping[str, str],
    psf: Sequence[str | Path] = (),
) -> None:
    """Write the smallest errors that the parameters of observed lenses can have.

    All parameters that vary in the population are unknown; the point-spread function and the width of the noise are known.
    Neighbours are left out: they are taken as known.

    Parameters
    ----------
    shards : sequence of path
        Of `observe_shard`, of a simulation of galaxies without real sky beneath.
    bounds : (int, int)
        First and one-past-last lens, counted from the first one of `shards`.
    path : path
        Parquet file to write: ``lens``, and for each parameter that varies ``<parameter>_bound``, in its unit.
    fingerprint : mapping of str to str
        Of the code.
    psf : sequence of path
        As for `observe_shard`.
    """
    data = open_shards(shards)
    config = data.attributes["config"]
    simulation, dataset = Simulation.model_validate(config["simulated"]), Dataset.model_validate(config["dataset"])
    survey = Survey.model_validate(config["survey"])
    camera = Camera.of(survey, simulation.bands, {Path(file).stem: read_psf(file, survey.pixel_scale) for file in psf})
    prior = free_parameters(simulation)
    found = []
    for start in range(*bounds, GROUP):
        group = slice(start, min(start + GROUP, bounds[1]))
        parameters = {name: data.read(name, group.start, group.stop) for name in simulation.parameters}
        scene = Scene(simulation, dataset.noise, camera, _conditions(data, group), parameters)
        found.append(scene.bounds(prior))
        print(f"{path}: {group.stop - bounds[0]} of {bounds[1] - bounds[0]} lenses", flush=True)
    table = pd.DataFrame(np.concatenate(found), columns=[f"{name}_bound" for name in prior])
    table.insert(0, "lens", data.read("lens", *bounds))
    table.attrs = provenance(config, fingerprint)
    units = simulation.parameters
    text = "smallest standard deviation that an estimate can have (Cramer-Rao bound)"
    scatter = {
        f"lens_light_{name}" for name in simulation.population.tied
    }  # of the light about the mass: no parameter itself
    names = [name for name in prior if name in units and name not in scatter]
    write_parquet(
        table[["lens", *(f"{name}_bound" for name in names)]],
        path,
        {f"{name}_bound": units[name] for name in names},
        {f"{name}_bound": f"{name}: {text}" for name in names},
    )


def free_parameters(simulation: Simulation) -> dict[str, float]:
    """Variance in the population of each parameter that is drawn and varies; colours are ``lens_light_color_<band>``.

    Where the lens light follows the mass, its own ``e1, e2, center_x, center_y`` are the scatter.
    """
    population = simulation.population
    drawn = dict(population.lens_mass)
    for light in LIGHTS:
        profile = getattr(population, light)
        drawn |= {f"{light}_{name}": value for name, value in profile if name != "colors"}
        drawn |= {f"{light}_color_{band}": value for band, value in profile.colors.items() if band in simulation.bands}
    return {name: value.variance for name, value in drawn.items() if value.varies}


class Scene:
    """Some lenses as a camera sees them, any of whose parameters can be moved.

    Parameters
    ----------
    simulation : Simulation
        How they are rendered.
    noise : str
        Convention of :mod:`sim2sky.observe.noise`.
    camera : Camera
        Of the simulation's bands.
    conditions : Conditions
        Of these lenses.
    parameters : mapping of str to (lens,) array
        Those of `Simulation.parameters`.
    """

    def __init__(
        self,
        simulation: Simulation,
        noise: str,
        camera: Camera,
        conditions: Conditions,
        parameters: Mapping[str, np.ndarray],
    ):
        self.simulation, self.camera, self.conditions = simulation, camera, conditions
        self.parameters = {name: torch.from_numpy(value.astype(float)) for name, value in parameters.items()}
        background = camera.background(noise, conditions)[..., None, None]
        self.sigma = np.hypot(background, camera.photons(noise, self._observed(self.parameters), conditions))

    def bounds(self, prior: Mapping[str, float]) -> np.ndarray:
        """Cramer-Rao bound of each parameter of `prior`, which gives their variances; shape (lens, parameter)."""
        variance = torch.tensor(list(prior.values()), dtype=torch.float64)
        steps = [(name, STEP * value**0.5) for name, value in prior.items()]
        derivatives = central_differences(self._moved, steps)
        return cramer_rao(fisher_information(derivatives), variance).numpy()

    def _moved(self, name: str, step: float) -> torch.Tensor:
        """Images over their noise, as independent pixels, with a drawn parameter larger by `step`."""
        images = self._observed(self.parameters | dict(self._changes(name, step)))
        correlated = self.camera.resampled
        if correlated is not None and correlated.any():
            images[:, correlated] = unresampled(images[:, correlated])
        return torch.from_numpy(images / self.sigma)

    def _changes(self, name: str, step: float) -> Iterator[tuple[str, torch.Tensor]]:
        """The parameters of the images that change with a drawn one, and their new values."""
        light = next((light for light in LIGHTS if name.startswith(f"{light}_")), None)
        own = name.removeprefix(f"{light}_")
        if own.startswith("color_"):
            moved, step = [f"{light}_magnitude_{own.removeprefix('color_')}"], -step
        else:
            moved = [name]
            if own == "magnitude":
                moved += [f"{name}_{band}" for band in self.simulation.bands[1:]]
            if light is None and name in self.simulation.population.tied:
                moved.append(f"lens_light_{name}")
        return ((one, self.parameters[one] + step) for one in moved)

    def _observed(self, parameters: Mapping[str, torch.Tensor]) -> np.ndarray:
        """Images (lens, band, y, x) without noise [counts/s] of the camera."""
        simulation = self.simulation
        rendered = render(
            parameters,
            simulation.pixels,
            simulation.pixel_scale,
            simulation.supersampling,
            ZERO_POINT,
            integrate_cusps=simulation.cusps == "integrated",
        )
        total = torch.zeros(rendered[0][:, None].shape, dtype=torch.float64)
        for light, image in zip(LIGHTS, rendered, strict=True):
            magnitudes = [f"{light}_magnitude", *(f"{light}_magnitude_{band}" for band in simulation.bands[1:])]
            ratio = torch.stack([parameters[magnitudes[0]] - parameters[name] for name in magnitudes], 1)
            total = total + 10 ** (0.4 * ratio[..., None, None]) * image[:, None]
        return self.camera.blur(
            total.numpy() * flux_ratio(ZERO_POINT, self.camera.zero_point)[:, None, None], self.conditions
        )


def _conditions(data: Shards, part: slice) -> Conditions:
    """The conditions that lenses were observed under."""
    names = ("seeing", "sky_brightness", "num_exposures", *(["psf"] if "psf" in data else []))
    return Conditions(*(data.read(name, part.start, part.stop) for name in names))

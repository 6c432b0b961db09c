"""What is simulated: the population of lenses and the pixel grid."""

from __future__ import annotations

from math import isclose
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, PositiveFloat, PositiveInt, Tag, TypeAdapter, model_validator

from sim2sky.config.base import Distinct, Lenses, Name, Strict, as_number, shard_names, unit, unit_of
from sim2sky.config.cosmosim import CosmosimSimulation

_ONE_OF = "give exactly one of: a number, {uniform: [low, high]}, {normal: [mean, std]}"
_NARROW = 1e-6  # relative width below which single precision, which networks learn in, holds hardly more than one value


class Distribution(Strict):
    """What a parameter is drawn from. A bare number is a constant."""

    constant: float | None = Field(None, description="always this value")
    uniform: tuple[float, float] | None = Field(None, description="uniform on [low, high)")
    normal: tuple[float, PositiveFloat] | None = Field(None, description="normal with (mean, standard deviation)")

    @model_validator(mode="before")
    @classmethod
    def _number_is_constant(cls, value: Any) -> Any:
        if (number := as_number(value)) is not None:
            return {"constant": number}
        if isinstance(value, str | list):
            raise ValueError(_ONE_OF)
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> Distribution:
        if [getattr(self, name) is not None for name in type(self).model_fields].count(True) != 1:
            raise ValueError(_ONE_OF)
        if self.uniform and not self.uniform[0] < self.uniform[1]:
            raise ValueError(f"uniform: low {self.uniform[0]} is not below high {self.uniform[1]}")
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value that can be drawn."""
        if self.constant is not None:
            return self.constant, self.constant
        return self.uniform or (float("-inf"), float("inf"))

    @property
    def variance(self) -> float:
        """Square of the standard deviation."""
        low, high = self.bounds
        return self.normal[1] ** 2 if self.normal else (high - low) ** 2 / 12

    @property
    def varies(self) -> bool:
        """Whether more than one value can be drawn, as networks see it."""
        if self.normal:
            return self.normal[1] > _NARROW * abs(self.normal[0])
        return not isclose(*self.bounds, rel_tol=_NARROW)


def _check_ellipticity(*profiles: LensMass | Light) -> None:
    """Raise ValueError if an ellipticity of 1 or more can be drawn; that from a normal distribution is checked when drawn.

    That of several profiles is their sum.
    """
    added = [[profile.e1 for profile in profiles], [profile.e2 for profile in profiles]]
    largest = [sum(max(map(abs, one.bounds)) for one in component if not one.normal) for component in added]
    if sum(value**2 for value in largest) >= 1:
        raise ValueError("e1, e2: ellipticities of 1 and more can be drawn; e1^2 + e2^2 must stay below 1")


class LensMass(Strict):
    """Singular isothermal ellipsoid with external shear (lenstronomy: SIE, SHEAR)."""

    theta_E: Distribution = unit("arcsec", "Einstein radius")
    e1: Distribution = unit("1", "ellipticity component e1", default=Distribution(constant=0))
    e2: Distribution = unit("1", "ellipticity component e2", default=Distribution(constant=0))
    center_x: Distribution = unit("arcsec", "centre of the mass, x", default=Distribution(constant=0))
    center_y: Distribution = unit("arcsec", "centre of the mass, y", default=Distribution(constant=0))
    gamma1: Distribution = unit("1", "external shear gamma1", default=Distribution(constant=0))
    gamma2: Distribution = unit("1", "external shear gamma2", default=Distribution(constant=0))

    @model_validator(mode="after")
    def _physical(self) -> LensMass:
        if self.theta_E.bounds[0] < 0:
            raise ValueError("theta_E: an Einstein radius is not negative")
        _check_ellipticity(self)
        return self


class Light(Strict):
    """Elliptical Sersic profile (lenstronomy: SERSIC_ELLIPSE)."""

    magnitude: Distribution = unit("mag", "total magnitude in the first band")
    colors: dict[str, Distribution] = unit(
        "mag", "per further band: magnitude in the first band minus magnitude in that band", default={}
    )
    R_sersic: Distribution = unit("arcsec", "half-light radius")
    n_sersic: Distribution = unit("1", "Sersic index")
    e1: Distribution = unit("1", "ellipticity component e1", default=Distribution(constant=0))
    e2: Distribution = unit("1", "ellipticity component e2", default=Distribution(constant=0))
    center_x: Distribution = unit("arcsec", "centre, x", default=Distribution(constant=0))
    center_y: Distribution = unit("arcsec", "centre, y", default=Distribution(constant=0))

    @model_validator(mode="after")
    def _physical(self) -> Light:
        for key in ("R_sersic", "n_sersic"):
            if getattr(self, key).bounds[0] <= 0:
                raise ValueError(f"{key}: must be drawn from positive values")
        _check_ellipticity(self)
        return self


class Neighbours(Strict):
    """Other galaxies in the frame, as of the field: anywhere, behind or before the lens, and not lensed."""

    density: PositiveFloat = unit("1/arcsec2", "their mean number; that of a frame is of a Poisson distribution")
    magnitude: Distribution = unit("mag", "total magnitude, the same in all bands")
    R_sersic: Distribution = unit("arcsec", "half-light radius")
    n_sersic: Distribution = unit("1", "Sersic index")
    e1: Distribution = unit("1", "ellipticity component e1", default=Distribution(constant=0))
    e2: Distribution = unit("1", "ellipticity component e2", default=Distribution(constant=0))

    @model_validator(mode="after")
    def _physical(self) -> Neighbours:
        Light.model_validate(self.model_dump(exclude={"density"}))
        return self


class Population(Strict):
    """What the lenses of a simulation look like."""

    lens_mass: LensMass
    lens_light: Light
    source_light: Light
    lens_light_follows: Literal["mass"] | None = Field(
        None,
        description="mass: e1, e2, center_x and center_y of `lens_light` are the scatter of the light about the mass, to which"
        " they are added; null draws light and mass apart",
    )

    neighbours: Neighbours | None = Field(
        None, description="further galaxies, whose light is added to that of the lens; null has none"
    )

    @model_validator(mode="after")
    def _physical(self) -> Population:
        if self.lens_light_follows:
            _check_ellipticity(self.lens_mass, self.lens_light)
        return self

    @property
    def tied(self) -> tuple[str, ...]:
        """What of the lens light follows the mass."""
        return ("e1", "e2", "center_x", "center_y") if self.lens_light_follows else ()


class Simulation(Strict):
    """Noise-free lenses on a pixel grid, made shard by shard."""

    engine: Literal["galaxy"] = Field("galaxy", description="tells this kind of simulation from the other")
    lenses: Lenses = Field(description="number of lenses")
    shard_size: PositiveInt = Field(2500, description="lenses per shard (one file, one job)")
    seed: int = Field(1, ge=0, description="root of every random draw of this simulation")
    pixels: PositiveInt = unit("pixel", "side of the square image")
    pixel_scale: PositiveFloat = unit("arcsec/pixel", "size of a pixel")
    supersampling: PositiveInt = Field(1, description="sub-pixels per pixel and axis that are averaged")
    cusps: Literal["integrated", "as_published"] = Field(
        "integrated",
        description="light of the pixels at the centre of a profile: integrated over each pixel, or sampled, which makes"
        " steep profiles too bright where a sub-pixel's middle falls on their centre",
    )
    bands: Annotated[list[Name], Distinct] = Field(min_length=1, description="names of the bands, first band first")
    population: Population

    @property
    def shards(self) -> list[str]:
        """Names of the shards, ``first-last`` lens."""
        return shard_names(self.lenses, self.shard_size)

    @property
    def parameters(self) -> dict[str, str]:
        """Names of the per-lens parameters in a shard, each with its unit: what a network may regress."""
        units = {name: unit_of(LensMass, name) for name in LensMass.model_fields}
        for light in ("lens_light", "source_light"):
            units |= {f"{light}_{name}": unit_of(Light, name) for name in Light.model_fields if name != "colors"}
            units |= {f"{light}_magnitude_{band}": "mag" for band in self.bands[1:]}
        return units

    @property
    def fixed(self) -> set[str]:
        """Those of `parameters` that have one value in all lenses."""
        drawn = {name: value.varies for name, value in self.population.lens_mass}
        for prefix in ("lens_light", "source_light"):
            light: Light = getattr(self.population, prefix)
            drawn |= {f"{prefix}_{name}": value.varies for name, value in light if isinstance(value, Distribution)}
            for band in self.bands[1:]:
                color = light.colors.get(band)
                drawn[f"{prefix}_magnitude_{band}"] = light.magnitude.varies or bool(color and color.varies)
        for name in self.population.tied:
            drawn[f"lens_light_{name}"] |= drawn[name]
        return {name for name, varies in drawn.items() if not varies}

    @property
    def unseen(self) -> dict[str, str]:
        """Those of `parameters` that vary but that no image shows: none."""
        return {}

    @property
    def label_pixel(self) -> float:
        """Size of an image's pixel in the unit of lengths among the parameters: arcsec."""
        return self.pixel_scale


ENGINES = ("galaxy", "cosmosim")
ENGINE_TAG = "engine "  # before the name: such a part of a mistake's place is no key of the file


def _engine(value: Any) -> str:
    """The tag of the simulation that a mapping or a simulation is."""
    name = value.get("engine", "galaxy") if isinstance(value, dict) else getattr(value, "engine", "galaxy")
    return f"{ENGINE_TAG}{name}"


AnySimulation = Annotated[
    Annotated[Simulation, Tag(f"{ENGINE_TAG}galaxy")] | Annotated[CosmosimSimulation, Tag(f"{ENGINE_TAG}cosmosim")],
    Discriminator(_engine),
]


def read_simulation(params: dict[str, Any]) -> Simulation | CosmosimSimulation:
    """The simulation, of whichever engine, that has these ``params()``."""
    return TypeAdapter(AnySimulation).validate_python(params)

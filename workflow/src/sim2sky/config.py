"""The typed configuration: what may be set, its unit, its range and its default.

The JSON schemas under ``workflow/schemas`` and ``config/README.md`` are generated from these classes; `configure` reads
the files that they describe.
"""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from sim2sky.registry import registered


def _name(value: str) -> str:
    if not value.replace("-", "").replace("_", "").isalnum():
        raise ValueError("a name has only letters, digits, '-' and '_'")
    return value


Name = Annotated[str, AfterValidator(_name)]
Fraction = Annotated[float, Field(ge=0, le=1)]


def unit(text: str, description: str, **kwargs: Any) -> Any:
    """A pydantic field with a unit and a description."""
    return Field(description=description, json_schema_extra={"unit": text}, **kwargs)


def _unit_of(model: type[BaseModel], name: str) -> str:
    return model.model_fields[name].json_schema_extra["unit"]


class Strict(BaseModel):
    """Unknown keys are errors; values are frozen once read; NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def params(self) -> dict[str, Any]:
        """The plain dictionary that goes into a rule's ``params``: set values and defaults, without nulls."""
        return self.model_dump(mode="json", exclude_none=True)


class Distribution(Strict):
    """What a parameter is drawn from. A bare number is a constant."""

    constant: float | None = Field(None, description="always this value")
    uniform: tuple[float, float] | None = Field(None, description="uniform on [low, high)")
    normal: tuple[float, PositiveFloat] | None = Field(None, description="normal with (mean, standard deviation)")

    @model_validator(mode="before")
    @classmethod
    def _number_is_constant(cls, value: Any) -> Any:
        return {"constant": value} if isinstance(value, int | float) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _exactly_one(self) -> Distribution:
        if len(self.model_fields_set) != 1:
            raise ValueError("give exactly one of: a number, {uniform: [low, high]}, {normal: [mean, std]}")
        if self.uniform and not self.uniform[0] < self.uniform[1]:
            raise ValueError(f"uniform: low {self.uniform[0]} is not below high {self.uniform[1]}")
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value that can be drawn."""
        if self.constant is not None:
            return self.constant, self.constant
        return self.uniform or (float("-inf"), float("inf"))


# ------------------------------------------------------------------------------------------------------------ simulate


def _check_ellipticity(profile: LensMass | Light) -> None:
    largest = [max(map(abs, component.bounds)) for component in (profile.e1, profile.e2) if not component.normal]
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


class Population(Strict):
    """What the lenses of a simulation look like."""

    lens_mass: LensMass
    lens_light: Light
    source_light: Light


class Simulation(Strict):
    """Noise-free lenses on a pixel grid, made shard by shard."""

    lenses: PositiveInt = Field(description="number of lenses")
    shard_size: PositiveInt = Field(2500, description="lenses per shard (one file, one job)")
    seed: int = Field(1, ge=0, description="root of every random draw of this simulation")
    pixels: PositiveInt = unit("pixel", "side of the square image")
    pixel_scale: PositiveFloat = unit("arcsec/pixel", "size of a pixel")
    supersampling: PositiveInt = Field(1, description="sub-pixels per pixel and axis that are averaged")
    bands: list[Name] = Field(min_length=1, description="names of the bands, first band first")
    population: Population

    @property
    def shards(self) -> list[str]:
        """Names of the shards, ``first-last`` lens."""
        starts = range(0, self.lenses, self.shard_size)
        return [f"{start:07d}-{min(start + self.shard_size, self.lenses) - 1:07d}" for start in starts]

    @property
    def parameters(self) -> dict[str, str]:
        """Names of the per-lens parameters in a shard, each with its unit: what a network may regress."""
        units = {name: _unit_of(LensMass, name) for name in LensMass.model_fields}
        for light in ("lens_light", "source_light"):
            units |= {f"{light}_{name}": _unit_of(Light, name) for name in Light.model_fields if name != "colors"}
            units |= {f"{light}_magnitude_{band}": "mag" for band in self.bands[1:]}
        return units


# ------------------------------------------------------------------------------------------------------------- observe


class Histogram(Strict):
    """An empirical distribution: one of `values`, drawn with relative `weights`."""

    values: list[float] = Field(min_length=1, description="values that can be drawn")
    weights: list[Annotated[float, Field(ge=0)]] = Field(description="relative weights, normalised here")

    @model_validator(mode="before")
    @classmethod
    def _number_is_constant(cls, value: Any) -> Any:
        return {"values": [value], "weights": [1]} if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _matching(self) -> Histogram:
        if len(self.values) != len(self.weights):
            raise ValueError(f"{len(self.values)} values but {len(self.weights)} weights")
        if not sum(self.weights) > 0:
            raise ValueError("the weights sum to zero")
        return self


class BandConditions(Strict):
    """Observing conditions of one band."""

    zero_point: float = unit("mag", "magnitude that gives one count per second")
    exposure_time: PositiveFloat = unit("s", "length of a single exposure")
    gain: PositiveFloat = unit(
        "e-/ADU", "gain; kept with the survey, not used: counts are treated as electrons", default=1.0
    )
    seeing: Histogram = unit("arcsec", "full width at half maximum of the point-spread function")
    sky_brightness: Histogram = unit("mag/arcsec2", "surface brightness of the sky")
    num_exposures: Histogram = unit("1", "number of exposures that are added up")


class Survey(Strict):
    """One file of ``resources/surveys``."""

    title: str = Field(description="name for people")
    source: str = Field(description="where the numbers come from")
    pixel_scale: PositiveFloat = unit("arcsec/pixel", "size of a pixel")
    read_noise: float = unit("e-", "read noise of one exposure", ge=0)
    bands: dict[Name, BandConditions] = Field(min_length=1, description="conditions per band")


class Split(Strict):
    """Fractions of the lenses, taken in the order of their index."""

    train: Fraction = Field(0.7, description="fraction for training")
    validation: Fraction = Field(0.1, description="fraction for validation")
    test: Fraction = Field(0.2, description="fraction for testing")

    @model_validator(mode="after")
    def _sums_to_one(self) -> Split:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(f"train + validation + test is {total:g}, not 1")
        return self

    def bounds(self, lenses: int) -> dict[str, tuple[int, int]]:
        """First and one-past-last lens index of each part."""
        first, second = round(lenses * self.train), round(lenses * (self.train + self.validation))
        return {"train": (0, first), "validation": (first, second), "test": (second, lenses)}


class CentreCrop(Strict):
    """Move the centre of light to the centre of the image, then keep the middle."""

    centre: Literal["none", "pixel", "subpixel"] = Field(
        "pixel", description="shift by whole pixels or by fractions of one"
    )
    pixels: PositiveInt = unit("pixel", "side of the image that is kept")


class Background(Strict):
    """Real survey cutouts in place of drawn lens light and noise."""

    cutouts: Name = Field(
        description="key of `cutouts` in config.yaml; the dataset is left out while that path is null"
    )
    zero_point: float = unit("mag", "zero point of the cutouts")
    pixel_scale: PositiveFloat = unit("arcsec/pixel", "size of a pixel of the cutouts")
    augment: bool = Field(True, description="flip and rotate the cutouts by multiples of 90 degrees")


class Dataset(Strict):
    """A domain: a simulation seen under a survey's conditions."""

    title: str = Field(description="name for people, used in figures")
    simulation: Name = Field(description="key of `simulations`")
    survey: Name = Field(description="file name in resources/surveys, without .yaml")
    noise: Literal["correct", "deeplenstronomy-0.0.2.3", "none"] = Field(
        "correct", description="formula of the background noise; the second reproduces a fault of that release"
    )
    zero_point: float | None = unit("mag", "zero point of the images; null takes the survey's", default=None)
    seed: int = Field(2, ge=0, description="root of the draws of conditions and noise")
    centre_crop: CentreCrop | None = Field(None, description="null leaves the frame as simulated")
    background: Background | None = Field(None, description="null draws lens light and noise")
    split: Split = Split()


# ----------------------------------------------------------------------------------------------------- train and adapt


class Optimiser(Strict):
    """A torch optimiser."""

    name: Literal["adam", "adamw", "sgd", "rmsprop"] = Field("adam", description="which optimiser")
    lr: PositiveFloat = Field(description="learning rate")
    weight_decay: float = Field(0.0, ge=0, description="weight decay")


class Schedule(Strict):
    """How the learning rate changes over training."""

    name: Literal["constant", "cosine", "one_cycle"] = Field(
        "constant", description="which schedule, stepped every batch"
    )


class Recipe(Strict):
    """How a network is trained, whatever the adaptation."""

    network: str = Field(description="registered network")
    epochs: PositiveInt = Field(description="passes over the source training set")
    batch_size: int = Field(32, ge=2, description="images per domain and step")
    loss: Literal["mse", "mae", "huber"] = Field("mse", description="regression loss")
    optimiser: Optimiser
    schedule: Schedule = Schedule()
    normalisation: Literal["none", "per_domain"] = Field(
        "none", description="per_domain: subtract the mean and divide by the deviation of the domain's training pixels"
    )

    @model_validator(mode="after")
    def _known(self) -> Recipe:
        known(self.network, registered("models"), "network")
        return self


class Method(Strict):
    """A way to adapt to the target domain."""

    title: str = Field(description="name for people, used in figures")
    adaptation: str = Field(description="registered adaptation method; `none` trains on the source alone")
    weight: float = Field(1.0, ge=0, description="factor of the adaptation loss")
    weight_schedule: Literal["constant", "ganin"] = Field(
        "constant", description="ganin: times 2/(1+exp(-10 p))-1 with p the fraction of training done"
    )
    options: dict[str, Any] = Field({}, description="further options of the adaptation method")

    @model_validator(mode="after")
    def _known(self) -> Method:
        known(self.adaptation, registered("adapt"), "adaptation")
        for key in self.options:
            known(key, registered("adapt")[self.adaptation], f"option of {self.adaptation}")
        return self


class Run(Strict):
    """One variant, trained once per seed."""

    method: Name = Field(description="key of `methods`")
    recipe: Name = Field(description="key of `recipes`")
    change: dict[str, Any] = Field({}, description="what this run changes in its recipe")
    source: Name = Field(description="dataset whose labels are used")
    target: Name | None = Field(None, description="dataset that is adapted to, without labels")
    evaluate_on: list[Name] = Field(min_length=1, description="datasets whose test parts are predicted")

    @property
    def second_domain(self) -> str | None:
        """The domain that learning curves follow beside the source: the target, or the first other one it is tested on."""
        return self.target or next((name for name in self.evaluate_on if name != self.source), None)


class CrossValidation(Strict):
    """k-fold cross-validation on labelled data of one domain."""

    recipe: Name = Field(description="key of `recipes`")
    dataset: Name = Field(description="labelled dataset; only its training part is used")
    lenses: PositiveInt = Field(description="how many of its training lenses")
    folds: int = Field(5, ge=2, description="number of folds")
    grid: dict[str, list[Any]] = Field(min_length=1, description="dotted recipe key -> values to try")


class Published(Strict):
    """A number of the literature that a summary row is held against."""

    method: Name = Field(description="key of `methods`")
    recipe: Name = Field(description="key of `recipes`")
    domain: Name = Field(description="key of `datasets`")
    statistics: Literal["running", "batch", "adabn"] = Field(
        description="where batch normalisation took its statistics from"
    )
    metric: str = Field(description="name of the metric, for example r2")
    mean: float = Field(description="published mean over the networks")
    std: float | None = Field(None, description="published standard deviation over the networks")
    source: str = Field(description="publication and table")


class Study(Strict):
    """One file of ``config/studies``."""

    title: str = Field(description="heading in the report")
    abstract: str = Field(description="what the study asks, for the report")
    reference: str = Field(description="the publication that it reproduces")
    target: Name = Field(description="parameter that the networks regress")
    seeds: PositiveInt = Field(description="networks per run, with seeds 0, 1, ...")
    seeds_per_job: PositiveInt = Field(1, description="seeds trained in one job")
    simulations: dict[Name, Simulation] = Field(min_length=1, description="noise-free lenses")
    datasets: dict[Name, Dataset] = Field(min_length=1, description="domains: simulations as observed")
    recipes: dict[Name, Recipe] = Field(min_length=1, description="ways to train")
    methods: dict[Name, Method] = Field(min_length=1, description="ways to adapt")
    runs: dict[Name, Run] = Field(min_length=1, description="what is trained: a method by a recipe on domains")
    cross_validation: CrossValidation | None = Field(None, description="null leaves it out")
    published: list[Published] = Field([], description="numbers of the literature to be held against")

    @property
    def seed_blocks(self) -> list[str]:
        """Blocks of seeds, ``first-last``, one training job each."""
        starts = range(0, self.seeds, self.seeds_per_job)
        return [f"{start}-{min(start + self.seeds_per_job, self.seeds) - 1}" for start in starts]

    def recipe_of(self, run: str) -> Recipe:
        """The recipe of a run, with the run's own changes."""
        recipe = self.recipes[self.runs[run].recipe]
        return Recipe.model_validate(merge(recipe.model_dump(), self.runs[run].change))


class Config(Strict):
    """``config/config.yaml``."""

    studies: list[Name] = Field(min_length=1, description="files of config/studies that are run")
    results: str = Field("results", description="folder of everything that is made")
    cutouts: dict[Name, str | None] = Field({}, description="survey cutouts: name -> path of a FITS cube, or null")
    overrides: dict[Name, dict[str, Any]] = Field({}, description="study -> changes, merged into the study file")
    partial: bool = Field(False, description="report on the runs that exist instead of making the missing ones")


def known(name: str, names: Any, what: str) -> None:
    """Raise ValueError, with the nearest valid name, unless `name` is one of `names`."""
    if name not in names:
        near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(names)) or 'none'}"
        raise ValueError(f"unknown {what} {name!r}; {hint}")


def merge(base: Any, change: Any) -> Any:
    """`base` with `change` merged in: mappings key by key, anything else replaced."""
    if isinstance(base, dict) and isinstance(change, dict):
        return base | {key: merge(base.get(key), value) for key, value in change.items()}
    return change


def nested(dotted: str, value: Any) -> dict[str, Any]:
    """``nested("optimiser.lr", 1)`` is ``{"optimiser": {"lr": 1}}``."""
    for key in reversed(dotted.split(".")):
        value = {key: value}
    return value

"""How it is observed: surveys, domains, centring and cropping."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from sim2sky.config.base import Fraction, Name, Strict, unit


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

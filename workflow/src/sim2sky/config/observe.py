"""How it is observed: surveys, domains, centring and cropping."""

from __future__ import annotations

from math import inf
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from sim2sky.config.base import Fraction, Name, Strict, as_number, unit
from sim2sky.config.cosmosim import Crop
from sim2sky.config.images import RealImages


class Histogram(Strict):
    """An empirical distribution: one of `values`, drawn with relative `weights`."""

    values: list[float] = Field(min_length=1, description="values that can be drawn")
    weights: list[Annotated[float, Field(ge=0)]] = Field(description="relative weights, normalised here")

    @model_validator(mode="before")
    @classmethod
    def _number_is_constant(cls, value: Any) -> Any:
        number = as_number(value)
        return value if number is None else {"values": [number], "weights": [1]}

    @model_validator(mode="after")
    def _matching(self) -> Histogram:
        if len(self.values) != len(self.weights):
            raise ValueError(f"{len(self.values)} values but {len(self.weights)} weights")
        if not 0 < sum(self.weights) < inf:
            raise ValueError(f"the weights sum to {sum(self.weights):g}; their sum must be positive and finite")
        return self


class PositiveHistogram(Histogram):
    """An empirical distribution of positive values."""

    values: list[PositiveFloat] = Field(min_length=1, description="values that can be drawn")


class BandConditions(Strict):
    """Observing conditions of one band."""

    zero_point: float = unit("mag", "magnitude that gives one electron per second")
    exposure_time: PositiveFloat = unit("s", "length of a single exposure")
    gain: PositiveFloat = unit(
        "e-/ADU",
        "kept with the survey, not used: the zero point gives electrons; one that gives ADU needs 2.5 log10(gain) more",
        default=1.0,
    )
    seeing: PositiveHistogram = unit("arcsec", "full width at half maximum of the point-spread function")
    sky_brightness: Histogram = unit("mag/arcsec2", "surface brightness of the sky")
    num_exposures: PositiveHistogram = unit("1", "number of exposures that are added up")


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


class CentreCrop(Crop):
    """Move the centre of light to the centre of the image, then keep the middle, perhaps with larger pixels."""

    downscale: PositiveInt | None = unit(
        "pixel", "side to which the kept part is averaged, for small machines; null leaves it", default=None
    )

    @model_validator(mode="after")
    def _smaller(self) -> CentreCrop:
        if self.downscale and self.downscale > self.pixels:
            raise ValueError(f"downscale: cannot average {self.pixels} pixels to {self.downscale}")
        return self


class Background(Strict):
    """Real survey cutouts in place of drawn lens light and noise."""

    cutouts: Name = Field(
        description="key of `cutouts` in config.yaml; the dataset is left out while that path is null"
    )
    zero_point: float = unit("mag", "zero point of the cutouts")
    pixel_scale: PositiveFloat = unit("arcsec/pixel", "size of a pixel of the cutouts")
    augment: bool = Field(True, description="flip and rotate the cutouts by multiples of 90 degrees")
    hdu: str | int | None = Field(
        None,
        description="name or number of the HDU with the cutouts; null finds it if there is one cube that is no mask",
    )


class Dataset(Strict):
    """A domain: a simulation seen under a survey's conditions, or real images."""

    title: str = Field(description="name for people, used in figures")
    simulation: Name | None = Field(None, description="key of `simulations`; null takes `images`")
    images: RealImages | None = Field(
        None,
        description="real images in place of a simulation. They have no labels: a run may adapt to them (`target`) and measure them,"
        " but not learn from them or be scored on them",
    )
    survey: Name | None = Field(
        None,
        description="file name in resources/surveys, without .yaml; null takes the images of a CosmoSim simulation as they are",
    )
    noise: Literal["correct", "deeplenstronomy", "deeplenstronomy-0.0.2.3", "none"] = Field(
        "correct",
        description="convention of the noise: `correct`, that of all exposures together; `deeplenstronomy`, with the"
        " photon noise of a single one; `deeplenstronomy-0.0.2.3`, with that release's fault in the sky as well; or none",
    )
    zero_point: float | None = unit("mag", "zero point of the images; null takes the survey's", default=None)
    peak_magnitude: float | None = unit(
        "mag/arcsec2", "surface brightness of 255 counts; a survey needs it to see a CosmoSim simulation", default=None
    )
    seed: int = Field(2, ge=0, description="root of the draws of conditions and noise")
    centre_crop: CentreCrop | None = Field(None, description="null leaves the frame as simulated")
    background: Background | None = Field(None, description="null draws lens light and noise")
    split: Split = Split()

    @model_validator(mode="after")
    def _made_of_something(self) -> Dataset:
        if (self.simulation is None) == (self.images is None):
            raise ValueError("needs either `simulation` or `images`")
        for key, field in type(self).model_fields.items() if self.images else ():
            if key not in ("title", "images", "split") and getattr(self, key) != field.default:
                raise ValueError(f"{key}: real images have none to set; it belongs to a simulation")
        return self

    @model_validator(mode="after")
    def _needs_a_survey(self) -> Dataset:
        for key in ("zero_point", "background", "peak_magnitude"):
            if self.survey is None and getattr(self, key) is not None:
                raise ValueError(f"{key}: images without a survey have none")
        return self

    def side(self, pixels: int) -> int:
        """Side of the images of this dataset [pixel], if `pixels` is that of its simulation."""
        return (self.centre_crop.downscale or self.centre_crop.pixels) if self.centre_crop else pixels

    def scale(self, pixel_scale: float) -> float:
        """Size of a pixel of this dataset [arcsec], if `pixel_scale` is that of its simulation."""
        crop = self.centre_crop
        return pixel_scale * crop.pixels / crop.downscale if crop and crop.downscale else pixel_scale

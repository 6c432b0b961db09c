"""Analyses beside the scores of the networks: networks that never learn, images that cannot be told apart, lensing undone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from sim2sky.config.base import Distinct, Fraction, Name, Strict, unit


class StuckAtMean(Strict):
    """Count the networks whose training loss is above that of always answering with the mean of the training labels."""

    after_epochs: Annotated[list[PositiveInt], Distinct] = Field(
        [],
        description="counted after these epochs too (metric `stuck_fraction_after_<epoch>`), beside the last (`stuck_fraction`)",
    )


class ChiRange(Strict):
    """Lenses at several distances whose Einstein radius grows with the distance."""

    chi: tuple[int, int] = unit("per cent", "lowest and highest distance of the lens over that of the source")
    identical: int | None = Field(None, ge=0, description="published number of pairs of images that are identical")
    largest_rms: float | None = unit(
        "count", "published root mean square difference of the most different pair", default=None, ge=0
    )

    @model_validator(mode="after")
    def _ordered(self) -> ChiRange:
        low, high = self.chi
        if not 0 < low < high <= 100:
            raise ValueError(f"chi: {low} to {high} is not a range within 1 to 100")
        return self


class Degeneracy(Strict):
    """Compare images that should be identical although their parameters differ."""

    lens: Literal["point_mass", "sis"] = Field("point_mass", description="model of the lens")
    pixels: PositiveInt = unit("pixel", "side of the images", default=400)
    images_per_range: int = Field(
        100, ge=2, description="images of one source with R_E / chi fixed, chi drawn; all pairs are compared"
    )
    strength: tuple[PositiveFloat, PositiveFloat] = unit(
        "pixel", "range of R_E / chi, one for each range of chi", default=(20.0, 100.0)
    )
    ranges: Annotated[list[ChiRange], Distinct] = Field(min_length=1, description="ranges of chi")
    swapped: PositiveInt = Field(
        100, description="pairs of images of which one has the axes of its source swapped and is turned by 90 degrees"
    )
    swapped_identical: int | None = Field(None, ge=0, description="published number of those that are identical")
    seed: int = Field(1, ge=0, description="root of the draws")
    source: str = Field("", description="publication of the published numbers")

    @model_validator(mode="after")
    def _ordered(self) -> Degeneracy:
        low, high = self.strength
        if low > high:
            raise ValueError(f"strength: low {low:g} is above high {high:g}")
        return self


class Reconstruction(Strict):
    """Undo the lensing of test images with the parameters that a run's first network predicts, and simulate them again."""

    run: Name = Field(description="key of `runs`")
    dataset: Name = Field(description="key of `datasets`, one that the run is evaluated on")
    images: PositiveInt = Field(6, description="how many test images are shown")


MINIMUM_IMAGES = 20  # for calibrating errors: with fewer than 19, a split-conformal interval of 95 % has no bounds


class Measurement(Strict):
    """Catalogues: what runs measure on datasets, with errors; of each run, one network file that measures by itself."""

    runs: Annotated[list[Name], Distinct] = Field(
        min_length=1, description="keys of `runs`; the seeds of each are one ensemble"
    )
    datasets: Annotated[list[Name], Distinct] = Field(
        min_length=1,
        description="keys of `datasets`; the test part of a simulated one is measured, and all real images",
    )
    calibrate_on: Name | None = Field(
        None,
        description="key of `datasets`, a simulated one: errors on all domains but the source are calibrated with the labels of "
        "its validation part; null calibrates them with the source's",
    )
    coverage_within: dict[Name, Fraction] = Field(
        {},
        description="dataset -> how far from 0.68 the coverage of its 68 % intervals may be; stands in the report beside what is reached",
    )


class Information(Strict):
    """How well each parameter could be known: the Cramer-Rao bound of test lenses, from the images' derivatives, the noise and the population."""

    datasets: Annotated[list[Name], Distinct] = Field(
        min_length=1, description="keys of `datasets`: simulated galaxies as a survey sees them, without real sky"
    )
    lenses: PositiveInt = Field(1000, description="of how many lenses of each test part, the first ones")

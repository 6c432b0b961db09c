"""How real images are read: what a study, or the command line, says about files that may not say it themselves."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from sim2sky.config.base import Fraction, Lenses, Name, Strict, known, shard_names, unit
from sim2sky.registry import registered


class Reading(Strict):
    """What is said about real images beside their files; a file that says otherwise is not measured."""

    survey: str | None = Field(
        None, description="format of the files, see docs/how-to/formats.md; null finds it by their headers"
    )
    hdu: str | int | None = Field(
        None, description="name or number of the HDU with the image; null finds that of the band"
    )
    zero_point: float | None = unit(
        "mag", "AB magnitude of one unit of the images; null takes that of the file or of its format", default=None
    )
    pixel_scale: PositiveFloat | None = unit(
        "arcsec/pixel", "size of a pixel; null takes that of the file or of its format", default=None
    )
    resample: bool = Field(
        False, description="resample images whose pixels have another size, conserving their flux; false refuses them"
    )
    centre: Literal["position", "brightest", "middle"] | None = Field(
        None,
        description="what the frame is cut about: `position`, (ra, dec) of the list; `brightest`, the brightest object near the"
        " middle; or the `middle` of the image; null takes the position where the list has it, and else the middle",
    )
    fill_up_to: Fraction = Field(
        0.05,
        description="largest fraction of bad pixels in the frame that are filled from their neighbours, and flagged",
    )

    @field_validator("survey")
    @classmethod
    def _known_survey(cls, name: str | None) -> str | None:
        if name is not None:
            known(name, registered("observe/ingest"), "survey format")
        return name


class RealImages(Reading):
    """Real images as a dataset: where they are, and what frame they are brought to."""

    folder: Name = Field(description="key of `images` in config.yaml; the dataset is left out while that path is null")
    like: Name = Field(
        description="key of `datasets`: a simulation as a survey sees it, whose bands, pixels and zero point the images are brought to"
    )
    lenses: Lenses | None = Field(None, description="how many of the images, the first ones; null takes all")
    shard_size: PositiveInt = Field(1000, description="images per shard (one file, one job)")

    @property
    def reading_params(self) -> dict[str, Any]:
        """What decides how each image is read, as plain values: those of :class:`Reading`."""
        return {name: value for name, value in self.params().items() if name in Reading.model_fields}

    @property
    def shards(self) -> list[str]:
        """Names of the shards, ``first-last`` image; there are none until the images are counted."""
        return shard_names(self.lenses or 0, self.shard_size)

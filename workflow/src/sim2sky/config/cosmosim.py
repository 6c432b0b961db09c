"""Simulations by the CosmoSim engine: Gaussian sources behind one lens, in pixels and 8-bit counts."""

from __future__ import annotations

from collections.abc import Collection
from math import floor, inf, isclose
from typing import Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from sim2sky.angles import ANGLE_PERIODS
from sim2sky.config.base import Lenses, Name, Strict, shard_names, unit
from sim2sky.cosmosim import GENERATED, amplitude_names, largest_sigma

Range = tuple[float, float]
_THESIS = GENERATED["thesis"]


class Crop(Strict):
    """Move the centre of light to the centre of the image, then keep the middle."""

    centre: Literal["none", "pixel", "subpixel"] = Field(
        "pixel", description="shift by whole pixels or by fractions of one"
    )
    pixels: PositiveInt = unit("pixel", "side of the image that is kept")


class CosmosimPopulation(Strict):
    """What the lenses of a CosmoSim simulation look like; a range that is not given is the generator's, and the defaults are those of `thesis`."""

    generator: Literal["thesis", "point_mass_2022", "continuous"] = Field(
        "thesis",
        description="thesis: whole numbers, sources no larger than a roulette can show; point_mass_2022: the older one; "
        "continuous: as `thesis`, with real numbers",
    )
    R_E: Range = unit("pixel", "Einstein radius; of point_mass_2022 10 to 50", default=_THESIS["R_E"])
    r: Range = unit(
        "pixel", "distance of the source from the lens; of point_mass_2022 from R_E to 100", default=_THESIS["r"]
    )
    phi: Range = unit("deg", "direction of the source from the lens; of continuous 0 to 360", default=_THESIS["phi"])
    sigma: Range | None = unit(
        "pixel",
        "size of the source, only of point_mass_2022: 1 to 60; the others draw it below the bound",
        default=None,
    )
    sigma2: Range | None = unit("pixel", "second size of the source, only of point_mass_2022: 1 to 40", default=None)
    theta: Range = unit("deg", "orientation of the source; of continuous 0 to 180", default=_THESIS["theta"])
    longer_axis_first: bool = Field(
        False,
        description="sigma is the larger of the two sizes; otherwise every image has two sets of labels, the other with "
        "sizes swapped and theta turned by 90 degrees, which no network can tell apart",
    )
    chi: Range = unit(
        "1",
        "ratio of the distances to lens and source, in whole per cent unless continuous; of point_mass_2022 0.3 to 0.7",
        default=_THESIS["chi"],
    )
    smallest_sigma: PositiveFloat = unit(
        "pixel", "smallest source; where the bound is below it, R_E and r are drawn again", default=5
    )
    redraw_from: PositiveFloat = unit("pixel", "smallest r when drawn again", default=28)
    ellipse_ratio: Range = unit("1", "axis ratio of an SIE", default=(0.5, 0.95))
    orientation: Range = unit("deg", "orientation of an SIE", default=(0, 179))

    @model_validator(mode="before")
    @classmethod
    def _ranges_of_the_generator(cls, value: Any) -> Any:
        """Fill in the generator's ranges where none is given, or null.

        They are written out, so that they are among the ``params`` of a rule.
        """
        name = value.get("generator", "thesis") if isinstance(value, dict) else None
        if not isinstance(name, str) or name not in GENERATED:
            return value
        return GENERATED[name] | {key: given for key, given in value.items() if given is not None}

    @model_validator(mode="after")
    def _ordered(self) -> CosmosimPopulation:
        bounded = self.generator != "point_mass_2022"
        names = ["R_E", "r", "phi", "theta", "chi", "ellipse_ratio", "orientation"]
        for name in names + ([] if bounded else ["sigma", "sigma2"]):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name}: low {low:g} is above high {high:g}")
            scale, what = (100, "whole per cent") if name == "chi" else (1, "whole numbers")
            whole = all(isclose(scale * end, round(scale * end), abs_tol=1e-9) for end in (low, high))
            if self.generator != "continuous" and name != "ellipse_ratio" and not whole:
                raise ValueError(f"{name}: {self.generator} draws {what}, not from {low:g} to {high:g}")
            if high - low > ANGLE_PERIODS.get(name, inf):
                raise ValueError(
                    f"{name}: from {low:g} to {high:g} one image has several labels; it repeats after "
                    f"{ANGLE_PERIODS[name]:g}"
                )
            if name in ("R_E", "sigma", "sigma2", "chi", "ellipse_ratio") and low <= 0:
                raise ValueError(f"{name}: must be drawn from positive values")
        if self.r[0] < 0:
            raise ValueError("r: a distance is not negative")
        if max(self.chi[1], self.ellipse_ratio[1]) > 1:
            raise ValueError("chi, ellipse_ratio: at most 1")
        if bounded:
            self._check_bound()
        elif self.R_E[1] > self.r[1]:
            raise ValueError("r: its largest value is below that of R_E, which it starts from")
        else:
            for name in ("smallest_sigma", "redraw_from"):
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(f"{name}: has no effect here; {self.generator} draws sigma and sigma2 from ranges")
        return self

    def _check_bound(self) -> None:
        """Sizes that are drawn below a bound have no range, and the bound must leave room for them."""
        for name in ("sigma", "sigma2"):
            if getattr(self, name) is not None:
                raise ValueError(f"{name}: {self.generator} draws it below its bound; only point_mass_2022 has a range")
        for name in ("smallest_sigma", "redraw_from") if self.generator == "thesis" else ():
            if getattr(self, name) % 1:
                raise ValueError(f"{name}: thesis draws whole numbers, not from {getattr(self, name):g}")
        bound = largest_sigma(self.R_E[1], self.redraw_from)
        if bound < self.smallest_sigma:
            text = f"at R_E {self.R_E[1]:g} sources must stay below {bound:.3g}"
            raise ValueError(f"redraw_from: {text}, which is less than smallest_sigma; it must be larger")
        if self.r[1] < self.redraw_from:
            raise ValueError("redraw_from: is above the largest r")

    def fixed(self, spherical: bool) -> set[str]:
        """Parameters that have one value in all lenses, the source being `spherical` or not; its position as r, phi, x and y."""
        found = {name for name in ("R_E", "phi", "theta", "chi", "ellipse_ratio", "orientation") if self._one(name)}
        if self._farthest_alone():
            found.add("r")
        found |= self._fixed_sizes(spherical)
        # a source on an axis, at whatever distance, has one coordinate of zero
        on_axis = {name for name, angle in (("x", 90), ("y", 0)) if "phi" in found and self.phi[0] % 180 == angle}
        return found | on_axis | ({"x", "y"} if {"r", "phi"} <= found or self.r[1] == 0 else set())

    def _one(self, name: str) -> bool:
        """Whether a range holds one value, as networks see it."""
        return isclose(*getattr(self, name), rel_tol=1e-6)

    def _farthest_alone(self) -> bool:
        """Whether the source is always at the largest distance."""
        if self.generator == "point_mass_2022":  # its distance starts from R_E
            return max(self.R_E[0], self.r[0]) >= self.r[1]
        again = largest_sigma(self.R_E[1], self.r[0]) < self.smallest_sigma
        return self._one("r") and not (again and self.redraw_from < self.r[1])

    def _fixed_sizes(self, spherical: bool) -> set[str]:
        """Which of the sizes of the source have one value."""
        if self.sigma and self.sigma2:
            ranges = [self.sigma, self.sigma2]
        else:
            bound = largest_sigma(self.R_E[0], self.r[1])
            ranges = [(self.smallest_sigma, floor(bound) if self.generator == "thesis" else bound)] * 2
        if self.longer_axis_first:
            lows, highs = zip(*ranges, strict=True)
            ranges = [(max(lows), max(highs)), (min(lows), min(highs))]
        if spherical:
            ranges[1] = ranges[0]
        return {name for name, ends in zip(("sigma", "sigma2"), ranges, strict=True) if isclose(*ends, rel_tol=1e-6)}


class CosmosimSimulation(Strict):
    """Lenses as CosmoSim draws them, made shard by shard."""

    engine: Literal["cosmosim"] = Field(description="tells this kind of simulation from the other")
    lenses: Lenses = Field(description="number of lenses")
    shard_size: PositiveInt = Field(1000, description="lenses per shard (one file, one job)")
    seed: int = Field(1, ge=0, description="root of every random draw of this simulation")
    lens: Literal["point_mass", "sis", "sie"] = Field("sis", description="mass model")
    mode: Literal["raytrace", "roulette"] = Field("roulette", description="exact, or a series about the image")
    terms: int = Field(50, ge=1, le=50, description="of a roulette: degree of the series")
    mask: Literal["none", "circle", "convergence"] = Field(
        "none",
        description="of a roulette: keep all, the circle that reaches to the lens (CosmoSim's), or where the series "
        "converges; true is `convergence`, and the last two differ for an SIE alone",
    )
    source: Literal["spherical", "ellipse"] = Field("ellipse", description="shape of the source")
    chi: float | None = unit(
        "1", "ratio of the distances to lens and source; null draws it from the population's", gt=0, le=1, default=None
    )
    truncate: bool = Field(False, description="sample the source at whole pixels, as CosmoSim does")
    reference_axes: bool = Field(False, description="draw a cross through the centre, as CosmoSim does on request")
    image_pixels: PositiveInt = unit("pixel", "side of the image, which the lens is the centre of", default=1000)
    crop: Crop | None = Field(None, description="keep the middle of the centred image; null keeps all")
    downscale: PositiveInt | None = unit(
        "pixel", "side to which the image is then averaged; null leaves it", default=None
    )
    pixel_scale: PositiveFloat | None = unit(
        "arcsec/pixel", "size of a pixel of the finished image; needed if a survey observes it", default=None
    )
    band: Name = Field("grey", description="name of the one band; a survey that observes it must have it")
    amplitudes: int = Field(
        0, ge=0, le=50, description="largest m of the roulette amplitudes kept with each lens; 0 keeps none"
    )
    population: CosmosimPopulation = CosmosimPopulation()

    @model_validator(mode="before")
    @classmethod
    def _mask_is_convergence(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(mask := value.get("mask"), bool):
            return value | {"mask": "convergence" if mask else "none"}
        return value

    @model_validator(mode="after")
    def _fits(self) -> CosmosimSimulation:
        kept = self.crop.pixels if self.crop else self.image_pixels
        population, generated = self.population, GENERATED[self.population.generator]
        if kept > self.image_pixels:
            raise ValueError(f"crop.pixels: cannot keep {kept} of {self.image_pixels} pixels")
        if self.downscale and self.downscale > kept:
            raise ValueError(f"downscale: cannot average {kept} pixels to {self.downscale}")
        if self.mask != "none" and self.mode == "raytrace":
            raise ValueError("mask: a raytraced image has none; it belongs to `mode: roulette`")
        for name, owner, unused in [
            ("terms", "mode: roulette", self.mode == "raytrace" and self.terms != 50),
            ("population.ellipse_ratio", "lens: sie", self.lens != "sie" and population.ellipse_ratio != (0.5, 0.95)),
            ("population.orientation", "lens: sie", self.lens != "sie" and population.orientation != (0, 179)),
            ("population.chi", "chi: null", self.chi is not None and population.chi != generated["chi"]),
        ]:
            if unused:
                raise ValueError(f"{name}: has no effect here; it belongs to `{owner}`")
        return self

    @property
    def pixels(self) -> int:
        """Side of the finished image."""
        return self.downscale or (self.crop.pixels if self.crop else self.image_pixels)

    @property
    def bands(self) -> list[str]:
        """Names of the bands: just one."""
        return [self.band]

    @property
    def shards(self) -> list[str]:
        """Names of the shards, ``first-last`` lens."""
        return shard_names(self.lenses, self.shard_size)

    @property
    def label_pixel(self) -> float:
        """Size of an image's pixel in the unit of lengths among the parameters: pixels as simulated, which `downscale` averages."""
        return (self.crop.pixels if self.crop else self.image_pixels) / self.pixels

    @property
    def fixed(self) -> set[str]:
        """Those of `parameters` that have one value in all lenses."""
        found = self.population.fixed(self.source == "spherical") | ({"chi"} if self.chi is not None else set())
        nought = []  # a point mass has no convergence, and its amplitudes with s <= m are zero
        if self.lens == "point_mass":
            nought = [name for name, m, s in amplitude_names(self.amplitudes) if s <= m]
        if {"x", "y", "R_E", "chi"} <= found and (self.lens != "sie" or {"ellipse_ratio", "orientation"} <= found):
            nought = [name for name, *_ in amplitude_names(self.amplitudes)]
        return {*found, *nought} & self.parameters.keys()

    @property
    def unseen(self) -> dict[str, str]:
        """Those of `parameters` that vary but that no image shows, each with the reason."""
        return {"theta": "its sources are round"} if self.source == "spherical" else {}

    def lacking(self, given: Collection[str]) -> list[str]:
        """Parameters that an image needs and that are not `given`, follow from these, or have one value in all images."""
        found = {*given}
        found |= self.fixed & {"chi"}
        if self.source == "spherical" and "sigma" in found:
            found |= {"sigma2", "theta"}
        if {"r", "phi"} <= found:
            found |= {"x", "y"}
        lens = ("ellipse_ratio", "orientation") if self.lens == "sie" else ()
        return [name for name in ("x", "y", "R_E", "sigma", "sigma2", "theta", "chi", *lens) if name not in found]

    @property
    def parameters(self) -> dict[str, str]:
        """Names of the per-lens parameters in a shard, each with its unit: what a network may regress."""
        units = {"x": "pixel", "y": "pixel", "r": "pixel", "phi": "deg", "R_E": "pixel", "sigma": "pixel"}
        units |= {"sigma2": "pixel", "theta": "deg", "chi": "1"}
        if self.lens == "sie":
            units |= {"ellipse_ratio": "1", "orientation": "deg"}
        return units | {name: f"pixel^{1 - m}" for name, m, _ in amplitude_names(self.amplitudes)}

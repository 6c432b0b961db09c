"""Lenses and sources of CosmoSim's conventions, lengths in pixels: what is common to all ways of drawing them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from sim2sky.lensing.mass import kormann_deflection, point_mass_deflection, sis_deflection

Pair = tuple[Tensor, Tensor]
_COSMOSIM_TOLERANCE = 0.02  # pixels between iterations at which CosmoSim takes the image of an SIE's source as found


@dataclass(frozen=True)
class Optics:
    """How images are made; all of it is the same for all lenses of a batch.

    Parameters
    ----------
    lens : {"point_mass", "sis", "sie"}
        Mass model.
    mode : {"raytrace", "roulette"}
        Whether the deflection is exact, or a series about the image of the source's centre.
    terms : int
        Degree of a roulette, 1 to 50.
    mask : {"none", "circle", "convergence"}
        What of a roulette is kept: all, the circle about the image of the source's centre that reaches to the lens
        (CosmoSim's), or where the series converges, which for an SIE is a part of that circle.
    source : {"spherical", "ellipse"}
        Shape of the source.
    truncate : bool
        Sample the source as CosmoSim does, at whole pixels, rounded towards the upper left, of an 8-bit image of it
        that was turned with linear interpolation.
    """

    lens: str
    mode: str = "raytrace"
    terms: int = 50
    mask: str = "none"
    source: str = "ellipse"
    truncate: bool = False

    @property
    def dtype(self) -> torch.dtype:
        """Truncation tells two pixels apart wherever they are closest, which takes double precision."""
        return torch.float64 if self.truncate else torch.float32


class Scene(NamedTuple):
    """Parameters of lenses, each of shape (lens,), in pixels and radians, ready for use."""

    x: Tensor
    y: Tensor
    R: Tensor
    sigma: Tensor
    sigma2: Tensor
    theta: Tensor
    ratio: Tensor
    angle: Tensor
    nu_x: Tensor
    nu_y: Tensor

    @classmethod
    def of(cls, parameters: Mapping[str, Tensor], optics: Optics) -> Scene:
        """Lenses ready to be rendered; `parameters` as for :func:`sim2sky.lensing.cosmosim.render`."""
        p = {name: value.double() for name, value in parameters.items()}
        x, y, sigma = p["x"], p["y"], p["sigma"]
        R = p["R_E"] / p["chi"]
        sigma2 = p["sigma2"] if optics.source == "ellipse" else sigma
        theta = torch.deg2rad(p["theta"]) if optics.source == "ellipse" else torch.zeros_like(x)
        ratio, angle = torch.ones_like(x), torch.zeros_like(x)
        if optics.lens == "sie":
            ratio, angle = p["ellipse_ratio"], torch.deg2rad(p["orientation"])
        nu = apparent_position(optics.lens, x, y, R, ratio, angle, _COSMOSIM_TOLERANCE if optics.truncate else 1e-9)
        return cls(x, y, R, sigma, sigma2, theta, ratio, angle, *nu)

    def take(self, index: Tensor, dtype: torch.dtype) -> Scene:
        """Those of lenses `index`, to be broadcast over the pixels of blocks."""
        return Scene(*(value[index].to(dtype)[:, None, None] for value in self))


def apparent_position(
    lens: str, x: Tensor, y: Tensor, R: Tensor, ratio: Tensor, angle: Tensor, tolerance: float = 1e-9
) -> Pair:
    """Where the centre of the source is seen on its own side of the lens.

    Parameters
    ----------
    lens : {"point_mass", "sis", "sie"}
        Mass model.
    x, y : Tensor
        Centre of the source [pixel]; behind the lens itself, the direction of x is taken.
    R : Tensor
        Einstein radius [pixel].
    ratio, angle : Tensor
        Axis ratio and orientation [rad] of an SIE, for which the lens equation is iterated.
    tolerance : float
        Change at which the iteration stops [pixel].

    Returns
    -------
    nu_x, nu_y : Tensor
        In pixels.
    """
    distance = torch.sqrt(x * x + y * y)
    cos, sin = torch.where(distance > 0, x / distance, 1.0), torch.where(distance > 0, y / distance, 0.0)
    if lens == "point_mass":
        radius = distance / 2 + torch.sqrt(distance * distance / 4 + R * R)
        return radius * cos, radius * sin
    if lens == "sis":
        return x + R * cos, y + R * sin
    nu = (torch.where(distance > 0, x, 1e-6), y)
    moving = torch.ones_like(x, dtype=torch.bool)
    for _ in range(1000):
        alpha = kormann_deflection(*nu, R, ratio, angle)
        new = (x + alpha[0], y + alpha[1])
        change = torch.hypot(new[0] - nu[0], new[1] - nu[1])
        nu = (torch.where(moving, new[0], nu[0]), torch.where(moving, new[1], nu[1]))
        moving = moving & (change >= tolerance)
        if not moving.any():
            break
    return nu


def deflection(scene: Scene, optics: Optics, x: Tensor, y: Tensor) -> Pair:
    """Deflection at `x`, `y` [pixel]; not finite on the lens."""
    if optics.lens == "point_mass":
        return point_mass_deflection(x, y, scene.R)
    if optics.lens == "sis":
        return sis_deflection(x, y, scene.R)
    return kormann_deflection(x, y, scene.R, scene.ratio, scene.angle)


def elliptic_radius(scene: Scene, x: Tensor, y: Tensor) -> Tensor:
    """sqrt(x^2 + f^2 y^2) along the axes of an SIE: the same on lines of equal surface density."""
    cos, sin = torch.cos(scene.angle), torch.sin(scene.angle)
    return torch.hypot(cos * x + sin * y, scene.ratio * (cos * y - sin * x))

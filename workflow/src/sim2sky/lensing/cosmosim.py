"""Images as CosmoSim makes them: lengths in pixels, the lens at the origin, a Gaussian source, 8 bits.

Schaathun et al., CosmoSim 3.3.0 (https://github.com/CosmoAI-AES/CosmoSim). Pixel (row, col) of N x N is at
(col - N/2, N/2 - row). Only the pixels that light can reach are computed: the image is cut into blocks, and a block is
left dark if the source stays out of reach of the lens map at its centre, by a bound on how far the map can go within it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from sim2sky.lensing.mass import kormann_deflection, point_mass_deflection, sis_deflection
from sim2sky.lensing.roulette import Pair, point_mass_series, sie_series, sis_series

BLOCK = 8  # side of a block; its 64 pixels fill vector registers, whichever block it follows
_HALF_DIAGONAL = (BLOCK - 1) / math.sqrt(2)
_REACH = math.sqrt(2 * math.log(2 * 255)) + 1e-3  # standard deviations of the source within which a count is not 0
_CHUNK = 256  # blocks computed at once: 64 or 128 kB per array, which stay in the cache of a core
_CHUNK_GPU = 65536
_COSMOSIM_TOLERANCE = 0.02  # pixels between iterations at which CosmoSim takes the image of an SIE's source as found


@dataclass(frozen=True)
class Optics:
    """How images are made; all of it is the same for all lenses of a batch.

    Parameters
    ----------
    lens : {"point_mass", "sis", "sie"}
    mode : {"raytrace", "roulette"}
    terms : int
        Degree of a roulette, 1 to 50.
    mask : {"none", "circle", "convergence"}
        What of a roulette is kept: all, the circle about the image of the source's centre that reaches to the lens
        (CosmoSim's), or where the series converges, which for an SIE is a part of that circle.
    source : {"spherical", "ellipse"}
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
        """Make ready; `parameters` as for :func:`render`."""
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
        nu = tuple(torch.where(moving, ours, old) for ours, old in zip(new, nu, strict=True))
        moving = moving & (change >= tolerance)
        if not moving.any():
            break
    return nu


def render(parameters: Mapping[str, Tensor], optics: Optics, pixels: int) -> Tensor:
    """8-bit images of lenses.

    Parameters
    ----------
    parameters : mapping of str to Tensor, each of shape (lens,)
        ``x, y`` (centre of the source), ``R_E``, ``sigma``, ``sigma2`` [pixel], ``theta`` [deg] (of ``sigma``'s axis),
        ``chi`` (the lens is as strong as one with chi = 1 and the Einstein radius R_E / chi), and of an SIE
        ``ellipse_ratio`` and ``orientation`` [deg]. Others are ignored.
    optics : Optics
        How.
    pixels : int
        Side of the images.

    Returns
    -------
    Tensor, shape (lens, y, x), uint8
        255 at the centre of the source; the pixel on the lens is dark when raytraced.

    Notes
    -----
    A lens is the same bytes in whatever batch, if torch runs one thread.
    """
    scene = Scene.of(parameters, optics)
    side = -(-pixels // BLOCK)
    canvas = torch.zeros(len(scene.x), side, BLOCK, side, BLOCK, dtype=torch.uint8, device=scene.x.device)
    line = torch.arange(BLOCK, device=scene.x.device, dtype=optics.dtype)
    for lens, row, col in lit_blocks(scene, optics, pixels):
        chosen = scene.take(lens, optics.dtype)
        x = (col * BLOCK - pixels / 2).to(optics.dtype)[:, None, None] + line[None, None, :]
        y = (pixels / 2 - row * BLOCK).to(optics.dtype)[:, None, None] - line[None, :, None]
        x, y = (axis.expand(-1, BLOCK, BLOCK).contiguous() for axis in (x, y))
        source, seen = lens_map(chosen, optics, x, y)
        counts = sampled_counts if optics.truncate else smooth_counts
        canvas[lens, row, :, col, :] = counts(chosen, optics, *source, pixels).mul_(seen)
    return canvas.view(-1, side * BLOCK, side * BLOCK)[:, :pixels, :pixels]


def lens_map(scene: Scene, optics: Optics, x: Tensor, y: Tensor) -> tuple[Pair, Tensor]:
    """From the image plane to the source.

    Parameters
    ----------
    scene : Scene
        Of shapes that broadcast with `x`.
    optics : Optics
    x, y : Tensor
        Where, in the image plane [pixel].

    Returns
    -------
    (X, Y) : pair of Tensor
        Position relative to the centre of the source [pixel]; not finite on the lens.
    seen : Tensor of bool
        False where a mask covers the image.
    """
    if optics.mode == "raytrace":
        alpha = _deflection(scene, optics, x, y)
        return (x - alpha[0] - scene.x, y - alpha[1] - scene.y), torch.isfinite(alpha[0])
    nu = (scene.nu_x, scene.nu_y)
    hx, hy = x - nu[0], y - nu[1]
    square = nu[0] * nu[0] + nu[1] * nu[1]
    a = ((hx * nu[0] + hy * nu[1]) / square, (hy * nu[0] - hx * nu[1]) / square)
    if optics.lens == "point_mass":
        alpha = point_mass_series(a, nu, scene.R, optics.terms)
    elif optics.lens == "sis":
        alpha = sis_series(a, nu, scene.R, optics.terms)
    else:
        alpha = sie_series(a, nu, scene.R, scene.ratio, scene.angle, optics.terms)
    return (hx - alpha[0], hy - alpha[1]), _within_mask(scene, optics, hx, hy)


def _deflection(scene: Scene, optics: Optics, x: Tensor, y: Tensor) -> Pair:
    if optics.lens == "point_mass":
        return point_mass_deflection(x, y, scene.R)
    if optics.lens == "sis":
        return sis_deflection(x, y, scene.R)
    return kormann_deflection(x, y, scene.R, scene.ratio, scene.angle)


def _within_mask(scene: Scene, optics: Optics, hx: Tensor, hy: Tensor) -> Tensor:
    if optics.mask == "none":
        return torch.ones_like(hx, dtype=torch.bool)
    seen = torch.sqrt(hx * hx + hy * hy) <= torch.sqrt(scene.nu_x**2 + scene.nu_y**2)
    if optics.mask == "convergence" and optics.lens == "sie":
        seen &= _elliptic_radius(scene, hx, hy) <= _elliptic_radius(scene, scene.nu_x, scene.nu_y)
    return seen


def _elliptic_radius(scene: Scene, x: Tensor, y: Tensor) -> Tensor:
    """sqrt(x^2 + f^2 y^2) along the axes of an SIE: the same on lines of equal surface density."""
    cos, sin = torch.cos(scene.angle), torch.sin(scene.angle)
    return torch.hypot(cos * x + sin * y, scene.ratio * (cos * y - sin * x))


def smooth_counts(scene: Scene, optics: Optics, X: Tensor, Y: Tensor, pixels: int) -> Tensor:
    """The source where it is met: ``round(255 exp(-(u^2/sigma^2 + v^2/sigma2^2) / 2))``, u along `theta`."""
    cos, sin = torch.cos(scene.theta), torch.sin(scene.theta)
    u, v = (cos * X + sin * Y).div_(scene.sigma), (cos * Y - sin * X).div_(scene.sigma2)
    exponent = u.square_().addcmul_(v, v).mul_(-0.5)
    return torch.nan_to_num_(exponent.exp_().mul_(255).add_(0.5), nan=0.0).to(torch.uint8)


def sampled_counts(scene: Scene, optics: Optics, X: Tensor, Y: Tensor, pixels: int) -> Tensor:
    """The source at the pixel of its image, `pixels` wide, that is met; what is outside that image is dark."""
    col, row = torch.floor(X + pixels / 2), torch.floor(pixels / 2 - Y)
    inside = (col >= 0) & (row >= 0) & (col < pixels - 1) & (row < pixels - 1)
    X, Y = torch.where(inside, col, 0.0) - pixels // 2, pixels // 2 - torch.where(inside, row, 0.0)
    if optics.source == "spherical":
        value = _profile(X, scene.sigma).mul_(_profile(Y, scene.sigma)).mul_(255).add_(0.5)
        return value.to(torch.uint8).mul_(inside)
    cos, sin = torch.cos(scene.theta), torch.sin(scene.theta)
    corners = [
        [(weight, _profile(at, sigma)) for weight, at in _neighbours(axis)]
        for axis, sigma in ((cos * X + sin * Y, scene.sigma), (sin * X - cos * Y, scene.sigma2))
    ]
    value = torch.full_like(X, 0.5)
    for weight_u, profile_u in corners[0]:
        for weight_v, profile_v in corners[1]:
            value.addcmul_(weight_u * weight_v, torch.floor((profile_u * profile_v).mul_(255).add_(0.5)))
    return value.to(torch.uint8).mul_(inside)


def _profile(at: Tensor, sigma: Tensor) -> Tensor:
    return (at / sigma).square_().mul_(-0.5).exp_()


def _neighbours(axis: Tensor) -> Iterator[Pair]:
    """The whole numbers on both sides, each with its weight in linear interpolation."""
    axis = torch.round(axis * 32) / 32  # OpenCV's resolution
    below = torch.floor(axis)
    fraction = axis - below
    yield 1 - fraction, below
    yield fraction, below + 1


def lit_blocks(scene: Scene, optics: Optics, pixels: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Lens, row and column of all blocks that light may reach, some at a time."""
    side = -(-pixels // BLOCK)
    line = torch.arange(side, device=scene.x.device, dtype=torch.float64) * BLOCK + (BLOCK - 1) / 2
    x, y = (line - pixels / 2)[None, None, :], (pixels / 2 - line)[None, :, None]
    wide = Scene(*(value[:, None, None] for value in scene))
    alpha = _deflection(wide, optics, x, y)
    X, Y = x - alpha[0] - wide.x, y - alpha[1] - wide.y
    cos, sin = torch.cos(wide.theta), torch.sin(wide.theta)
    distance = torch.hypot((cos * X + sin * Y) / wide.sigma, (cos * Y - sin * X) / wide.sigma2)
    radius = torch.hypot(x, y)
    slack = _stretch(wide, optics, radius) + (3.0 if optics.truncate else 0.01)
    lit = ~(distance - slack / torch.minimum(wide.sigma, wide.sigma2) > _REACH)  # also where that is not a number
    if optics.mode == "roulette":
        away, reach = torch.hypot(x - wide.nu_x, y - wide.nu_y), torch.hypot(wide.nu_x, wide.nu_y)
        slack = slack + _remainder(wide, optics, (away + _HALF_DIAGONAL) / reach)
        lit = ~(distance - slack / torch.minimum(wide.sigma, wide.sigma2) > _REACH)
        if optics.mask != "none":
            lit &= away - _HALF_DIAGONAL <= reach + 0.01
    index = torch.nonzero(lit).T
    step = _CHUNK_GPU if index.is_cuda else _CHUNK
    return zip(*(part.split(step) for part in index), strict=True)


def _stretch(scene: Scene, optics: Optics, radius: Tensor) -> Tensor:
    """How far from the map of a block's centre, at `radius`, that of another of its pixels can be [pixel]."""
    nearest = (radius - _HALF_DIAGONAL).clamp(min=1e-9)
    if optics.lens == "point_mass":
        return _HALF_DIAGONAL * (1 + (scene.R / nearest) ** 2)
    # the eigenvalues of the map of an isothermal lens are 1 and 1 - 2 kappa
    steepest = (scene.R / torch.sqrt(scene.ratio) / nearest - 1).clamp(min=1)
    largest = 2 * scene.R * math.sqrt(2) / scene.ratio  # |alpha| < R / f
    return torch.minimum(_HALF_DIAGONAL * steepest, _HALF_DIAGONAL + largest)


def _remainder(scene: Scene, optics: Optics, rho: Tensor) -> Tensor:
    """Bound on what is left out of a series, [pixel], where |a| <= `rho`."""
    scale = 2 * scene.R
    if optics.lens == "sie":
        rho = rho * torch.hypot(scene.nu_x, scene.nu_y) / _elliptic_radius(scene, scene.nu_x, scene.nu_y)
    bound = scale * rho ** (optics.terms + 1) / (1 - rho)
    return torch.where(rho < 1, bound, math.inf)

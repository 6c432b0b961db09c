"""Images as CosmoSim makes them: lengths in pixels, the lens at the origin, a Gaussian source, 8 bits.

Schaathun et al., CosmoSim 3.3.0 (https://github.com/CosmoAI-AES/CosmoSim). Pixel (row, col) of N x N is at
(col - N/2, N/2 - row). Only the pixels that light can reach are computed: the image is cut into blocks, and a block is
left dark if the source stays out of reach of the lens map at its centre, by a bound on how far the map can go within it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from sim2sky.lensing.reach import BLOCK, lit_blocks
from sim2sky.lensing.roulette import point_mass_series, sie_series, sis_series
from sim2sky.lensing.scene import Optics, Pair, Scene, deflection, elliptic_radius


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
        How.
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
        alpha = deflection(scene, optics, x, y)
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


def _within_mask(scene: Scene, optics: Optics, hx: Tensor, hy: Tensor) -> Tensor:
    """Where the mask lets an image be seen, at `hx`, `hy` from the image of the source's centre."""
    if optics.mask == "none":
        return torch.ones_like(hx, dtype=torch.bool)
    seen = torch.sqrt(hx * hx + hy * hy) <= torch.sqrt(scene.nu_x**2 + scene.nu_y**2)
    if optics.mask == "convergence" and optics.lens == "sie":
        seen &= elliptic_radius(scene, hx, hy) <= elliptic_radius(scene, scene.nu_x, scene.nu_y)
    return seen


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
    """A Gaussian of height 1."""
    return (at / sigma).square_().mul_(-0.5).exp_()


def _neighbours(axis: Tensor) -> Iterator[Pair]:
    """The whole numbers on both sides, each with its weight in linear interpolation."""
    axis = torch.round(axis * 32) / 32  # OpenCV's resolution
    below = torch.floor(axis)
    fraction = axis - below
    yield 1 - fraction, below
    yield fraction, below + 1

"""Which parts of an image light can reach: blocks of pixels that need not be computed are found from their centres."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from sim2sky.lensing.scene import Optics, Scene, deflection, elliptic_radius

BLOCK = 8  # side of a block; its 64 pixels fill vector registers, whichever block it follows
_HALF_DIAGONAL = (BLOCK - 1) / math.sqrt(2)
_REACH = math.sqrt(2 * math.log(2 * 255)) + 1e-3  # standard deviations of the source within which a count is not 0
_CHUNK = 256  # blocks computed at once: 64 or 128 kB per array, which stay in the cache of a core
_CHUNK_GPU = 65536


def lit_blocks(scene: Scene, optics: Optics, pixels: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Lens, row and column of all blocks that light may reach, some at a time."""
    side = -(-pixels // BLOCK)
    line = torch.arange(side, device=scene.x.device, dtype=torch.float64) * BLOCK + (BLOCK - 1) / 2
    x, y = (line - pixels / 2)[None, None, :], (pixels / 2 - line)[None, :, None]
    wide = Scene(*(value[:, None, None] for value in scene))
    alpha = deflection(wide, optics, x, y)
    X, Y = x - alpha[0] - wide.x, y - alpha[1] - wide.y
    cos, sin = torch.cos(wide.theta), torch.sin(wide.theta)
    distance = torch.hypot((cos * X + sin * Y) / wide.sigma, (cos * Y - sin * X) / wide.sigma2)
    slack = _stretch(wide, optics, torch.hypot(x, y)) + (3.0 if optics.truncate else 0.01)
    if optics.mode == "roulette":
        away, reach = torch.hypot(x - wide.nu_x, y - wide.nu_y), torch.hypot(wide.nu_x, wide.nu_y)
        slack = slack + _remainder(wide, optics, (away + _HALF_DIAGONAL) / reach)
    lit = ~(distance - slack / torch.minimum(wide.sigma, wide.sigma2) > _REACH)  # also where that is not a number
    if optics.mode == "roulette" and optics.mask != "none":
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
        rho = rho * torch.hypot(scene.nu_x, scene.nu_y) / elliptic_radius(scene, scene.nu_x, scene.nu_y)
    bound = scale * rho ** (optics.terms + 1) / (1 - rho)
    return torch.where(rho < 1, bound, math.inf)

"""From parameters to images: grids of pixels, and the light that reaches them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from sim2sky.lensing import cusp
from sim2sky.lensing.light import Sersic, magnitude_to_flux
from sim2sky.lensing.mass import SIE, shear_deflection

Model = TypeVar("Model", SIE, Sersic)
_MASS = ("theta_E", "e1", "e2", "center_x", "center_y")
_LIGHT = ("R_sersic", "n_sersic", "e1", "e2", "center_x", "center_y")
# Sub-pixels that are computed at once: enough to make the cost of calling an operator small, few enough to keep the
# intermediate images, of 256 kB each, in the cache of a core.
_CHUNK = 65536


def pixel_grid(
    pixels: int,
    pixel_scale: float,
    supersampling: int = 1,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> tuple[Tensor, Tensor]:
    """Coordinates of the centres of all (sub-)pixels of a square image whose centre is (0, 0).

    Parameters
    ----------
    pixels : int
        Side of the image.
    pixel_scale : float
        Size of a pixel [arcsec].
    supersampling : int
        Sub-pixels per pixel and axis.
    dtype, device : optional
        Of the coordinates; by default those of torch.

    Returns
    -------
    x : Tensor, shape (1, pixels * supersampling)
        Coordinates along a row [arcsec].
    y : Tensor, shape (pixels * supersampling, 1)
        Coordinates along a column [arcsec]. Lines, not full images: what depends on one of them only stays cheap.
    """
    count = pixels * supersampling
    line = (torch.arange(count, dtype=torch.float64) - (count - 1) / 2) * (pixel_scale / supersampling)
    line = line.to(device, dtype or torch.get_default_dtype())
    return line[None, :], line[:, None]


def render(
    parameters: Mapping[str, Tensor],
    pixels: int,
    pixel_scale: float,
    supersampling: int = 1,
    zero_point: float = 30.0,
    *,
    integrate_cusps: bool = True,
) -> tuple[Tensor, Tensor]:
    """Images of lenses: an SIE with external shear, Sersic light of lens and source, no point-spread function.

    Parameters
    ----------
    parameters : mapping of str to Tensor, each of shape (lens,)
        lenstronomy's names; those of the mass (``theta_E, e1, e2, center_x, center_y, gamma1, gamma2``) bare, those of
        the light (``magnitude, R_sersic, n_sersic, e1, e2, center_x, center_y``) with the prefix ``lens_light_`` or
        ``source_light_``. Others are ignored. The images have their type and device.
    pixels : int
        Side of the image.
    pixel_scale : float
        Size of a pixel [arcsec].
    supersampling : int
        Sub-pixels per pixel and axis that are averaged.
    zero_point : float
        Magnitude that gives one count per second.
    integrate_cusps : bool
        Give the pixels at the centre of a profile the mean over their area, as :mod:`sim2sky.lensing.cusp` says.
        Otherwise all are sampled at the middles of their sub-pixels, as by lenstronomy.

    Returns
    -------
    lens_light, lensed_source : Tensor, shape (lens, y, x)
        Flux per pixel [counts/s].
    """
    p = {name: value[:, None, None] for name, value in parameters.items()}
    count, like = len(p["theta_E"]), p["theta_E"]
    mass = SIE.of(*(p[name] for name in _MASS))
    lens, source = (
        Sersic.of(
            magnitude_to_flux(p[f"{light}_magnitude"], zero_point) * pixel_scale**2,  # per pixel
            *(p[f"{light}_{name}"] for name in _LIGHT),
        )
        for light in ("lens_light", "source_light")
    )
    x, y = pixel_grid(pixels, pixel_scale, supersampling, dtype=like.dtype, device=like.device)
    images = like.new_empty(2, count, pixels, pixels)
    step = max(1, _CHUNK // (pixels * supersampling) ** 2)
    shear = zip(p["gamma1"].split(step), p["gamma2"].split(step), strict=True)
    chunks = zip(
        images.split(step, 1), _split(mass, step), shear, _split(lens, step), _split(source, step), strict=True
    )
    size = pixel_scale / supersampling
    near = [cusp.find_seen(lens, x, y, size)] if integrate_cusps else []
    within = cusp.reach(source, cusp.SOURCE, size).split(step)
    for chunk, (image, mass, gamma, lens_part, source_part) in enumerate(chunks):
        mass_x, mass_y = mass.deflection(x, y)
        shear_x, shear_y = shear_deflection(x, y, *gamma)
        rays = x - mass_x.add_(shear_x), y - mass_y.add_(shear_y)
        if integrate_cusps:
            image[0] = _average(lens_part.brightness_at(lens_part.square_radius(x, y)), supersampling)
            square = source_part.square_radius(*rays)
            near.append(cusp.find_lensed(chunk * step, within[chunk], *rays, square))
            image[1] = _average(source_part.brightness_at(square), supersampling)
        else:
            image[0] = _average(lens_part.brightness(x, y), supersampling)
            image[1] = _average(source_part.brightness(*rays), supersampling)
    if integrate_cusps:
        cusp.integrate(images, near, (lens, source), size, supersampling)
    return images[0], images[1]


def _split(model: Model, step: int) -> list[Model]:
    """Cut a batch of models into batches of `step` lenses."""
    return [type(model)(*constants) for constants in zip(*(constant.split(step) for constant in model), strict=True)]


def _average(image: Tensor, supersampling: int) -> Tensor:
    """Mean over the sub-pixels of each pixel."""
    return avg_pool2d(image, supersampling) if supersampling > 1 else image

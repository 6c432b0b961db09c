"""From parameters to images: grids of pixels, and the light that reaches them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from sim2sky.lensing.light import magnitude_to_flux, sersic_brightness
from sim2sky.lensing.mass import shear_deflection, sie_deflection

_LIGHT = ("R_sersic", "n_sersic", "e1", "e2", "center_x", "center_y")


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

    Returns
    -------
    x : Tensor, shape (1, pixels * supersampling)
        Coordinates along a row [arcsec].
    y : Tensor, shape (pixels * supersampling, 1)
        Coordinates along a column [arcsec]. Two lines, not two full images: what depends on one of them only stays cheap.
    """
    count = pixels * supersampling
    line = (torch.arange(count, dtype=torch.float64) - (count - 1) / 2) * (pixel_scale / supersampling)
    line = line.to(device, dtype or torch.get_default_dtype())
    return line[None, :], line[:, None]


def render(
    parameters: Mapping[str, Tensor], pixels: int, pixel_scale: float, supersampling: int = 1, zero_point: float = 30.0
) -> tuple[Tensor, Tensor]:
    """Images of lenses: an SIE with external shear, Sersic light of the lens and of the source, no point-spread function.

    Parameters
    ----------
    parameters : mapping of str to Tensor, each of shape (lens,)
        lenstronomy's names; those of the mass (``theta_E, e1, e2, center_x, center_y, gamma1, gamma2``) bare, those of the light
        (``magnitude, R_sersic, n_sersic, e1, e2, center_x, center_y``) prefixed with ``lens_light_`` or ``source_light_``. Others
        are ignored. Their type and device are those of the images.
    pixels : int
        Side of the image.
    pixel_scale : float
        Size of a pixel [arcsec].
    supersampling : int
        Sub-pixels per pixel and axis that are averaged.
    zero_point : float
        Magnitude that gives one count per second.

    Returns
    -------
    lens_light, lensed_source : Tensor, shape (lens, y, x)
        Flux per pixel [counts/s].
    """
    p = {name: value[:, None, None] for name, value in parameters.items()}
    x, y = pixel_grid(pixels, pixel_scale, supersampling, dtype=p["theta_E"].dtype, device=p["theta_E"].device)

    def light(prefix: str, x: Tensor, y: Tensor) -> Tensor:
        flux_per_area = magnitude_to_flux(p[f"{prefix}_magnitude"], zero_point) * pixel_scale**2
        image = sersic_brightness(x, y, flux_per_area, *(p[f"{prefix}_{name}"] for name in _LIGHT))
        return avg_pool2d(image, supersampling) if supersampling > 1 else image

    mass_x, mass_y = sie_deflection(x, y, *(p[name] for name in ("theta_E", "e1", "e2", "center_x", "center_y")))
    shear_x, shear_y = shear_deflection(x, y, p["gamma1"], p["gamma2"])
    return light("lens_light", x, y), light("source_light", x - shear_x - mass_x, y - shear_y - mass_y)

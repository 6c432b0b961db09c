"""A survey's camera: what is the same for all of its images, and how it blurs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from sim2sky.config import Survey
from sim2sky.observe.conditions import Conditions
from sim2sky.observe.noise import background_sigma, poisson_sigma
from sim2sky.observe.psf import gaussian_blur, pixel_blur


@dataclass(frozen=True)
class Camera:
    """What of a survey is the same for all images; one value per band where they are arrays."""

    pixel_scale: float  # arcsec
    read_noise: float  # e-
    zero_point: np.ndarray  # mag; counts are electrons there
    exposure_time: np.ndarray  # s
    psf: tuple[
        np.ndarray | None, ...
    ] = ()  # arrays (psf, n, n); none at all, or None for a band whose seeing is Gaussian
    resampled: np.ndarray | None = None  # whether the noise is correlated by a resampling

    @classmethod
    def of(cls, survey: Survey, bands: list[str], psfs: Mapping[str, np.ndarray]) -> Camera:
        """The camera of a survey in some bands; `psfs` are those of the files that it names."""
        chosen = [survey.bands[band] for band in bands]
        zero_point = np.array([band.zero_point for band in chosen])
        exposure_time = np.array([band.exposure_time for band in chosen])
        psf = tuple(psfs[band.psf] if band.psf else None for band in chosen)
        resampled = np.array([band.resampling is not None for band in chosen])
        return cls(survey.pixel_scale, survey.read_noise, zero_point, exposure_time, psf, resampled)

    def blur(self, images: np.ndarray, conditions: Conditions) -> np.ndarray:
        """Images (lens, band, y, x) after the point-spread function."""
        if conditions.psf is None:
            return gaussian_blur(torch.from_numpy(images), conditions.seeing, self.pixel_scale).numpy()
        blurred = np.empty_like(images)
        for band, (stamps, drawn) in enumerate(zip(self.psf, conditions.psf.T, strict=True)):
            if stamps is None:
                one = torch.from_numpy(images[:, [band]]), conditions.seeing[:, [band]]
                blurred[:, [band]] = gaussian_blur(*one, self.pixel_scale).numpy()
            else:
                blurred[:, band] = pixel_blur(images[:, band], stamps[drawn])
        return blurred

    def background(self, noise: str, conditions: Conditions) -> np.ndarray:
        """Standard deviation of the background per pixel, shape (lens, band) [counts/s]; zero where none is wanted."""
        if noise == "none":
            return np.zeros(conditions.seeing.shape)
        return background_sigma(
            noise,
            sky_brightness=conditions.sky_brightness,
            zero_point=self.zero_point,
            num_exposures=conditions.num_exposures,
            exposure_time=self.exposure_time,
            read_noise=self.read_noise,
            pixel_scale=self.pixel_scale,
        )

    def photons(self, noise: str, light: np.ndarray, conditions: Conditions) -> np.ndarray:
        """Standard deviation of the photon noise of `light` (lens, band, y, x) [counts/s]."""
        exposure_time, num_exposures = self.exposure_time[:, None, None], conditions.num_exposures[..., None, None]
        return poisson_sigma(noise, light, exposure_time=exposure_time, num_exposures=num_exposures)

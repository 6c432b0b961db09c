"""The network file that measures by itself: an ensemble with all that an image needs on its way to an estimate with errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 64  # images that pass the networks at once; the last ones are filled up with zeros, so that no bit depends on how many there are


@dataclass(frozen=True)
class About:
    """What a network file says about itself, and of the domain that it is read for.

    Attributes
    ----------
    title, study, run : str
        Title of the study, and where in the configuration the networks come from.
    seeds : tuple of int
        The networks of the ensemble.
    bands : tuple of str
        Bands of the images, in the order of their axis.
    pixels : int
        Side of the square images [pixel].
    pixel_scale : float or None
        [arcsec/pixel]; None for images that lie nowhere on the sky.
    zero_points : tuple of float or None
        Magnitude of one `unit` in each band; None for images without fluxes.
    unit : str
        Of the images: ``counts/s`` or ``8-bit counts``.
    survey : str or None
        Title of the survey whose conditions the domain has.
    parameters : mapping of str to mapping
        ``units`` and ``long_name`` of each parameter, in the order of the estimates.
    population : mapping of str to mapping
        For each parameter ``low``, ``high``, and ``quantiles``, those of the training labels at 0, 0.01, ..., 1.
    domains : mapping of str to mapping
        Domains of the file: ``title``, ``survey``, ``zero_points``, ``labelled``, and ``calibrated_on``, whose labels the calibration is of.
    domain : str
        The one of them that images are measured as.
    sha256 : str
        Checksum of all that is in the file.
    provenance : mapping
        What the file was made from; see :func:`sim2sky.provenance.record.provenance`.
    """

    title: str
    study: str
    run: str
    seeds: tuple[int, ...]
    bands: tuple[str, ...]
    pixels: int
    pixel_scale: float | None
    zero_points: tuple[float, ...] | None
    unit: str
    survey: str | None
    parameters: Mapping[str, Mapping[str, str]]
    population: Mapping[str, Mapping[str, Any]]
    domains: Mapping[str, Mapping[str, Any]]
    domain: str
    sha256: str
    provenance: Mapping[str, Any]


@dataclass(frozen=True)
class Estimates:
    """What the networks say about n images; each parameter in its own unit.

    An angle's quantiles lie about its median, which is in [0, period), so that some are below 0 or above the period.

    Attributes
    ----------
    parameters : tuple of str
        Names, in the order of the axis ``parameters``.
    quantiles, raw_quantiles : ndarray, shape (n, parameters, levels)
        At :data:`sim2sky.models.calibration.LEVELS`, after and before calibration.
    conformal : mapping of float to ndarray, shape (n, parameters, 2)
        Lower and upper end of the split-conformal interval, by the probability that it holds the truth.
    std : ndarray, shape (n, parameters)
        Half of the width between the calibrated quantiles 0.16 and 0.84.
    std_aleatoric, std_epistemic : ndarray, shape (n, parameters)
        Square roots of the mean over the seeds of the variances, and of the variance over the seeds of the means, before calibration.
    distance : ndarray, shape (n,)
        Fraction of the domain's own validation images whose latent features lie farther from the training images': 1 is typical, 0 is
        unlike any of them.
    agreement : ndarray, shape (n,)
        Fraction of the domain's own validation images whose seeds differ more, in units of the aleatoric error: 0 is a disagreement
        larger than any of them. 1 for an ensemble of one.
    """

    parameters: tuple[str, ...]
    quantiles: np.ndarray
    raw_quantiles: np.ndarray
    conformal: Mapping[float, np.ndarray]
    std: np.ndarray
    std_aleatoric: np.ndarray
    std_epistemic: np.ndarray
    distance: np.ndarray
    agreement: np.ndarray

    def __len__(self) -> int:
        """Number of images."""
        return len(self.distance)


class MeasuringNetwork:
    """An ensemble of networks with the statistics, the calibration and the latent distribution of one domain.

    Attributes
    ----------
    about : About
        What the file says.
    """

    about: About

    @classmethod
    def read(cls, path: str | Path, domain: str | None = None) -> MeasuringNetwork:
        """Read a network file, which rule ``calibrate`` writes.

        Parameters
        ----------
        path : path
            Safetensors file.
        domain : str, optional
            The domain that images are of, one of `About.domains`; if not given, the target that the networks adapted to, or their source.

        Raises
        ------
        ValueError
            The file is not readable, damaged, no network file, or has no such domain; the message names it.
        """
        raise NotImplementedError

    def measure(self, images: np.ndarray) -> Estimates:
        """Estimates of the parameters of each image.

        An image gives the same bits alone or among others, at any position, on one machine: the networks take `BATCH` images at a time on
        one thread, and the last ones are filled up.

        Parameters
        ----------
        images : ndarray, shape (n, band, y, x)
            As the domain's, in `About.unit`, not normalised.

        Raises
        ------
        ValueError
            The images have another shape, or pixels that are not finite.
        """
        raise NotImplementedError

"""The network file that measures by itself: an ensemble with all that an image needs on its way to an estimate with errors.

Tensors are ``<seed>/<weight>`` and, for each domain, ``domain/<name>/<what>``; what is said about them is JSON under the key ``measuring``
of the metadata.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch

from sim2sky.config import Recipe, known
from sim2sky.data.images import Statistics, normalise
from sim2sky.losses import create_loss
from sim2sky.models.calibration import LEVELS, Calibration
from sim2sky.models.ensemble import Ensemble, Predictive
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.latent import LatentDistribution, fraction_above
from sim2sky.models.network_file import make_network, read_tensors
from sim2sky.models.registry import Network

BLOCK = 1024  # images whose latent features are in memory at once
FORMAT = 1  # of the file; another one is refused


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
        Domains of the file: ``title``, ``survey``, ``zero_points``, and ``calibrated_on``, whose labels the calibration is of.
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

    @classmethod
    def joined(cls, parts: Sequence[Estimates]) -> Estimates:
        """Estimates of several lots of images by one network file as one."""
        arrays = [field.name for field in fields(cls) if field.name not in ("parameters", "conformal")]
        conformal = {level: np.concatenate([part.conformal[level] for part in parts]) for level in parts[0].conformal}
        values = {name: np.concatenate([getattr(part, name) for part in parts]) for name in arrays}
        return cls(parameters=parts[0].parameters, conformal=conformal, **values)


class MeasuringNetwork:
    """An ensemble of networks with the statistics, the calibration and the latent distribution of one domain.

    Attributes
    ----------
    about : About
        What the file says.
    """

    def __init__(self, about: About, ensemble: Ensemble, domain: Mapping[str, torch.Tensor], calibrations: list):
        self.about, self._ensemble, self._domain, self._calibrations = about, ensemble, domain, calibrations
        self._latent = LatentDistribution.from_tensors(domain)

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
        try:
            tensors, said = read_tensors(path)
        except (safetensors.SafetensorError, OSError, KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{path}: not a readable network file, or damaged: {error!r}") from None
        try:
            return cls._of(path, domain, tensors, said)
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(f"{path}: no network file of this version of sim2sky: {error!r}") from error

    @classmethod
    def _of(
        cls, path: str | Path, domain: str | None, tensors: dict[str, torch.Tensor], said: Mapping[str, Any]
    ) -> MeasuringNetwork:
        """The network of what a file holds."""
        if "measuring" not in said:
            raise ValueError(
                f"{path}: holds trained networks without a calibration; rule `calibrate` makes one that measures"
            )
        own = said["measuring"]
        if own["format"] != FORMAT:
            raise ValueError(f"{path}: has format {own['format']}, this version of sim2sky reads {FORMAT}")
        domain = domain or own["default"]
        try:
            known(domain, own["domains"], "domain")
            recipe = Recipe.model_validate(said["config"]["recipe"])
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        about = About(**_about(own, domain, said["config"]["targets"]), sha256=said["sha256"], provenance=said)
        mine = {key.split("/", 2)[2]: value for key, value in tensors.items() if key.startswith(f"domain/{domain}/")}
        encoding = LabelEncoding(list(about.parameters), recipe.angles, **said["labels"])
        networks = {}
        for seed in about.seeds:
            state = {
                key.removeprefix(f"{seed}/"): v for key, v in (tensors | mine).items() if key.startswith(f"{seed}/")
            }
            networks[seed] = _network(recipe, encoding, about, state, path)
        ensemble = Ensemble(networks, create_loss(recipe.loss, encoding.outputs), encoding, mine.get("residual"))
        states = own["domains"][domain]["calibration"]
        return cls(about, ensemble, mine, [Calibration.from_state(state) for state in states])

    def measure(self, images: np.ndarray) -> Estimates:
        """Estimates of the parameters of each image.

        An image gives the same bits alone or among others, at any position, on one machine: the networks take the same number of images
        at a time on one thread, and the last ones are filled up.

        Parameters
        ----------
        images : ndarray, shape (n, band, y, x)
            As the domain's, in `About.unit`, not normalised.

        Raises
        ------
        ValueError
            The images have another shape, or pixels that are not finite.
        """
        images = np.asarray(images)
        shape = (len(self.about.bands), self.about.pixels, self.about.pixels)
        if images.ndim != 4 or images.shape[1:] != shape:
            raise ValueError(
                f"images of the shape {images.shape} are given; (images, {', '.join(map(str, shape))}) is needed"
            )
        starts = range(0, max(1, len(images)), BLOCK)
        return Estimates.joined([self._measure(images[start : start + BLOCK], start) for start in starts])

    def _measure(self, images: np.ndarray, first: int) -> Estimates:
        """A block of images, the first of which is called number `first`."""
        copied = torch.from_numpy(np.array(images, dtype=np.float32))  # normalisation is in place
        if not (finite := copied.isfinite().all(dim=(1, 2, 3))).all():
            number = first + int(finite.int().argmin())
            raise ValueError(f"image {number}: has pixels that are not finite; fill or leave out such images")
        statistics: Statistics | None = None
        if "pixel_std" in self._domain:
            own = self._domain
            statistics = Statistics(own.get("pixel_mean"), own["pixel_std"], own.get("pixel_softening"))
        normalised = normalise(copied, statistics)
        return self._calibrated(self._ensemble.predict(normalised))

    def _calibrated(self, raw: Predictive) -> Estimates:
        """Calibrated estimates from the predictive distributions of images."""
        quantiles, std = raw.quantiles.numpy(), raw.std.numpy()
        columns = list(enumerate(self._calibrations))
        calibrated = np.stack([one.apply(quantiles[:, p], std[:, p]) for p, one in columns], axis=1)
        intervals = [one.conformal(quantiles[:, p], std[:, p]) for p, one in columns]
        low, high = LEVELS.index(0.16), LEVELS.index(0.84)
        return Estimates(
            parameters=tuple(self.about.parameters),
            quantiles=calibrated,
            raw_quantiles=quantiles,
            conformal={level: np.stack([own[level] for own in intervals], axis=1) for level in intervals[0]},
            std=(calibrated[..., high] - calibrated[..., low]) / 2,
            std_aleatoric=raw.aleatoric.sqrt().numpy(),
            std_epistemic=raw.epistemic.sqrt().numpy(),
            distance=fraction_above(self._latent.distances(raw.latent), self._domain["distances"]),
            agreement=fraction_above(disagreement(raw), self._domain["disagreements"]),
        )


def disagreement(raw: Predictive) -> torch.Tensor:
    """Largest epistemic error of any parameter in units of the aleatoric one, shape (n,)."""
    return (raw.epistemic / raw.aleatoric.clamp(min=torch.finfo(raw.aleatoric.dtype).tiny)).sqrt().amax(dim=1)


def _about(own: Mapping[str, Any], domain: str, targets: list[str]) -> dict[str, Any]:
    """Values of `About` from what the file says."""
    mine = own["domains"][domain]
    names = {field.name for field in fields(About)} & own.keys()
    values = {name: own[name] for name in names} | {"domain": domain}
    for name in ("survey", "zero_points"):
        values[name] = mine[name]
    for name in ("seeds", "bands", "zero_points"):
        values[name] = None if values[name] is None else tuple(values[name])
    for name in ("parameters", "population"):  # JSON is sorted
        values[name] = {target: own[name][target] for target in targets}
    return values


def _network(
    recipe: Recipe, encoding: LabelEncoding, about: About, state: Mapping[str, torch.Tensor], path: str | Path
) -> Network:
    network = make_network(recipe, encoding, len(about.bands), about.pixels, recipe.trained_options)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"{path}: its weights do not fit {recipe.network}: {error}") from None
    return network.to(memory_format=torch.channels_last).eval()

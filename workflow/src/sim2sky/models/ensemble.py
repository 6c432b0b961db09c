"""Several seeds of a network as one predictive distribution: an equal mixture of what each says (Lakshminarayanan et al. 2017, arXiv:1612.01474)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch

from sim2sky.angles import ANGLE_PERIODS
from sim2sky.data.images import Images
from sim2sky.losses import Loss
from sim2sky.models.calibration import LEVELS, MEDIAN
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.registry import Network
from sim2sky.threads import one_thread

BATCH = 64  # images that pass the networks at once; the last ones are filled up, so that no bit depends on how many there are
_HALVINGS = 30  # of the bracket of a quantile, which is a few standard deviations wide


@dataclass(frozen=True)
class Predictive:
    """The predictive distributions of n images, before calibration; all but the latent features in double precision.

    Attributes
    ----------
    quantiles : Tensor, shape (n, parameters, levels)
        At :data:`sim2sky.models.calibration.LEVELS`. The median of an angle is in [0, period), the others lie about it.
    aleatoric, epistemic : Tensor, shape (n, parameters)
        Mean over the seeds of the variances, and variance over the seeds of the means.
    means : Tensor, shape (n, parameters, seeds)
        Those of each seed.
    latent : Tensor, shape (n, latent)
        Latent features by the first seed.
    """

    quantiles: torch.Tensor
    aleatoric: torch.Tensor
    epistemic: torch.Tensor
    means: torch.Tensor
    latent: torch.Tensor

    @property
    def std(self) -> torch.Tensor:
        """Standard deviation of each mixture, shape (n, parameters)."""
        return (self.aleatoric + self.epistemic).sqrt()


@dataclass(frozen=True)
class Ensemble:
    """Networks of several seeds, in evaluation mode on the CPU, in the state for one domain.

    Parameters
    ----------
    networks : mapping of int to Network
        By seed.
    loss : Loss
        That they were trained with.
    encoding : LabelEncoding
        How outputs encode parameters.
    residual : Tensor, shape (parameters, seeds), or None
        Variance of the errors of each, which stands in for the variance that `loss` does not give.
    """

    networks: Mapping[int, Network]
    loss: Loss
    encoding: LabelEncoding
    residual: torch.Tensor | None = None

    def predict(self, images: torch.Tensor | Images) -> Predictive:
        """Predictive distributions of normalised images, shape (n, band, y, x), `BATCH` at a time on one thread."""
        batches = [self._batch(images[start : start + BATCH]) for start in range(0, max(1, len(images)), BATCH)]
        names = [field.name for field in fields(Predictive)]
        return Predictive(*(torch.cat([getattr(batch, name) for batch in batches]) for name in names))

    def _batch(self, images: torch.Tensor) -> Predictive:
        """At most `BATCH` images."""
        count = len(images)
        full = images.new_zeros(BATCH, *images.shape[1:]).contiguous(memory_format=torch.channels_last)
        full[:count] = images
        with one_thread(), torch.no_grad():
            latent, *others = (network.features(full) for network in self.networks.values())
            outputs = [
                network.head(own) for network, own in zip(self.networks.values(), [latent, *others], strict=True)
            ]
            made = self._combined(outputs, latent)
        return Predictive(*(getattr(made, field.name)[:count] for field in fields(Predictive)))

    def _combined(self, outputs: list[torch.Tensor], latent: torch.Tensor) -> Predictive:
        members = list(zip(self.networks.values(), outputs, strict=True))
        drawn = [self.loss.samples(network, own) for network, own in members]
        if samples := [found for found in drawn if found is not None]:
            values = torch.stack([self._decoded_samples(found) for found in samples], dim=2)  # (n, p, seeds, samples)
            values = self._unwrapped(values.flatten(2)).reshape(values.shape)
            variances, means = torch.var_mean(values, dim=3, correction=0)
            quantiles = torch.quantile(values.flatten(2), torch.tensor(LEVELS, dtype=values.dtype), dim=2)
            quantiles = quantiles.permute(1, 2, 0)
        else:
            estimates = [self.loss.estimate(network, own).double() for network, own in members]
            means = self._unwrapped(torch.stack([self.encoding.decode(own) for own in estimates], dim=2))
            variances = self._variances(outputs, estimates, means)
            quantiles = mixture_quantiles(means, variances.sqrt())
        epistemic = means.var(dim=2, correction=0)
        return Predictive(self._in_range(quantiles), variances.mean(dim=2), epistemic, means, latent)

    def _variances(
        self, outputs: list[torch.Tensor], estimates: list[torch.Tensor], means: torch.Tensor
    ) -> torch.Tensor:
        """Variances of each seed, shape (n, parameters, seeds)."""
        given = [self.loss.variance(own) for own in outputs]
        known = [
            self.encoding.variances(estimate, own.double())
            for estimate, own in zip(estimates, given, strict=True)
            if own is not None
        ]
        if known:
            return torch.stack(known, dim=2)
        return torch.zeros_like(means) if self.residual is None else self.residual.expand_as(means)

    def _decoded_samples(self, samples: torch.Tensor) -> torch.Tensor:
        """From encoded samples, shape (n, samples, encoded), to values of the parameters, shape (n, parameters, samples)."""
        count, points, _ = samples.shape
        values = self.encoding.decode(samples.double().flatten(0, 1))
        return values.reshape(count, points, -1).transpose(1, 2)

    def _unwrapped(self, values: torch.Tensor) -> torch.Tensor:
        """Values of angles, last axis, brought to within half a period of their circular mean; shape (n, parameters, m)."""
        columns = []
        for column, period in enumerate(self._periods):
            own = values[:, column]
            if period:
                phase = own * (2 * math.pi / period)
                centre = torch.atan2(phase.sin().mean(dim=1), phase.cos().mean(dim=1))[:, None] * (period / 2 / math.pi)
                own = centre + (own - centre + period / 2).remainder(period) - period / 2
            columns.append(own)
        return torch.stack(columns, dim=1)

    def _in_range(self, quantiles: torch.Tensor) -> torch.Tensor:
        """Quantiles of angles by whole periods so that the median is in [0, period)."""
        columns = []
        for column, period in enumerate(self._periods):
            own = quantiles[:, column]
            columns.append(own - (own[:, MEDIAN, None] / period).floor() * period if period else own)
        return torch.stack(columns, dim=1)

    @property
    def _periods(self) -> list[float | None]:
        return [ANGLE_PERIODS.get(name) for name in self.encoding.targets]


def mixture_quantiles(mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """Quantiles of equal mixtures of normal distributions at `LEVELS`, by bisection, to a millionth of their widths.

    Parameters
    ----------
    mean, std : Tensor, shape (..., components)
        In double precision.

    Returns
    -------
    Tensor, shape (..., levels)
    """
    levels = torch.tensor(LEVELS, dtype=mean.dtype)
    # a quantile of the mixture lies between the lowest and the highest of the components
    own = mean[..., None, :] + std[..., None, :] * torch.special.ndtri(levels)[:, None]
    low, high = own.amin(dim=-1), own.amax(dim=-1)
    scale = (std * math.sqrt(2)).clamp(min=torch.finfo(mean.dtype).tiny)
    for _ in range(_HALVINGS if mean.shape[-1] > 1 else 0):
        middle = (low + high) / 2
        below = sum(torch.erf((middle - mean[..., k, None]) / scale[..., k, None]) for k in range(mean.shape[-1]))
        under = below < (2 * levels - 1) * mean.shape[-1]
        low, high = torch.where(under, middle, low), torch.where(under, high, middle)
    return (low + high) / 2

"""From the parameters of a lens in their own units to the outputs of a network, and back."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from sim2sky.angles import ANGLE_PERIODS
from sim2sky.config import Recipe


class LabelEncoding:
    """How the outputs of a network encode parameters.

    Parameters
    ----------
    targets : sequence of str
        Names of the parameters, in the order of the columns.
    angles : {"degrees", "sin_cos"}
        ``sin_cos`` replaces an angle of period P by the sine and cosine of 360 deg / P times the angle, so that the two
        ends of its range meet.
    mean, std : sequence of float, optional
        One per output, each of which is (value - mean) / std if they are given.
    """

    def __init__(
        self,
        targets: Sequence[str],
        angles: str = "degrees",
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ):
        self.targets, self.angles = list(targets), angles
        self.periods = [ANGLE_PERIODS.get(name) if angles == "sin_cos" else None for name in targets]
        self._standard = None if mean is None or std is None else (torch.tensor(mean), torch.tensor(std))

    @classmethod
    def fitted(cls, targets: Sequence[str], recipe: Recipe, labels: torch.Tensor) -> LabelEncoding:
        """The encoding of a recipe; if it standardises, by the training part's `labels`, shape (n, parameters).

        Raises
        ------
        ValueError
            A parameter is to be standardised and has one value only.
        """
        encoding = cls(targets, recipe.angles)
        if not recipe.standardise:
            return encoding
        outputs = encoding.encode(labels).double()
        varies = (outputs.amax(dim=0) > outputs.amin(dim=0)).tolist()
        if not all(varies):
            fixed = [name for name, several in zip(encoding.named_outputs, varies, strict=True) if not several]
            raise ValueError(
                f"{', '.join(dict.fromkeys(fixed))}: cannot be standardised, with the same value in the whole training part "
                f"({len(labels)} lenses); take it from the targets, or simulate more lenses or values"
            )
        std, mean = torch.std_mean(outputs, dim=0)
        return cls(targets, recipe.angles, mean.tolist(), std.tolist())

    @property
    def outputs(self) -> int:
        """Number of outputs of the network."""
        return len(self.named_outputs)

    @property
    def named_outputs(self) -> list[str]:
        """The parameter that each output belongs to."""
        return [
            name
            for name, period in zip(self.targets, self.periods, strict=True)
            for _ in range(1 if period is None else 2)
        ]

    def state(self) -> dict[str, list[float]]:
        """`mean` and `std`, if outputs are standardised, for the file of the networks."""
        if self._standard is None:
            return {}
        mean, std = self._standard
        return {"mean": mean.tolist(), "std": std.tolist()}

    def encode(self, labels: torch.Tensor) -> torch.Tensor:
        """From values of the parameters, shape (n, parameters), angles in degrees, to outputs, shape (n, outputs)."""
        columns = []
        for column, period in enumerate(self.periods):
            value = labels[:, column : column + 1]
            if period is not None:
                value = torch.deg2rad(value * (360 / period))
                value = torch.cat([value.sin(), value.cos()], dim=1)
            columns.append(value)
        outputs = torch.cat(columns, dim=1)
        standard = self._standard_like(outputs)
        return outputs if standard is None else (outputs - standard[0]) / standard[1]

    def _standard_like(self, outputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Mean and deviation where `outputs` are, and of their type, if outputs are standardised.

        They stay on that device: with a copy in each step a GPU would wait for the CPU.
        """
        if self._standard is None:
            return None
        mean, std = self._standard = self._standard[0].to(outputs.device), self._standard[1].to(outputs.device)
        return mean.to(outputs.dtype), std.to(outputs.dtype)

    def per_output(self, values: torch.Tensor) -> torch.Tensor:
        """Values per parameter, shape (n, parameters), repeated where a parameter has two outputs."""
        return values.repeat_interleave(
            torch.tensor([1 if p is None else 2 for p in self.periods], device=values.device), dim=1
        )

    def decode(self, outputs: torch.Tensor) -> torch.Tensor:
        """From outputs to values of the parameters; an angle that is encoded as sine and cosine lies in [0, period)."""
        standard = self._standard_like(outputs)
        values = outputs if standard is None else outputs * standard[1] + standard[0]
        columns, first = [], 0
        for period in self.periods:
            if period is None:
                columns.append(values[:, first])
                first += 1
            else:
                angle = torch.atan2(values[:, first], values[:, first + 1])
                columns.append(torch.rad2deg(angle).remainder(360) * (period / 360))
                first += 2
        return torch.stack(columns, dim=1)

    def variances(self, outputs: torch.Tensor, variance: torch.Tensor) -> torch.Tensor:
        """Variances of the parameters, in their units squared, from those of the outputs, shape (n, outputs), about `outputs`.

        Those of an angle that is encoded as sine and cosine are propagated in first order and at most those of an angle of which
        nothing is known.
        """
        if (standard := self._standard_like(outputs)) is not None:
            mean, std = standard
            outputs, variance = outputs * std + mean, variance * std.square()
        columns, first = [], 0
        for period in self.periods:
            if period is None:
                columns.append(variance[:, first])
                first += 1
            else:
                (sine, cosine), (of_sine, of_cosine) = (part[:, first : first + 2].T for part in (outputs, variance))
                turns = (cosine.square() * of_sine + sine.square() * of_cosine) / (
                    2 * torch.pi * (sine.square() + cosine.square())
                ).square()
                columns.append(period**2 * turns.nan_to_num(nan=1 / 12).clamp(max=1 / 12))
                first += 2
        return torch.stack(columns, dim=1)

    def scores(self, true: torch.Tensor, predicted: torch.Tensor) -> tuple[float, float]:
        """R2 and root mean square error, each the mean over the parameters, of `predicted` in their own units.

        The error of an angle is the shorter way round the circle. Parameters that do not vary have no R2 and count in neither mean;
        both are NaN if none varies.
        """
        error = predicted.double() - true.double()
        for column, name in enumerate(self.targets):
            if period := ANGLE_PERIODS.get(name):
                error[:, column] = (error[:, column] + period / 2).remainder(period) - period / 2
        squares = error.square().mean(dim=0)
        variance = (true.double() - true.double().mean(dim=0)).square().mean(dim=0)
        varies = true.amax(dim=0) > true.amin(dim=0)
        return (1 - squares / variance)[varies].mean().item(), squares.sqrt()[varies].mean().item()

"""A table as text, and how its numbers are written."""

from __future__ import annotations

import math
from typing import NamedTuple

_MOST = 8  # decimals that can be counted


class Table(NamedTuple):
    """Text of a table; `groups` gives a row of headings, each with the number of columns that it spans."""

    columns: list[str]
    rows: list[list[str]]
    groups: list[tuple[str, int]] = []


def decimals(*values: float | None, least: int = 3) -> int:
    """Decimals that leave the largest of some numbers two significant digits: at least `least`.

    Three decimals tell R2 apart; the error of a parameter that is small in its unit would become 0.000.
    """
    sizes = [abs(value) for value in values if value and math.isfinite(value)]
    return max(least, 1 - math.floor(math.log10(max(sizes)))) if sizes else least


def number(value: float, digits: int = 3, signed: bool = False) -> str:
    """A number with a real minus sign, and none before zero; with a power of ten where it has many decimals."""
    text = f"{value:{'+' if signed else ''}z.{digits}f}" if digits <= _MOST else f"{value:{'+' if signed else ''}.1e}"
    return text.replace("-", "−")


def published_number(mean: float, std: float) -> str:
    """A published number as it is printed, with its standard deviation if there is one."""
    return f"{mean:g} ± {std:g}" if std > 0 else f"{mean:g}"


def mean_std(mean: float, std: float | None, digits: int = 3) -> str:
    """``mean ± std``; the mean alone where there is no deviation (one seed)."""
    return number(mean, digits) if std is None or math.isnan(std) else f"{number(mean, digits)} ± {number(std, digits)}"


def score(metric: str, mean: float, std: float | None, least: int = 3) -> str:
    """``mean ± std`` of a metric: R2 with three decimals, errors with as many as they need."""
    return mean_std(mean, std, 3 if metric == "r2" else decimals(mean, std, least=least))

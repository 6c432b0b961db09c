"""A table as text, and how its numbers are written."""

from __future__ import annotations

import math
from typing import NamedTuple


class Table(NamedTuple):
    """Text of a table; `groups` gives a row of headings, each with the number of columns that it spans."""

    columns: list[str]
    rows: list[list[str]]
    groups: list[tuple[str, int]] = []


def number(value: float, digits: int = 3, signed: bool = False) -> str:
    """A number with a real minus sign, and none before zero."""
    text = f"{value:{'+' if signed else ''}z.{digits}f}"
    return text.replace("-", "−")


def published_number(mean: float, std: float) -> str:
    """A published number as it is printed, with its standard deviation if there is one."""
    return f"{mean:g} ± {std:g}" if std > 0 else f"{mean:g}"


def mean_std(mean: float, std: float | None, digits: int = 3) -> str:
    """``mean ± std``; the mean alone where there is no deviation (one seed)."""
    return number(mean, digits) if std is None or math.isnan(std) else f"{number(mean, digits)} ± {std:.{digits}f}"

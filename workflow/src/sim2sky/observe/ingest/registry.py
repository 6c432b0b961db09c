"""Registry of survey formats: a decorated function adds the files of a survey."""

from __future__ import annotations

import re
from collections.abc import Callable

from sim2sky.config import Reading, known
from sim2sky.observe.ingest.bands import BandImage
from sim2sky.observe.ingest.fits_file import Unit

Format = Callable[[tuple[Unit, ...], str, Reading], BandImage]
_FORMATS: dict[str, tuple[tuple[tuple[str, re.Pattern[str]], ...], Format]] = {}


def register_survey(*cards: str) -> Callable[[Format], Format]:
    """Register a function as the format of a survey under its own name.

    The function is ``name(units, band, reading)`` and gives the :class:`~sim2sky.observe.ingest.bands.BandImage` of a band;
    it raises :class:`~sim2sky.observe.ingest.fits_file.Unusable` if there is none.

    Parameters
    ----------
    *cards : str
        What tells its files from others: keys of cards, or ``KEY=pattern`` of its whole value. One HDU must have them all.
        The format that was registered first takes a file.
    """
    patterns = tuple((key, re.compile(value or ".*")) for key, _, value in (card.partition("=") for card in cards))

    def register(function: Format) -> Format:
        _FORMATS[function.__name__] = patterns, function
        return function

    return register


def list_surveys() -> list[str]:
    """Names of the registered formats."""
    return sorted(_FORMATS)


def survey_of(units: tuple[Unit, ...], name: str | None = None) -> tuple[str, Format]:
    """Name and function of the format of a file: the one that is named, or the first that its cards fit."""
    if name is not None:
        known(name, _FORMATS, "survey format")
        return name, _FORMATS[name][1]
    return next(
        (name, function)
        for name, (patterns, function) in _FORMATS.items()
        if any(all(_fits(unit, *card) for card in patterns) for unit in units)
    )


def _fits(unit: Unit, key: str, pattern: re.Pattern[str]) -> bool:
    value = unit.header.get(key)
    return value is not None and pattern.fullmatch(str(value).strip()) is not None

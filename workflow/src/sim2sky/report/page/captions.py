"""Captions of figures and analyses, read from the files that ``snakemake --report`` shows as well."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from sim2sky.report.symbols import plain_math


class Caption(NamedTuple):
    """Title and text of a figure: plain text, in which θ_E is the Einstein radius."""

    title: str
    text: str


def read_captions(paths: Iterable[str | Path]) -> dict[str, Caption]:
    """Captions by the name of their file, which is the kind of figure.

    Parameters
    ----------
    paths : iterable of path
        reStructuredText: a title in the first line, an empty line, and a paragraph, in which ``:math:`` may stand.

    Raises
    ------
    ValueError
        A file has no title or no text, or its mathematics cannot be written as plain text; the message names the file.
    """
    return {Path(path).stem: _caption(Path(path)) for path in paths}


def _caption(path: Path) -> Caption:
    title, _, text = path.read_text(encoding="utf-8").partition("\n\n")
    if not (title.strip() and text.strip()):
        raise ValueError(f"{path}: a caption is a title, an empty line and a text")
    try:
        plain = re.sub(r":math:`([^`]+)`", lambda formula: plain_math(formula[1]), " ".join(text.split()))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return Caption(title.strip(), plain)

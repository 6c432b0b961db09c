"""What a figure was made from, as it is written into its PNG file; a report takes no figure of another configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from sim2sky import __version__, store
from sim2sky.config import Study, Survey
from sim2sky.provenance import record
from sim2sky.provenance.stale import images_made_with, stale_figure

KEY = "provenance"


def png_text(
    study: Study, fingerprint: Mapping[str, str], surveys: Mapping[str, Survey], cutouts: Mapping[str, str]
) -> dict[str, str]:
    """Text chunks for the PNG file of a figure of `study`, whose images rest on `surveys` and on cutouts with checksums `cutouts`."""
    about = record.provenance(study.params(), fingerprint, **images_made_with(surveys, cutouts))
    return {"Software": f"sim2sky {__version__}", KEY: store.canonical_json(about)}


def check_figure(
    path: str | Path,
    study: Study,
    surveys: Mapping[str, Survey] | None = None,
    cutouts: Mapping[str, str] | None = None,
) -> None:
    """Refuse a figure that was made for another configuration.

    Parameters
    ----------
    path : path
        PNG file with the text of :func:`png_text`.
    study : Study
        The present configuration.
    surveys : mapping of str to Survey
        Surveys by name; those that are not given are not compared.
    cutouts : mapping of str to str
        Checksums of survey cutouts by their key in the configuration; those that are not given are not compared.

    Raises
    ------
    ValueError
        The file is not readable, or is of another configuration; the message names it and what differs.
    """
    try:
        with Image.open(path) as image:
            image.load()  # which tells of a damaged file
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: not readable ({error!r}); delete it to have it made again") from None
    if changes := stale_figure(path, study, surveys, cutouts):
        raise ValueError(not_of_this(path, changes))


def not_of_this(path: str | Path, changes: Sequence[str]) -> str:
    """Message about a file that was made for another configuration."""
    lines = "\n".join(f"  {change}" for change in changes)
    return f"{path}: made for another configuration; delete it to have it made again\n{lines}"

"""What a figure was made from, as it is written into its PNG file; a report takes no figure of another configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from sim2sky import __version__, store
from sim2sky.config import Study
from sim2sky.provenance import record
from sim2sky.provenance.differences import differences

KEY = "provenance"


def png_text(study: Study, fingerprint: Mapping[str, str]) -> dict[str, str]:
    """Text chunks for the PNG file of a figure of `study`."""
    return {
        "Software": f"sim2sky {__version__}",
        KEY: store.canonical_json(record.provenance(study.params(), fingerprint)),
    }


def check_figure(path: str | Path, study: Study) -> None:
    """Refuse a figure that was made for another configuration.

    Parameters
    ----------
    path : path
        PNG file with the text of :func:`png_text`.
    study : Study
        The present configuration.

    Raises
    ------
    ValueError
        The file is not readable, or is of another configuration; the message names it and what differs.
    """
    try:
        with Image.open(path) as image:
            image.load()  # which tells of a damaged file
            drawn_for = json.loads(image.info[KEY])["config"]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: no readable provenance ({error!r}); delete it to have it made again") from None
    if changes := list(differences(drawn_for, study.params())):
        raise ValueError(not_of_this(path, changes))


def not_of_this(path: str | Path, changes: Sequence[str]) -> str:
    """Message about a file that was made for another configuration."""
    lines = "\n".join(f"  {change}" for change in changes)
    return f"{path}: made for another configuration; delete it to have it made again\n{lines}"

"""What a figure was made from travels in its file, and a report takes no figure of another study."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from sim2sky import __version__, store
from sim2sky.config import Study
from sim2sky.differences import differences

KEY = "provenance"


def png_text(study: Study, fingerprint: Mapping[str, str]) -> dict[str, str]:
    """Text chunks for the PNG file of a figure of `study`."""
    return {
        "Software": f"sim2sky {__version__}",
        KEY: store.canonical_json(store.provenance(study.params(), fingerprint)),
    }


def check_figure(path: str | Path, study: Study) -> None:
    """Refuse a figure that was drawn for another configuration.

    Raises
    ------
    ValueError
        The message names the file and what differs.
    """
    try:
        with Image.open(path) as image:
            drawn_for = json.loads(image.text[KEY])["config"]
    except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: no readable provenance ({error!r}); delete it to have it drawn again") from None
    if changes := list(differences(drawn_for, json.loads(store.canonical_json(study.params())))):
        lines = "\n".join(f"  {change}" for change in changes)
        raise ValueError(f"{path}: drawn for another configuration; delete it to have it drawn again\n{lines}")

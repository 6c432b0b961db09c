"""The provenance in a file of networks, read without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors


def networks_provenance(model: str | Path) -> dict[str, Any]:
    """``config``, ``domains``, ``fingerprint``, ``versions`` and the checksum of the networks, ``sha256``.

    Parameters
    ----------
    model : path
        Written by :func:`sim2sky.train.block.train_block`.

    Raises
    ------
    ValueError
        The file is not readable; the message names it.
    """
    try:
        with safetensors.safe_open(model, "np") as file:
            about = json.loads(file.metadata()["provenance"])
        about["config"], about["domains"]  # noqa: B018 - a KeyError if either is missing
    except (safetensors.SafetensorError, OSError, TypeError, KeyError, ValueError) as error:
        raise ValueError(f"{model}: no readable provenance ({error!r}); delete it to have it made again") from None
    return about

"""Checkpoints: an interrupted training goes on where it was, and never on from something else."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from sim2sky import store


def save(path: Path, identity: Mapping[str, str], state: Mapping[str, Any]) -> None:
    """Write `state`, tensors and plain types only, with the `identity` of what is trained."""
    with store.atomic(path) as temporary:
        torch.save({"identity": dict(identity), "state": dict(state)}, temporary)


def load(path: Path, identity: Mapping[str, str], device: torch.device) -> dict[str, Any] | None:
    """The state in `path`; None, with a line that says why, when it cannot be used.

    Parameters
    ----------
    path : path
        The checkpoint, which need not exist.
    identity : mapping of str to str
        What the training depends on, under names for people; all must equal those of the checkpoint.
    device : device
        Where tensors go.
    """
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as archive:  # torch itself looks at no checksum
            if damaged := archive.testzip():
                raise zipfile.BadZipFile(damaged)
        content = torch.load(path, map_location=device, weights_only=True)
        found, state = content["identity"], content["state"]
    except Exception as error:  # pickle, zip and torch each have their own
        print(f"{path}: not a readable checkpoint ({type(error).__name__}); training starts over", flush=True)
        return None
    if changed := [name for name in identity if found.get(name) != identity[name]]:
        print(f"{path}: made with another {', '.join(changed)}; training starts over", flush=True)
        return None
    return state

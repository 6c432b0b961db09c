"""Checkpoints: an interrupted training goes on where it stopped, and never from the checkpoint of another training."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from sim2sky import store


def save_block(last: Path, identity: Mapping[str, str], state: Mapping[str, Any]) -> None:
    """Write the state of the training of a block of seeds.

    Parameters
    ----------
    last : path
        The checkpoint.
    identity : mapping of str to str
        As for :func:`load`.
    state : mapping
        The weights of finished seeds, ``networks``, are written once, to a file per seed beside `last`. ``finished``
        lists the seeds that have such a file; new ones are appended here. `last` holds everything else.
    """
    for seed in [seed for seed in state["networks"] if seed not in state["finished"]]:
        save(_seed_file(last, seed), identity, {"network": state["networks"][seed]})
        state["finished"].append(seed)
    save(last, identity, {name: value for name, value in state.items() if name != "networks"})


def load_block(last: Path, identity: Mapping[str, str], device: torch.device, networks: bool) -> dict[str, Any] | None:
    """The state that :func:`save_block` wrote, or None as in :func:`load`.

    The weights of finished seeds are on the CPU, and left out unless `networks` is true.
    """
    state = load(last, identity, device)
    if state is None:
        return None
    state["networks"] = {}
    for seed in state["finished"]:
        path = _seed_file(last, seed)
        if not path.exists():
            print(f"{path}: is not there; training starts over", flush=True)
        found = load(path, identity, torch.device("cpu"))
        if found is None:
            return None
        if networks:
            state["networks"][seed] = found["network"]
    return state


def remove_block(last: Path) -> None:
    """Remove all files of :func:`save_block`."""
    last.unlink(missing_ok=True)
    for path in last.parent.glob(_seed_file(last, "*").name):
        path.unlink(missing_ok=True)  # a process that outlived its killed job may end at the same time


def _seed_file(last: Path, seed: int | str) -> Path:
    return last.with_name(f"seed-{seed}.ckpt")


def save(path: Path, identity: Mapping[str, str], state: Mapping[str, Any]) -> None:
    """Write `state`, which holds only tensors and plain types, with the `identity` of the training."""
    with store.atomic(path) as temporary:
        torch.save({"identity": dict(identity), "state": dict(state)}, temporary)


def load(path: Path, identity: Mapping[str, str], device: torch.device) -> dict[str, Any] | None:
    """The state in `path`; if it cannot be used, None, and a printed line says why.

    Parameters
    ----------
    path : path
        The checkpoint, which need not exist.
    identity : mapping of str to str
        What the training depends on, under names for messages; all values must equal those of the checkpoint.
    device : device
        Where tensors go.
    """
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as archive:  # torch itself does not check the checksums
            if damaged := archive.testzip():
                raise zipfile.BadZipFile(damaged)
        content = torch.load(path, map_location=device, weights_only=True)
        found, state = content["identity"], content["state"]
    except Exception as error:  # pickle, zip and torch each raise their own
        print(f"{path}: not a readable checkpoint ({type(error).__name__}); training starts over", flush=True)
        return None
    if changed := [name for name in identity if found.get(name) != identity[name]]:
        print(f"{path}: made with another {', '.join(changed)}; training starts over", flush=True)
        return None
    return state

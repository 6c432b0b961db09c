"""What a result was made from, as it is written into the result or beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sim2sky import __version__, store


def provenance(config: Mapping[str, Any], fingerprint: Mapping[str, str], **more: Any) -> dict[str, Any]:
    """What a result was made from.

    Parameters
    ----------
    config : mapping
        The resolved configuration that decides the result.
    fingerprint : mapping of str to str
        Hash of the code, by :func:`sim2sky.fingerprint.fingerprint`.
    **more
        What else the result should carry; must be JSON.
    """
    return {"config": dict(config), "fingerprint": dict(fingerprint), "versions": versions(), **more}


def versions() -> dict[str, str]:
    """Versions of the programs that decide the numbers."""
    return {"sim2sky": __version__} | {name: version(name) for name in ("numpy", "torch", "zarr")}


def write_provenance(path: str | Path, tables: Sequence[str | Path], about: Mapping[str, Any]) -> None:
    """Write what `tables` of one folder were made from and their checksums as JSON, because CSV has no place for it.

    Parameters
    ----------
    path : path
        File to write.
    tables : sequence of path
        Existing files, each with a name of its own.
    about : mapping
        As :func:`provenance` gives it.
    """
    sums = {Path(table).name: store.checksum([table]) for table in tables}
    with store.atomic(path) as temporary:
        temporary.write_text(json.dumps({**about, "sha256": sums}, sort_keys=True, indent=1) + "\n")


def read_provenance(path: str | Path, tables: Sequence[str | Path]) -> dict[str, Any]:
    """What `tables` were made from, as :func:`write_provenance` wrote it, without the checksums.

    Raises
    ------
    store.StoreError
        The file is not readable, or a table is not the one that it was written for.
    """
    try:
        about = json.loads(Path(path).read_text())
        sums = about.pop("sha256")
        for table in tables:
            if sums[Path(table).name] != store.checksum([table]):
                raise store.StoreError(
                    f"{table}: changed since it was made, by {path}; delete it to have it made again"
                )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise store.StoreError(f"{path}: no readable provenance ({error!r}); delete it to have it made again") from None
    return about

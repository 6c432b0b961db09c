"""What a result says of itself: the provenance inside it or beside it, whatever kind of file it is."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sim2sky.provenance.differences import differences


def said_of(path: str | Path) -> dict[str, Any]:
    """Provenance of a shard, of networks, predictions, tables (by the JSON file beside them) or a figure.

    Only the header of the file is read, and packages only where the kind of file needs them.

    Raises
    ------
    ValueError
        There is none, or it is not readable; the message names the file.
    """
    path = Path(path)
    try:
        match "".join(path.suffixes[-2:]) if path.suffix == ".zip" else path.suffix:
            case ".zarr.zip":
                with zipfile.ZipFile(path) as archive:
                    about = json.loads(archive.read("zarr.json"))["attributes"]
            case ".safetensors":
                from sim2sky.provenance.networks import networks_provenance

                return networks_provenance(path)
            case ".parquet":
                from pyarrow import parquet

                about = json.loads(parquet.read_schema(path).metadata[b"pandas"])["attributes"]
            case ".png":
                from PIL import Image

                with Image.open(path) as image:
                    about = json.loads(image.info["provenance"])
            case _:
                about = json.loads(path.read_text())
        about["config"], about["fingerprint"]  # noqa: B018 - a KeyError if either is missing
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: no readable provenance ({error!r}); delete it to have it made again") from None
    return about


def otherwise(path: str | Path, config: Mapping[str, Any], code: Mapping[str, str]) -> Iterator[str]:
    """What differs between what a result says of itself and how it would be made now.

    Parameters
    ----------
    path : path
        As for :func:`said_of`.
    config : mapping
        Those parts of the ``config`` of its provenance that decide it.
    code : mapping of str to str
        Fingerprint of the code that would make it.

    Yields
    ------
    str
        Such as ``configuration: recipe.epochs: 2 -> 400`` and ``code: sim2sky.train.loop``; or that it says nothing.
    """
    try:
        about = said_of(path)
    except ValueError as error:
        yield str(error)
        return
    now = json.loads(json.dumps(config))  # as the file has it
    then = {key: value for key, value in about["config"].items() if key in now}
    yield from with_code(about, differences(then, now), code)


def with_code(about: Mapping[str, Any], changes: Iterable[str], code: Mapping[str, str]) -> Iterator[str]:
    """Changes of the configuration and the modules that differ, of a result that says `about`; as :func:`otherwise` gives them."""
    then = about["fingerprint"]
    yield from (f"configuration: {change}" for change in changes)
    yield from (f"code: {name}" for name in sorted(then.keys() | code.keys()) if then.get(name) != code.get(name))

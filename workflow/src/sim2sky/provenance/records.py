"""Snakemake's records of results, which say what it made them with: whether there is one, and of the file as it is."""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from pathlib import Path

METADATA = ".snakemake/metadata"
LONGEST_NAME = 254  # characters; longer ones are split into folders, whose names begin with @
PROMPT = 2.0  # seconds from the end of a result to the end of its record


def is_recorded(path: str | Path, metadata: str | Path = METADATA) -> bool:
    """Whether Snakemake has a record of a result, and the result is still the file that the record is of.

    A copied folder has none. After a result is put back from a backup there may be one of the result that was there before, which had
    another date.

    Parameters
    ----------
    path : path
        An existing file, as rules name it.
    metadata : path
        Folder of the records, each a file that is called as the base64 encoding of the result's path
        (``snakemake.persistence.file``).
    """
    name = urlsafe_b64encode(str(path).encode()).decode()
    pieces = [name[start : start + LONGEST_NAME] for start in range(0, len(name), LONGEST_NAME)]
    record = os.path.join(metadata, *(f"@{piece}" for piece in pieces[:-1]), pieces[-1])
    try:
        written = os.stat(record).st_mtime
        date = os.stat(path).st_mtime
        if 0 <= written - date <= PROMPT:
            return True
        with open(record) as file:
            return json.load(file).get("endtime") == date
    except (OSError, ValueError):
        return False


def unrecorded(results: str | Path, metadata: str | Path = METADATA) -> list[Path]:
    """Results that have no record of their own: all files of a results folder that rules make, but logs and benchmarks."""
    folders = ("simulate", "observe", "train", "adapt", "evaluate")
    found: Iterable[Path] = (path for folder in folders for path in sorted((Path(results) / folder).rglob("*")))
    return [
        path
        for path in found
        if path.is_file() and path.suffix != ".ckpt" and path.name[0] != "." and not is_recorded(path, metadata)
    ]

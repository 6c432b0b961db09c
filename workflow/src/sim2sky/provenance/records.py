"""Snakemake's records of results, which say what it made them with: whether there is one, and of the file as it is."""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path

METADATA = ".snakemake/metadata"
LONGEST_NAME = 254  # characters; longer ones are split into folders, whose names begin with @
PROMPT = 2.0  # seconds from the end of a result to the end of its record


def lacks_record(path: str | Path, metadata: str | Path = METADATA) -> bool:
    """Whether there is a result that Snakemake has no record of, or only one of another file that was in its place.

    A copied folder has no records. After a result is put back from a backup there may be one of the result that was there before,
    which had another date.

    Parameters
    ----------
    path : path
        A result, as rules name it; it need not exist.
    metadata : path
        Folder of the records, each a file that is called as the base64 encoding of the result's path
        (``snakemake.persistence.file``).
    """
    try:
        date = os.stat(path).st_mtime
    except OSError:
        return False
    name = urlsafe_b64encode(str(path).encode()).decode()
    while len(name) > LONGEST_NAME and "/" not in name[-LONGEST_NAME - 1 :]:
        place = name.rfind("/") + 1
        name = f"{name[:place]}@{name[place : place + LONGEST_NAME]}/{name[place + LONGEST_NAME :]}"
    record = f"{metadata}/{name}"
    try:
        if 0 <= os.stat(record).st_mtime - date <= PROMPT:
            return False
        with open(record) as file:
            return json.load(file).get("endtime") != date
    except (OSError, ValueError):
        return True


def unrecorded(results: str | Path, metadata: str | Path = METADATA) -> list[Path]:
    """Results of a folder that have no record of their own, among all files that rules make but logs, benchmarks and the report."""
    folders = ("simulate", "observe", "train", "adapt", "evaluate", "measure")
    found = (path for folder in folders for path in sorted((Path(results) / folder).rglob("*")))
    made = (path for path in found if path.is_file() and path.suffix != ".ckpt" and path.name[0] != ".")
    return [path for path in made if lacks_record(path, metadata)]


def described(paths: Sequence[str | Path], shown: int = 3) -> str:
    """How many results have no record, and what then vouches for them."""
    if not paths:
        return "none"
    names = ", ".join(map(str, paths[:shown])) + (", ..." if len(paths) > shown else "")
    return f"{len(paths)}, taken by the provenance that they carry: {names}"

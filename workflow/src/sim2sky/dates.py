"""Dates of results after the clock has gone back: Snakemake compares them to know what was made of what."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path


def bring_back_dates(results: str | Path, inputs: Iterable[str | Path] | None = None) -> int:
    """Date results that lie in the future just before now, in the order in which they were made.

    Whatever is made of them after the clock went back would else be older than they are, which Snakemake takes for a failure.
    All results at once, because an input that alone is brought back would be older than what it was made of.

    Parameters
    ----------
    results : path
        The results folder.
    inputs : iterable of path
        If given, look at nothing else as long as none of these is dated in the future.

    Returns
    -------
    int
        How many files were dated anew.
    """
    now = time.time()
    if inputs is not None and not any(date > now for date, _ in _dated(map(Path, inputs))):
        return 0
    ahead = sorted((date, path) for date, path in _dated(Path(results).rglob("*")) if date > now and path.is_file())
    for rank, (_, path) in enumerate(reversed(ahead), start=1):
        try:
            os.utime(path, (now, now - rank / 1000))
        except FileNotFoundError:  # a temporary file of a job beside this one
            continue
    if ahead:
        print(
            f"The clock went back: {len(ahead)} results were dated in the future and are now dated today.",
            file=sys.stderr,
        )
    return len(ahead)


def _dated(paths: Iterable[Path]) -> Iterable[tuple[float, Path]]:
    for path in paths:
        try:
            yield path.stat().st_mtime, path
        except FileNotFoundError:
            continue

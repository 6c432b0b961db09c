"""What every job does around its work: it copies its output into its log, and keeps the modification times of results in order."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO


class _Tee:
    """A text stream that writes to two others and loses nothing when the job is killed."""

    def __init__(self, terminal: TextIO, log: TextIO):
        self._terminal, self._log = terminal, log

    def write(self, text: str) -> int:
        self._log.write(text)
        return self._terminal.write(text)

    def flush(self) -> None:
        self._log.flush()
        self._terminal.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._terminal, name)


def tee(path: str | Path) -> None:
    """Copy standard output and standard error into the file `path`, line by line, for the rest of the job."""
    log = open(path, "w", buffering=1)  # noqa: SIM115 - open for the life of the job
    sys.stdout, sys.stderr = _Tee(sys.stdout, log), _Tee(sys.stderr, log)


def bring_back_dates(results: str | Path, inputs: Iterable[str | Path] | None = None) -> int:
    """Set modification times that lie in the future to just before now, in the order in which the results were made.

    After the clock was set back, a file that is made from such a result is older than the result, which Snakemake takes for a failure.
    All results are changed at once, because an input that is changed alone would be older than what it was made from.

    Parameters
    ----------
    results : path
        The results folder.
    inputs : iterable of path
        If given, look at nothing else as long as none of these is dated in the future.

    Returns
    -------
    int
        How many files were changed.
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


def _dated(paths: Iterable[Path]) -> Iterator[tuple[float, Path]]:
    """Modification times of the files that exist, each with its file."""
    for path in paths:
        try:
            yield path.stat().st_mtime, path
        except FileNotFoundError:
            continue

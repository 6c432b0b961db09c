"""What a job prints goes to the terminal and to its log, tracebacks included."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TextIO


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

    def __getattr__(self, name: str):
        return getattr(self._terminal, name)


def tee(path: str | Path) -> None:
    """From now on, copy standard output and standard error into the file `path`, line by line."""
    log = open(path, "w", buffering=1)  # noqa: SIM115 - open for the life of the job
    sys.stdout, sys.stderr = _Tee(sys.stdout, log), _Tee(sys.stderr, log)

"""What was found out about a file, kept as long as the file stays as it is."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def remembered(memory: str | Path, path: str | Path, question: str, answer: Callable[[], Any]) -> Any:
    """The answer to a question about a file, found out again once its size or one of its times has changed.

    A file that was replaced has another time of change (``st_ctime``) whatever its date says.

    Parameters
    ----------
    memory : path
        JSON file that keeps the answers; where it cannot be written, nothing is kept.
    path : path
        The file that is asked about.
    question : str
        What is asked, with everything else that the answer rests on.
    answer : callable
        Finds the answer, which must be JSON; an exception is passed on and not kept.
    """
    state = os.stat(path)
    stamp = [state.st_size, state.st_mtime_ns, state.st_ctime_ns]
    key = str(Path(path).absolute())
    try:
        known = json.loads(Path(memory).read_text())
        found = known[key]
    except (OSError, ValueError, KeyError):
        known, found = {}, {}
    if found.get("stamp") == stamp and question in found["answers"]:
        return found["answers"][question]
    value = answer()
    answers = found["answers"] if found.get("stamp") == stamp else {}
    known[key] = {"stamp": stamp, "answers": answers | {question: value}}
    keep(Path(memory), known)
    return value


def keep(path: Path, found: Any) -> None:
    """Write JSON whole or not at all, if it can be written; without the packages that :mod:`sim2sky.store` takes long to import."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(found))
        os.replace(temporary, path)

"""What differs between two nested values, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

ABSENT = object()
LONGEST = 60  # characters of a value that are shown


def differences(old: Any, new: Any, key: str = "") -> Iterator[str]:
    """Each difference as ``dotted.key: old -> new``."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*old, *new]):
            where = f"{key}.{name}" if key else str(name)
            yield from differences(old.get(name, ABSENT), new.get(name, ABSENT), where)
    elif old is ABSENT or new is ABSENT or old != new:
        yield f"{key}: {_shown(old)} -> {_shown(new)}"


def _shown(value: Any) -> str:
    if value is ABSENT:
        return "(not there)"
    if isinstance(value, Mapping):
        return f"{{{', '.join(map(str, value))}}}"
    text = repr(value)
    if len(text) <= LONGEST:
        return text
    return f"{len(value)} items" if isinstance(value, list) else f"{text[:LONGEST]}..."

"""Checksums of files, and of several checksums together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def key_of_images(dataset: str) -> str:
    """Key of the checksum of a dataset's real images, among those of survey cutouts, whose names have no dot."""
    return f"datasets.{dataset}.images"


def joined(sums: Iterable[str]) -> str:
    """One SHA-256 for several texts, in their order."""
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()


def sum_of_file(path: str | Path) -> str:
    """SHA-256 of the content of a file, or a word that says that it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "unreadable"

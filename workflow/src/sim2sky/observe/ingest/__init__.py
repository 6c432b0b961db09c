"""Real images: lists of them, the formats of the surveys, and how each is brought to the frame of a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from sim2sky.config import Reading
from sim2sky.observe.ingest.entries import INGEST_FLAGS, Entries, Entry, Frame, Ingested

__all__ = [
    "INGEST_FLAGS",
    "Entries",
    "Entry",
    "Frame",
    "Ingested",
    "list_images",
    "read_image",
    "read_images",
    "write_image_shard",
]


def list_images(path: str | Path) -> Entries:
    """Images of a folder, a list, a cube or a shard, in order; ValueError names what is wrong with it."""
    raise NotImplementedError


def read_image(entry: Entry, frame: Frame, reading: Reading) -> Ingested:
    """Read one image; what is wrong with it is the reason in the result."""
    raise NotImplementedError


def read_images(entries: Iterable[Entry], frame: Frame, reading: Reading, processes: int = 1) -> Iterator[Ingested]:
    """Read images in order."""
    raise NotImplementedError


def write_image_shard(
    entries: Entries, frame: Frame, reading: Reading, path: str | Path, fingerprint: Mapping[str, str]
) -> None:
    """Write images as a shard that is read as any data set is."""
    raise NotImplementedError

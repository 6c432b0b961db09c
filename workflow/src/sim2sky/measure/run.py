"""From images of the sky to a catalogue: ``sim2sky measure``.

Images are read, measured and written in parts, each a file of its own, so that memory does not grow with their number and a measurement that was
cut goes on from its last finished part.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyarrow import parquet

from sim2sky import store
from sim2sky.config import Reading
from sim2sky.measure.catalogue import DEFINITIONS, columns, rows
from sim2sky.measure.networks import choose, commonest, frame_of, said_of
from sim2sky.measure.tables import join_parts, write_part
from sim2sky.models.measuring import About, MeasuringNetwork
from sim2sky.observe.ingest import INGEST_FLAGS, Entries, Entry, Frame, list_images, read_image, read_images
from sim2sky.provenance.record import versions

PART = 2000  # images of a part, or fewer if they take more than
PART_BYTES = 100_000_000
PARTS = ".parts"  # folder of finished parts, below that of the catalogue


@dataclass(frozen=True)
class Catalogue:
    """A finished catalogue.

    Attributes
    ----------
    files : list of path
        Parquet, FITS and ECSV.
    about : About
        The network.
    entries : Entries
        The images.
    reading : Reading
        How they were read.
    """

    files: list[Path]
    about: About
    entries: Entries
    reading: Reading

    def image(self, row: int) -> np.ndarray:
        """The image of a measured row again, (band, y, x)."""
        pixels = read_image(self.entries[row], frame_of(self.about), self.reading).pixels
        if pixels is None:
            raise ValueError(f"{self.entries[row].file}: changed since it was measured")
        return pixels


def measure(
    path: str | Path,
    folder: str | Path,
    reading: Reading,
    model: str | Path | None = None,
    domain: str | None = None,
    processes: int = 1,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> Catalogue:
    """Measure images, whatever some of them are like: each has a row, which says why if there is no number in it.

    Parameters
    ----------
    path : path
        Folder of FITS files, list or table of them, cube, or shard.
    folder : path
        Where ``catalogue.parquet``, ``.fits`` and ``.ecsv`` are written. Parts of an earlier measurement of the same images with the same
        network, which was cut, are taken from there.
    reading : Reading
        What is said about the images beside their files.
    model : path
        Network file; that of `resources/networks` which fits if not given.
    domain : str
        Which of the network's domains the images are of.
    processes : int
        Processes that read files.
    overwrite : bool
        Whether a catalogue that is there is replaced.
    say : function
        Is told what happens, a line at a time.

    Raises
    ------
    ValueError, OSError
        There are no images, no network for them, none of the first ones can be measured, or the folder cannot be written to.
    """
    with _room(Path(folder), overwrite) as unfinished:
        entries = list_images(path)
        if not len(entries):
            raise ValueError(f"{path}: holds no images")
        if model is None:
            model, network = choose(entries, reading)
            say(f"{model} fits these images.")
        else:
            network = MeasuringNetwork.read(model, domain)
        for sentence in said_of(network.about):
            say(sentence)
        parts = _measured_parts(entries, network, reading, unfinished, processes, say)
        files = join_parts(parts, Path(folder) / "catalogue.parquet")
        shutil.rmtree(unfinished)
    return Catalogue(files, network.about, entries, reading)


@contextmanager
def _room(folder: Path, overwrite: bool) -> Iterator[Path]:
    """The folder of parts, which stays after a failure if it holds any; ValueError if there is no room for a catalogue."""
    files = [folder / f"catalogue.{kind}" for kind in ("parquet", "fits", "ecsv", "html")]
    if folders := [str(file) for file in files if file.is_dir()]:
        raise ValueError(f"--out: {folders[0]} is a folder; name another folder for the catalogue")
    # those beside parts are of a measurement that was cut while it wrote them
    if not (overwrite or (folder / PARTS).exists()) and (there := [file.name for file in files if file.exists()]):
        raise ValueError(
            f"--out: {folder} holds a catalogue ({', '.join(there)}); name another folder, or replace it with --overwrite"
        )
    new = not folder.exists()
    try:
        (folder / PARTS).mkdir(parents=True, exist_ok=True)
        (folder / PARTS / ".try").touch()
        (folder / PARTS / ".try").unlink()
    except OSError as error:
        raise ValueError(f"--out: {folder} is no folder that can be written to ({error.strerror})") from None
    try:
        yield folder / PARTS
    finally:
        for empty in (folder / PARTS, folder)[: 1 + new]:
            with suppress(OSError):
                empty.rmdir()


def _measured_parts(
    entries: Entries,
    network: MeasuringNetwork,
    reading: Reading,
    folder: Path,
    processes: int,
    say: Callable[[str], None],
) -> Sequence[Path]:
    """Files of all parts in order, those that are there included."""
    about, frame = network.about, frame_of(network.about)
    size = max(1, min(PART, PART_BYTES // (4 * int(np.prod(frame.shape)))))
    published = [name for name in about.parameters if name in entries.published]
    known = columns(about.parameters, INGEST_FLAGS, published=published)
    parts: list[Path] = []
    started, done = time.perf_counter(), 0
    for first in range(0, len(entries), size):
        some = list(entries[first : first + size])
        path = folder / f"{first:09d}-{_digest(some, about, reading)}.parquet"
        if not path.exists():
            images, table = read_part(some, frame, reading, processes)
            measured = (table.reason == "").to_numpy()
            if not (measured.any() or parts):
                reason = commonest(table.reason)
                example = table.file[table.reason == reason].iloc[0]
                raise ValueError(f"none of the first {len(some)} images can be measured; {example}: {reason}")
            estimates = network.measure(images) if len(images) else None
            table = rows(list(known), table, measured, estimates, about.population)
            write_part(table, path, known, metadata(about))
            done += len(some)
            speed = done / (time.perf_counter() - started)
            left = (len(entries) - first - len(some)) / speed
            say(f"{first + len(some)} of {len(entries)} images, {speed:.0f} per second, {left:.0f} s left")
        parts.append(path)
    return parts


def read_part(
    entries: Sequence[Entry], frame: Frame, reading: Reading, processes: int
) -> tuple[np.ndarray, pd.DataFrame]:
    """Images that can be measured, and what is known of all without a network, as :func:`catalogue.rows` takes it."""
    images = np.empty((len(entries), *frame.shape), np.float32)
    records, count = [], 0
    for entry, found in zip(entries, read_images(entries, frame, reading, processes), strict=True):
        if found.pixels is not None:
            images[count] = found.pixels
            count += 1
        texts = {"name": entry.name, "file": entry.file, "reason": found.reason or ""}
        record: dict[str, Any] = {key: readable(text) for key, text in texts.items()}
        record |= dict(
            zip(("ra", "dec"), found.about.get("position") or (_number(entry.ra), _number(entry.dec)), strict=True)
        )
        record |= {f"flag_{name}": found.flags.get(name, False) for name in INGEST_FLAGS}
        for name, (value, error) in entry.published.items():
            record |= {f"{name}_published": value, f"{name}_published_error": _number(error)}
        records.append(record)
    return images[:count], pd.DataFrame(records)


def readable(text: str) -> str:
    """Text that any file can hold: bytes of a file's name that are no UTF-8 as ``\\xff``."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _digest(entries: Sequence[Entry], about: About, reading: Reading) -> str:
    """What decides the rows of a part: the network, what is said about the images, and the files with their sizes and dates."""
    asked = [about.sha256, about.domain, versions(), reading.model_dump(mode="json")]
    digest = sha256(store.canonical_json(asked).encode())
    seen: dict[str, Any] = {}
    for entry in entries:
        if entry.file not in seen:
            seen = {entry.file: _state(entry.file)}
        digest.update(f"{entry}{seen[entry.file]}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]


def _state(file: str) -> tuple[int, int] | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def metadata(about: About) -> dict[str, Any]:
    """What a catalogue says about all of its rows."""
    return {
        "definitions": DEFINITIONS,
        "network": {
            "sha256": about.sha256,
            "title": about.title,
            "study": about.study,
            "run": about.run,
            "seeds": list(about.seeds),
            "domain": about.domain,
            "bands": list(about.bands),
            "pixels": about.pixels,
            "pixel_scale": about.pixel_scale,
        },
        "parameters": {name: dict(each) for name, each in about.parameters.items()},
        "population": {name: {end: each[end] for end in ("low", "high")} for name, each in about.population.items()},
        "versions": versions(),
    }


def summary(catalogue: str | Path) -> list[str]:
    """How many images were measured and how many have each flag, in lines to be printed."""
    names = [name for name in parquet.read_schema(catalogue).names if name.startswith("flag_")]
    flags = pd.read_parquet(catalogue, columns=names)
    lines = [f"{len(flags) - flags.flag_not_measured.sum()} of {len(flags)} images measured"]
    return lines + [f"{name.removeprefix('flag_')}: {count}" for name, count in flags.sum().items() if count]

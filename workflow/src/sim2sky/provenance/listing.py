"""Which real images there are, and a checksum of those of each shard, remembered as long as the files stay as they are.

The Snakefile asks while it is parsed. What was found is kept, so that a parse looks at names, sizes and dates of files and at nothing else;
once one of them is new, the content decides, and only shards whose images have another content are made again.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from sim2sky.provenance.checksums import joined, sum_of_file
from sim2sky.provenance.remembered import keep

MEMORY = Path(".snakemake/sim2sky")
_SLOW = 10_000  # files that take so long to read that it is said


class Listing(NamedTuple):
    """The images at a path, in order.

    Attributes
    ----------
    total : int
        How many.
    files : list of str
        The file of each; ``{band}`` in it stands for the name of a band. One file, if all are in it.
    about : list of str
        What else the list says of each; empty if it says nothing.
    """

    total: int
    files: list[str]
    about: list[str]

    def part(self, shard: str, bands: Sequence[str]) -> tuple[list[str], list[str]]:
        """Files of the images of a shard, ``first-last``, each once, and what else the list says of them."""
        first, last = map(int, shard.split("-"))
        named = self.files if len(self.files) == 1 else self.files[first : last + 1]
        files = dict.fromkeys(file.replace("{band}", band) for file in named for band in bands)
        return list(files), self.about[first : last + 1]


def listed(path: str | Path, code: str, list_images: Callable[[str | Path], Any]) -> Listing:
    """The images at a path, listed again once a folder, or the file that lists or holds them, has changed.

    Parameters
    ----------
    path : path
        As `list_images` takes it.
    code : str
        Hash of the code that lists.
    list_images : callable
        :func:`sim2sky.observe.ingest.list_images`, which takes long to import and may do so when it is called.

    Raises
    ------
    ValueError
        There are none, or the list cannot be read.
    """
    memory = _memory("list", path)
    # a folder has another date once a file in it is there or gone; a table finds files beside it
    places = [folder for folder, *_ in os.walk(path, followlinks=True)] or [str(path), str(Path(path).parent)]
    stamp = joined([code, *map(_stamp, places)])
    known = _read(memory)
    if known.get("stamp") == stamp:
        return Listing(*known["listing"])
    entries = list_images(path)
    files = [entries.files] if isinstance(entries.files, str) else list(map(str, entries.files))
    about = [] if Path(path).is_dir() and entries.planes is None else list(map(_about, entries))
    found = Listing(len(entries), files if len(set(files)) > 1 else files[:1], about)
    keep(memory, {"stamp": stamp, "listing": found})
    return found


def checksums(path: str | Path, listing: Listing, shards: Iterable[str], bands: Sequence[str]) -> dict[str, str]:
    """Checksum of the images of each shard: of the content of their files, and of what the list says of them.

    Parameters
    ----------
    path : path
        Where the images are.
    listing : Listing
        What is there.
    shards : iterable of str
        Names of the shards, ``first-last`` image.
    bands : sequence of str
        Bands that are read.
    """
    memory = _memory("sums", path)
    known, root = _read(memory), str(path if Path(path).is_dir() else Path(path).parent)
    parts = {shard: listing.part(shard, bands) for shard in shards}
    stamp_of = cache(_stamp)  # of a cube, which all shards are from
    stamps = {shard: _sum(root, *part, stamp_of) for shard, part in parts.items()}
    new = [shard for shard, stamp in stamps.items() if stamp not in known]
    files = {file for shard in new for file in parts[shard][0]}
    if len(files) > _SLOW:
        print(f"{path}: reading {len(files)} files, which are new or changed, for their checksums", file=sys.stderr)
    with ThreadPoolExecutor(8) as readers:
        content = dict(zip(files, readers.map(sum_of_file, files), strict=True))
    known |= {stamps[shard]: _sum(root, *parts[shard], content.__getitem__) for shard in new}
    if new:
        keep(memory, known)
    return {shard: known[stamp] for shard, stamp in stamps.items()}


def _memory(what: str, path: str | Path) -> Path:
    return MEMORY / f"{what}-{joined([str(Path(path).absolute())])[:12]}.json"


def _about(entry: Any) -> str:
    """What a list says of an image beside its file."""
    return json.dumps([entry.name, entry.plane, entry.ra, entry.dec, entry.published])


def _read(memory: Path) -> dict[str, Any]:
    """What was kept; nothing if it cannot be read."""
    try:
        return dict(json.loads(memory.read_text()))
    except (OSError, ValueError):
        return {}


def _stamp(file: str) -> str:
    """Size and times of a file; one that was replaced has another time of change whatever its date says."""
    try:
        state = os.stat(file)
    except OSError:
        return "not there"
    return f"{state.st_size} {state.st_mtime_ns} {state.st_ctime_ns}"


def _sum(root: str, files: Iterable[str], about: Iterable[str], of: Callable[[str], str]) -> str:
    """One checksum of images, by what `of` says of each file; where their folder `root` lies does not count."""
    return joined([*(f"{file.removeprefix(root)} {of(file)}" for file in files), *about])

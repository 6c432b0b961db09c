"""Many images: read side by side, and written as a shard."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from sim2sky.config import Reading
from sim2sky.observe.ingest.entries import INGEST_FLAGS, Entries, Entry, Frame, Ingested
from sim2sky.observe.ingest.read import read_image
from sim2sky.observe.ingest.shards import ERROR, PUBLISHED
from sim2sky.provenance.record import provenance
from sim2sky.store import IMAGE_DIMS, Variable, write_shard

TOGETHER = 64  # images that a process reads at once: handing over costs as much as reading one


def read_images(entries: Iterable[Entry], frame: Frame, reading: Reading, processes: int = 1) -> Iterator[Ingested]:
    """Read images one after the other, in order; only a few of them are in memory at a time.

    Parameters
    ----------
    entries : iterable of Entry
        The images.
    frame, reading
        As for :func:`~sim2sky.observe.ingest.read.read_image`.
    processes : int
        How many read side by side.
    """
    if processes == 1:
        yield from (read_image(entry, frame, reading) for entry in entries)
        return
    images = iter(entries)
    parts = iter(lambda: list(islice(images, TOGETHER)), [])
    pool = Parallel(processes, return_as="generator", pre_dispatch="2 * n_jobs", batch_size=1)
    folder = os.getcwd()  # joblib keeps processes, which may have begun in another
    for part in pool(delayed(_read_part)(part, frame, reading, folder) for part in parts):
        yield from part


def _read_part(entries: list[Entry], frame: Frame, reading: Reading, folder: str) -> list[Ingested]:
    os.chdir(folder)
    return [read_image(entry, frame, reading) for entry in entries]


def write_image_shard(
    entries: Entries,
    frame: Frame,
    reading: Reading,
    path: str | Path,
    fingerprint: Mapping[str, str],
    files: Mapping[str, str] | None = None,
) -> None:
    """Write images as a shard, which is read as one of any data set.

    Parameters
    ----------
    entries : Entries
        The images.
    frame, reading
        As for :func:`~sim2sky.observe.ingest.read.read_image`.
    path : path
        Shard to write: ``image``; per lens ``lens``, its place in the list; ``ra`` and ``dec``, NaN where not known; ``measured``,
        false for an image that could not be used, which is zero everywhere; a truth value for each flag of
        :data:`~sim2sky.observe.ingest.entries.INGEST_FLAGS`; ``sigma_background``, the median standard deviation of the pixels
        per band, NaN where the file has none; and published values as ``published_<parameter>``. The attributes have ``names``
        and ``files`` in order, and ``reasons`` by the place in the shard.
    fingerprint : mapping of str to str
        Of the code.
    files : mapping of str to str
        Checksum of the files, for the provenance, as :func:`sim2sky.provenance.listing.checksums` finds it.

    Raises
    ------
    ValueError
        There are no images.
    """
    if not entries:
        raise ValueError(f"{path}: there are no images to write")
    started = time.perf_counter()
    count, first, last = len(entries), entries[0], entries[-1]
    print(f"{path}: reading {count} images, {first.name} to {last.name}", flush=True)
    image = np.zeros((count, *frame.shape), np.float32)
    sigma = np.full((count, len(frame.bands)), np.nan, np.float32)
    flags = {name: np.zeros(count, bool) for name in INGEST_FLAGS}
    listed = _of_the_list(entries)
    reasons: dict[str, str] = {}
    for at, found in enumerate(read_images(entries, frame, reading)):
        if found.pixels is None:
            reasons[str(at)] = str(found.reason)
            print(f"{path}: {entries[at].name} cannot be used: {found.reason}", flush=True)
            continue
        image[at] = found.pixels
        for name, value in zip(("ra", "dec"), found.about.get("position") or (), strict=False):
            listed[name].data[at] = value
        for name, values in flags.items():
            values[at] = found.flags[name]
        if found.sigma is not None:
            sigma[at] = [np.nanmedian(band) if np.isfinite(band).any() else np.nan for band in found.sigma]
    measured = np.array([str(at) not in reasons for at in range(count)])
    variables = {
        "image": Variable(image, IMAGE_DIMS, "counts/s", "real image"),
        "sigma_background": Variable(sigma, IMAGE_DIMS[:2], "counts/s", "median standard deviation of the pixels"),
        "measured": Variable(measured, long_name="whether there is an image that can be used"),
    }
    variables |= {name: Variable(values, long_name=INGEST_FLAGS[name]) for name, values in flags.items()}
    about: dict[str, Any] = {"zero_point": list(frame.zero_points), "pixel_scale": frame.pixel_scale}
    about |= {"bands": list(frame.bands), "reasons": reasons}
    about |= {"names": [entry.name for entry in entries], "files": [entry.file for entry in entries]}
    config = {"images": reading.params(), "frame": asdict(frame), **(files or {})}
    record = provenance(config, fingerprint, **about)
    write_shard(path, variables | listed, record)
    print(
        f"{path}: done, {measured.sum()} of {count}, {count / (time.perf_counter() - started):.0f} images/s", flush=True
    )


def _of_the_list(entries: Entries) -> dict[str, Variable]:
    """What a list says of its images."""
    part = slice(entries.first, entries.first + len(entries))
    ra, dec = (
        np.full(len(entries), np.nan) if values is None else values[part].copy() for values in (entries.ra, entries.dec)
    )
    found = {
        "lens": Variable(np.arange(part.start, part.stop), long_name="place in the list of images"),
        "ra": Variable(ra, unit="deg", long_name="right ascension"),
        "dec": Variable(dec, unit="deg", long_name="declination"),
    }
    for name, (values, errors) in entries.published.items():
        found[PUBLISHED + name] = Variable(values[part], long_name=f"published {name}")
        if errors is not None:
            found[PUBLISHED + name + ERROR] = Variable(errors[part], long_name=f"error of the published {name}")
    return found

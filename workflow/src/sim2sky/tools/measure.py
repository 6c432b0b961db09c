"""``sim2sky measure``: a catalogue of images, its page and, if asked for, its lenses in the COOLEST standard."""

from __future__ import annotations

import argparse
from pathlib import Path

from pyarrow import parquet
from pydantic import ValidationError

from sim2sky.config import Reading
from sim2sky.measure.coolest import file_name, require_coolest, write_coolest
from sim2sky.measure.networks import said_of
from sim2sky.measure.run import Catalogue, measure, readable, summary
from sim2sky.observe.ingest.registry import list_surveys, survey_of
from sim2sky.report.page.catalogue import write_catalogue_page


def formats() -> str:
    """Names of the known formats of files, with a line about each."""
    texts = {name: str(survey_of((), name)[1].__doc__).splitlines()[0].replace("``", "") for name in list_surveys()}
    return "\n".join(f"{name:20} {text}" for name, text in texts.items())


def reading_of(options: argparse.Namespace) -> Reading:
    """What is said about images on the command line.

    Raises
    ------
    ValueError
        A value is not allowed; the message names the option.
    """
    given = {name: getattr(options, name) for name in Reading.model_fields}
    if given["hdu"] is not None and given["hdu"].isdecimal():
        given["hdu"] = int(given["hdu"])
    try:
        return Reading.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]).replace("_", "-")
        raise ValueError(f"--{option}: {first['msg'].removeprefix('Value error, ')}") from None


def run(options: argparse.Namespace) -> None:
    """Measure what the command line names, and say where the results are.

    Raises
    ------
    ValueError, OSError
        Something on the command line, all images, the network or the folder for the results cannot be used.
    """
    reading = reading_of(options)
    if options.processes < 1:
        raise ValueError(f"--processes: {options.processes} is less than 1")
    if options.coolest:
        require_coolest()
    path = Path(options.path)
    folder = Path(options.out or f"{path.resolve().name.partition('.')[0] or 'images'}-measured")
    found = measure(path, folder, reading, options.model, options.domain, options.processes, options.overwrite, _say)
    for old in (folder / "coolest").glob(f"{'[0-9]' * 7}-*.json"):  # of the catalogue that was replaced
        old.unlink()
    if options.coolest:
        _write_lenses(found, folder / "coolest")
    page = folder / "catalogue.html"
    write_catalogue_page(found.files[0], page, readable(str(path)), said_of(found.about), found.image)
    for line in [*summary(found.files[0]), f"written: {', '.join(map(str, [*found.files, page]))}"]:
        _say(line)


def _say(line: str) -> None:
    print(line, flush=True)


def _write_lenses(found: Catalogue, folder: Path) -> None:
    """Each measured row as a file of its own."""
    about = found.about
    said = {
        "parameters": list(about.parameters),
        "band": about.bands[0],
        "pixel_scale": about.pixel_scale,
        "pixels": about.pixels,
        "zero_point": about.zero_points[0] if about.zero_points else None,
        "network": about.sha256,
    }
    index = 0
    for batch in parquet.ParquetFile(found.files[0]).iter_batches():
        for row in batch.to_pandas().to_dict("records"):
            if not row["flag_not_measured"]:
                write_coolest(row, said, folder / file_name(index, row["name"]))
            index += 1

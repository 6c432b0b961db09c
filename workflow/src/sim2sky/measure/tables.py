"""Catalogues as files: Parquet, and from it FITS and ECSV, with one part in memory at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from astropy.io import fits
from astropy.table import Column, Table
from pyarrow import parquet

from sim2sky import store
from sim2sky.measure import catalogue
from sim2sky.parquet import join_parquet, write_parquet

_FITS_BLOCK = 2880


def write_part(
    table: pd.DataFrame, path: str | Path, columns: Mapping[str, catalogue.Column], about: Mapping[str, Any]
) -> None:
    """Write some rows of a catalogue as Parquet, with units, descriptions and descriptors of the columns, and `about` (JSON) them."""
    table.attrs = dict(about)
    units, ucds = ({n: getattr(c, key) for n, c in columns.items() if getattr(c, key)} for key in ("unit", "ucd"))
    write_parquet(table, path, units, {name: column.description for name, column in columns.items()}, ucds)


def join_parts(parts: Sequence[str | Path], path: str | Path) -> list[Path]:
    """Join the parts of a catalogue in their order, as Parquet, FITS and ECSV side by side.

    Parameters
    ----------
    parts : sequence of path
        Written by :func:`write_part`.
    path : path
        Parquet file to write; the others have its name and the endings ``.fits`` and ``.ecsv``.

    Returns
    -------
    list of path
        The files.
    """
    files = [Path(path), Path(path).with_suffix(".fits"), Path(path).with_suffix(".ecsv")]
    join_parquet(parts, files[0])
    _write_fits(*files[:2])
    _write_ecsv(files[0], files[2])
    return files


def _groups(path: Path) -> Iterator[Table]:
    """The row groups of a catalogue as tables with units, text as wide as in the longest row of all."""
    file = parquet.ParquetFile(path)
    whole, metadata = Table.read(path, format="parquet", schema_only=True), file.schema_arrow.metadata
    for group in range(file.num_row_groups):
        frame = file.read_row_group(group).to_pandas()
        table = Table(meta={key: value for key, value in whole.meta.items() if key != "units"})
        for name in frame:
            is_text = pd.api.types.is_string_dtype(frame[name])
            width = int(metadata.get(f"table::len::{name}".encode(), 0)) if is_text else 0
            table[name] = frame[name].to_numpy(f"U{max(1, width)}" if is_text else None)
            for attribute in ("unit", "description", "meta"):
                setattr(table[name], attribute, getattr(whole[name], attribute))
        yield table


def _write_fits(joined: Path, path: Path) -> None:
    """A binary table with astropy's header, which also says what columns hold where TOPCAT looks for it.

    FITS knows no text beyond ASCII: other characters become question marks.
    """
    count = parquet.ParquetFile(joined).metadata.num_rows
    with store.atomic(path) as temporary, open(temporary, "wb") as file:
        for table in _groups(joined):
            for name in [name for name in table.colnames if table[name].dtype.kind == "U"]:
                width = table[name].dtype.itemsize // 4
                ascii_alone = np.char.encode(table[name], "ascii", "replace").astype(f"S{width}")
                table.replace_column(name, Column(ascii_alone, **_about(table[name])))
            # the header is written once; its cards take no mappings
            table.meta = _cards(table.meta) if not file.tell() else {}
            buffer = io.BytesIO()
            table.write(buffer, format="fits")
            content = buffer.getvalue()
            with fits.open(io.BytesIO(content)) as hdus:
                primary, header, start = hdus[0].header, hdus[1].header, hdus[1].fileinfo()["datLoc"]
            size = header["NAXIS1"] * header["NAXIS2"]
            if not file.tell():
                header["NAXIS2"] = count
                file.write((primary.tostring() + _described(header, table).tostring()).encode("ascii"))
            file.write(content[start : start + size])
        file.write(bytes(-file.tell() % _FITS_BLOCK))


def _cards(meta: Mapping[str, Any]) -> dict[str, Any]:
    """What a catalogue says of itself as comments, and the checksum of its network, which is longer than a line of them."""
    lines = yaml.safe_dump(dict(meta), sort_keys=False, width=56).splitlines()
    return {"comments": lines, "network": meta["network"]["sha256"]}


def _about(column: Column) -> dict[str, Any]:
    return {"unit": column.unit, "description": column.description, "meta": column.meta}


def _described(header: fits.Header, table: Table) -> fits.Header:
    """The header with TCOMM and TUCD for each column."""
    for number, name in enumerate(table.colnames, start=1):
        column = table[name]
        cards = {"TCOMM": column.description, "TUCD": column.meta.get("ucd")}
        for key, text in cards.items():
            if text:
                header.set(f"{key}{number}", text, after=f"TFORM{number}")
    return header


def _write_ecsv(joined: Path, path: Path) -> None:
    with store.atomic(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        for table in _groups(joined):
            if not file.tell():
                table[:0].write(file, format="ascii.ecsv", delimiter=",")
            table.to_pandas(index=False).to_csv(
                file, header=False, index=False, quoting=csv.QUOTE_NONNUMERIC, na_rep="nan", lineterminator="\n"
            )

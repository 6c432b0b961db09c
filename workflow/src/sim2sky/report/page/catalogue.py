"""The page of a catalogue: one HTML file with images, values and flags, which opens offline."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.table import Table
from matplotlib.figure import Figure
from pyarrow import parquet

from sim2sky import store
from sim2sky.report import symbols
from sim2sky.report.catalogue import chosen, parameters_of, read_numbers, read_text
from sim2sky.report.figures import catalogue as figures
from sim2sky.report.figures import style
from sim2sky.report.page.write import as_text, css, template

TEXTS = {
    "Distribution": "Medians of the measured images. Dotted lines are the ends of the range of labels that the network has learnt.",
    "Measured against true or published values": (
        "Medians, with 68 % intervals if there are at most 300; on the dotted line both are equal. The network has learnt from none of these values."
    ),
    "Failures against images kept": (
        "Images are kept in the order of their relative error, the smallest first. A failure is off by more than 15 % of the true or "
        "published value. The curve without flags ends where all images without flags are kept."
    ),
}
REASONS = 12  # kinds of reasons that are listed


def write_catalogue_page(
    catalogue: str | Path, path: str | Path, title: str, said: Sequence[str], image: Callable[[int], np.ndarray]
) -> None:
    """Write the page of a catalogue.

    Parameters
    ----------
    catalogue : path
        Parquet file.
    path : path
        HTML file to write.
    title : str
        What was measured.
    said : sequence of str
        Sentences about the network.
    image : function
        Gives the (band, y, x) image of a row.
    """
    table = read_numbers(catalogue)
    with style.style():
        sections = [
            {"title": heading, "text": text, "image": _png(figure)}
            for heading, text, figure in _sections(table, catalogue, image)
        ]
    page = template("catalogue.html").render(
        css=css(),
        title=title,
        files=[Path(catalogue).with_suffix(suffix).name for suffix in (".parquet", ".fits", ".ecsv")],
        count=f"{len(table):,}",
        measured=f"{(~table.flag_not_measured).sum():,}",
        doubtful=f"{table.doubtful.sum():,}",
        said=said,
        sections=sections,
        flags=_flags(table, catalogue),
        reasons=_reasons(catalogue),
        provenance=as_text(dict(table.attrs["network"]) | {"versions": table.attrs["versions"]}),
    )
    with store.atomic(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _sections(
    table: pd.DataFrame, catalogue: str | Path, image: Callable[[int], np.ndarray]
) -> Iterator[tuple[str, str, Figure]]:
    name = symbols.text_symbol(parameters_of(table)[0])
    network = table.attrs["network"]
    side = f", {network['pixels'] * network['pixel_scale']:.3g} arcsec wide" if network["pixel_scale"] else ""
    of_all = f"{name} above each image: median, and the distances to the 16 % and 84 % quantiles. The first band is shown{side}."
    for heading, rows, text in zip(
        ("Images without flags", "Flagged images"),
        chosen(table),
        (f"Evenly spaced by {name}. {of_all}", f"{of_all} The flags are inside, each by a word of its name."),
        strict=True,
    ):
        if rows:
            names = read_text(catalogue, rows)["name"]
            yield heading, text, figures.montage(table.loc[rows], list(names), [image(row) for row in rows])
    for heading, figure in figures.pictures(table).items():
        yield heading, TEXTS[heading], figure


def _png(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()


def _flags(table: pd.DataFrame, catalogue: str | Path) -> list[tuple[str, str, str]]:
    columns = Table.read(catalogue, format="parquet", schema_only=True).columns
    names = [name for name in table if name.startswith("flag_")]
    return [(name, f"{table[name].sum():,}", columns[name].description) for name in names]


def _reasons(catalogue: str | Path) -> list[tuple[str, str]]:
    """How often images were not measured, and why; reasons that differ in numbers alone are of one kind."""
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    file = parquet.ParquetFile(catalogue)
    for batch in file.iter_batches(columns=["reason"]):
        reasons = batch.to_pandas().reason
        for reason in reasons[reasons != ""]:
            kind = "".join(letter for letter in reason if not letter.isdigit())
            first.setdefault(kind, reason)
            counts[kind] += 1
    return [(f"{number:,}", first[kind]) for kind, number in counts.most_common(REASONS)]

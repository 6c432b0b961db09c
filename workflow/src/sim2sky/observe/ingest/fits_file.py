"""FITS files as their images: headers at once, pixels only of the HDU and the plane that are asked for.

A survey's cutouts are many small files, for which astropy takes longer than a network does (0.8 ms, with its coordinates 3 ms). Plain files,
images of plain numbers, are therefore read here, by the layout of the FITS standard 4.0 (sections 3 and 4); whatever is compressed, scaled or
holds tables is left to astropy.
"""

from __future__ import annotations

import math
import os
import re
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from stat import S_ISREG
from typing import Any, BinaryIO

import numpy as np
from astropy.io import fits

from sim2sky.observe.sky import Header

BLOCK, CARD = 2880, 80
TOGETHER = 2**18  # pixels of a cube that are read at once
IN_MEMORY = 2**28  # bytes of a file up to which its images are kept in memory if they are not plain
TYPES = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_TEXT = re.compile(r"'((?:[^']|'')*)'")
Stamp = tuple[int, int]  # size [byte] and time of modification [ns] of a file


class Unusable(ValueError):
    """Why an image cannot be measured, in words for its row of the catalogue."""


@dataclass(frozen=True)
class Unit:
    """One HDU of a file.

    Attributes
    ----------
    index : int
        Number of the HDU.
    header : mapping
        Its cards; those of a primary HDU without an image stand in for the ones that it has not.
    shape : tuple of int
        Of the pixels; empty for tables.
    path, stamp
        The file, and what tells whether it is still the same.
    offset : int
        Where its pixels are in a plain file.
    pixels : callable, optional
        Gives those that astropy reads, of one plane or all.
    """

    index: int
    header: Header
    shape: tuple[int, ...]
    path: str
    stamp: Stamp
    offset: int = 0
    pixels: Callable[[int | None], np.ndarray] | None = None

    @cached_property
    def label(self) -> str:
        """Number and names, for messages and to tell what it is."""
        kinds = (str(self.header.get(key, "")).strip().upper() for key in ("EXTNAME", "EXTTYPE", "IMAGETYP"))
        return " ".join(dict.fromkeys([str(self.index), *filter(None, kinds)]))

    @cached_property
    def axes(self) -> tuple[int, ...]:
        """Shape without axes of length one before the last two."""
        return (*(length for length in self.shape[:-2] if length > 1), *self.shape[-2:])

    def read(self, plane: int | None = None) -> np.ndarray:
        """Pixels (y, x), of one plane of a cube if there is one; of the type that the file has."""
        axes, start = self.axes if plane is None else self.axes[1:], self.offset
        if self.pixels is not None:
            return np.asarray(self.pixels(plane)).reshape(axes)
        kind, count = TYPES[self.header["BITPIX"]], math.prod(axes)
        if plane is None:
            return _from_file(self.path, kind, start, count).reshape(axes)
        together = max(1, min(TOGETHER // count, self.axes[0]))
        first = plane // together * together
        start += first * count * int(kind[-1])
        together = min(together, self.axes[0] - first)
        return _planes(self.path, self.stamp, kind, start, together * count)[(plane - first) * count :][:count].reshape(
            axes
        )


@lru_cache(maxsize=8)  # opening a file takes as long as measuring an image
def _planes(path: str, stamp: Stamp, kind: str, start: int, count: int) -> np.ndarray:
    """Pixels of some planes of a cube, most of which are asked for next."""
    pixels = _from_file(path, kind, start, count)
    pixels.flags.writeable = False
    return pixels


def _from_file(path: str, kind: str, start: int, count: int) -> np.ndarray:
    """Numbers of a file in the order of bytes that this machine computes fastest with."""
    return np.fromfile(path, kind, count, offset=start).astype(kind.replace(">", "="))


def stamp(path: str) -> Stamp:
    """What tells whether a file is still the same; Unusable if there is none."""
    try:
        about = os.stat(path)
    except FileNotFoundError:
        raise Unusable("no such file") from None
    if not S_ISREG(about.st_mode):
        raise Unusable("is no file")
    return about.st_size, about.st_mtime_ns


@lru_cache(maxsize=4)  # planes of a cube come one after the other
def open_units(path: str, stamp: Stamp) -> tuple[Unit, ...]:
    """All HDUs of a file that hold anything.

    Parameters
    ----------
    path : str
        The file.
    stamp : (int, int)
        As :func:`stamp` gives it; a file that is still the same is not read again.

    Raises
    ------
    Unusable
        The file is empty, truncated or not FITS.
    """
    size, _ = stamp
    if not size:
        raise Unusable("the file is empty")
    plain = None
    with open(path, "rb") as file:
        begin = file.read(9)
        if begin == b"SIMPLE  =":
            file.seek(0)
            plain = _plain_units(file, path, stamp)
        elif not begin.startswith((b"\x1f\x8b", b"BZh")):
            raise Unusable("not a FITS file: it does not begin with SIMPLE")
    if plain is not None:
        return tuple(plain)
    try:
        return tuple(_astropy_units(path, stamp))
    except Exception as error:  # of astropy there are many
        raise Unusable(f"cannot be read, the file may be damaged ({type(error).__name__}: {error})") from error


def _plain_units(file: BinaryIO, path: str, stamp: Stamp) -> list[Unit] | None:
    """HDUs of a plain file; None if astropy has to read it."""
    units: list[Unit] = []
    above: dict[str, Any] = {}
    end, index, size = 0, 0, stamp[0]
    while end < size and (text := _header_text(file, end)) is not None:
        header = parse_cards(text)
        if not _is_plain(header, first=not end):
            return None
        offset = end + len(text)
        shape = tuple(int(header[f"NAXIS{axis}"]) for axis in range(int(header["NAXIS"]), 0, -1))
        length = math.prod(shape) * abs(header["BITPIX"]) // 8 if shape else 0
        if offset + length > size:
            raise Unusable(f"the file is truncated: HDU {index} ends at byte {offset + length}, the file at {size}")
        if not end and not length:
            above = {key: value for key, value in header.items() if not key.startswith(("NAXIS", "BITPIX", "EXT"))}
        if length:
            units.append(Unit(index, above | header, shape, path, stamp, offset))
        index += 1
        end = offset + math.ceil(length / BLOCK) * BLOCK
        file.seek(end)
    return units


def _is_plain(header: Header, first: bool) -> bool:
    """Whether an HDU is an image of numbers that are meant as they are."""
    return (
        (first or header.get("XTENSION") == "IMAGE")
        and header.get("BITPIX") in TYPES
        and isinstance(header.get("NAXIS"), int)
        and all(isinstance(header.get(f"NAXIS{axis}"), int) for axis in range(1, header["NAXIS"] + 1))
        and header.get("BSCALE", 1) == 1
        and header.get("BZERO", 0) == 0
        and not header.get("PCOUNT")
        and header.get("GROUPS") is not True
    )


def _header_text(file: BinaryIO, start: int) -> str | None:
    """Cards of an HDU in whole blocks; None if what follows the last HDU is no other one."""
    text = ""
    while block := file.read(BLOCK):
        text += block.decode("latin-1")
        if not text.startswith(("SIMPLE  =", "XTENSION")):
            return None
        cards = range(len(text) - len(block), len(text), CARD)
        if any(text[at : at + 8] == "END     " for at in cards):
            if len(block) < BLOCK:
                break
            return text
    if not start or text:
        raise Unusable("the file is truncated: a header has no end")
    return None


def parse_cards(text: str) -> dict[str, Any]:
    """Values of a header's cards by their keys, the first of each; text that goes on in CONTINUE is cut there."""
    found: dict[str, Any] = {}
    for at in range(0, len(text), CARD):
        key, value = _card(text[at : at + CARD])
        if value is not None:
            found.setdefault(key, value)
    return found


@lru_cache(maxsize=4096)  # most cards are the same in all files of a survey
def _card(card: str) -> tuple[str, Any]:
    """Key and value of a card; None for one without a value."""
    if card[8:10] == "= ":
        key, value = card[:8].rstrip(), card[10:].strip()
    elif card.startswith("HIERARCH ") and "=" in card:
        key, value = (part.strip() for part in card[9:].split("=", 1))
    else:
        return "", None
    return key, _value(value) if value else None


def _value(text: str) -> Any:
    if text[0] == "'":
        match = _TEXT.match(text)
        return match[1].replace("''", "'").rstrip() if match else None
    word = text.partition("/")[0].strip()
    if word in ("T", "F"):
        return word == "T"
    for kind in (int, float):
        try:
            return kind(word.replace("D", "E") if kind is float else word)
        except ValueError:
            continue
    return None


def _astropy_units(path: str, stamp: Stamp) -> list[Unit]:
    """HDUs as astropy reads them; images at once if that takes little memory, plane by plane if not."""
    units: list[Unit] = []
    above, in_memory = fits.Header(), stamp[0] < IN_MEMORY
    with warnings.catch_warnings(), ExitStack() as closing:
        warnings.simplefilter("ignore")  # of cards that are not by the standard
        file = closing.enter_context(fits.open(path, memmap=False, lazy_load_hdus=False))
        for index, hdu in enumerate(file):
            header = hdu.header.copy()
            shape = tuple(hdu.shape) if hdu.is_image and hdu.shape and math.prod(hdu.shape) else ()
            if not index and not shape:
                above = header
            elif shape:
                header.extend(above, unique=True, strip=True)
            if shape or not hdu.is_image:
                kept = partial(_held, hdu.data) if shape and in_memory else partial(_section, hdu)
                units.append(Unit(index, _without_undefined(header), shape, path, stamp, pixels=kept))
        if not in_memory:
            closing.pop_all()  # stays open as long as its units
    return units


def _held(data: np.ndarray, plane: int | None) -> np.ndarray:
    return data if plane is None else data.reshape(-1, *data.shape[-2:])[plane]


def _section(hdu: Any, plane: int | None) -> np.ndarray:
    return hdu.data if plane is None else hdu.section[(0,) * (len(hdu.shape) - 3) + (plane,)]


def _without_undefined(header: fits.Header) -> dict[str, Any]:
    """Cards as :func:`parse_cards` gives them."""
    found: dict[str, Any] = {}
    for card in header.cards:
        if card.keyword not in found and not isinstance(card.value, fits.card.Undefined):
            found[card.keyword] = card.value
    return found


@lru_cache(maxsize=4)
def stem(path: str) -> str:
    """Name of a file without what says that it is FITS."""
    return re.sub(r"(\.fits?|\.fts)?(\.gz|\.fz|\.bz2)?$", "", Path(path).name, flags=re.IGNORECASE)

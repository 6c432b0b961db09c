"""What is read and what comes of it: the images of a list, the frame that they are brought to, and the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, overload

import numpy as np

from sim2sky.observe.ingest.fits_file import stem

# Flags of an image that was read, each with what it means.
INGEST_FLAGS = {
    "bad_pixels": "pixels without data, masked or saturated were filled from their neighbours",
    "resampled": "the image was resampled to the pixel scale of the network",
    "cropped_off_centre": "the frame was cut about a point that is more than a pixel from the middle of the image",
    "zero_point_unchecked": "the file does not say its zero point: that of its survey, or the one given, was believed",
    "pixel_scale_unchecked": "the file does not say its pixel scale: that of its survey, or the one given, was believed",
}


@dataclass(frozen=True)
class Frame:
    """What images are brought to: bands, size and unit that a network takes.

    Attributes
    ----------
    bands : tuple of str
        In the order of the channels.
    pixels : int
        Side of the images.
    pixel_scale : float
        Size of a pixel [arcsec].
    zero_points : tuple of float
        AB magnitude of one unit of the images, per band.
    """

    bands: tuple[str, ...]
    pixels: int
    pixel_scale: float
    zero_points: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(band, y, x)."""
        return len(self.bands), self.pixels, self.pixels


@dataclass(frozen=True, slots=True)
class Entry:
    """One image of a list.

    Attributes
    ----------
    index : int
        Its place in the list.
    name : str
        Identifier; text, for numbers of 19 digits are no floats.
    file : str
        Its path; ``{band}`` stands for the name of a band where each has a file of its own.
    plane : int or None
        Which one of a cube or a shard.
    ra, dec : float or None
        Position [deg].
    published : mapping of str to (float, float or None)
        Published values of parameters, each with its error; to be scored by and never learnt from.
    """

    index: int
    name: str
    file: str
    plane: int | None = None
    ra: float | None = None
    dec: float | None = None
    published: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Entries(Sequence[Entry]):
    """The images of a list, held as columns: a million of them take as much memory as their names.

    Attributes
    ----------
    length : int
        How many there are.
    files : sequence of str, or str
        One for each, or one for all of which they are the planes.
    names : sequence of str, or None
        None names them after the file and the plane.
    planes : sequence of int, or None
        None for images that are no planes; -1 for one that is none.
    ra, dec : (n,) array, or None
        Positions [deg], NaN where there is none.
    published : mapping of str to (array, array or None)
        Values and errors of parameters, NaN where there is none.
    first : int
        Place of the first one, where these are a part of a list.
    """

    length: int
    files: Sequence[str] | str
    names: Sequence[str] | None = None
    planes: Sequence[int] | np.ndarray | None = None
    ra: np.ndarray | None = None
    dec: np.ndarray | None = None
    published: Mapping[str, tuple[np.ndarray, np.ndarray | None]] = field(default_factory=dict)
    first: int = 0

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> Entries: ...
    def __getitem__(self, index: int | slice) -> Entry | Entries:
        if isinstance(index, slice):
            start, stop, step = index.indices(self.length)
            if step != 1:
                raise ValueError("a part of a list of images has a step of 1")
            return replace(self, first=self.first + start, length=max(stop - start, 0))
        if not -self.length <= index < self.length:
            raise IndexError(f"image {index} asked for, there are {self.length}")
        at = self.first + index % self.length
        file = self.files if isinstance(self.files, str) else self.files[at]
        plane = None if self.planes is None or self.planes[at] < 0 else int(self.planes[at])
        name = f"{stem(file)}_{plane}" if self.names is None else self.names[at]
        published = {
            key: (float(values[at]), None if errors is None or np.isnan(errors[at]) else float(errors[at]))
            for key, (values, errors) in self.published.items()
            if not np.isnan(values[at])
        }
        return Entry(at, name, file, plane, _number(self.ra, at), _number(self.dec, at), published)


def _number(values: np.ndarray | None, at: int) -> float | None:
    return None if values is None or np.isnan(values[at]) else float(values[at])


@dataclass(frozen=True)
class Ingested:
    """One image as a network takes it, or the reason why there is none.

    Attributes
    ----------
    pixels : (band, y, x) float32 array or None
        In the unit of the frame.
    reason : str or None
        Why there are no pixels.
    flags : dict of str to bool
        Each of :data:`INGEST_FLAGS`.
    about : dict
        Where the image, its zero point and its pixel scale are from, and the ``position`` of its centre [deg] or None; JSON.
    sigma : (band, y, x) float32 array or None
        Standard deviation of each pixel in the unit of the frame, where the file has it; NaN in bands that have not.
    psf : tuple of (y, x) float32 arrays or None
        Point-spread function per band as the file has it, normalised to a sum of one; None for bands that have none.
    """

    pixels: np.ndarray | None
    reason: str | None
    flags: dict[str, bool]
    about: dict[str, Any]
    sigma: np.ndarray | None = None
    psf: tuple[np.ndarray | None, ...] | None = None

"""Real sky: survey cutouts that stand in for drawn lens light and noise."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from sim2sky.config import Background, Dataset, Split
from sim2sky.observe.cutouts import Cutouts, read_cutouts
from sim2sky.observe.judge import middle, sky_scatter
from sim2sky.observe.noise import flux_ratio
from sim2sky.streams import generator


def split_cutouts(cutouts: int, split: Split, seed: int) -> dict[str, np.ndarray]:
    """Distribute the cutouts among the parts of a data set, each to one part only.

    A network is then never tested on a piece of sky that it saw in training.

    Parameters
    ----------
    cutouts : int
        How many there are.
    split : Split
        Fractions of the data set, also those of the cutouts.
    seed : int
        Seed of the data set.

    Returns
    -------
    dict of str to int array
        Indices of the cutouts of ``train``, ``validation`` and ``test``.

    Raises
    ------
    ValueError
        If a part is left without a cutout.
    """
    order = generator(seed, "cutouts").permutation(cutouts)
    parts = {part: order[start:stop] for part, (start, stop) in split.bounds(cutouts).items()}
    if empty := [part for part, indices in parts.items() if len(indices) == 0]:
        raise ValueError(f"{cutouts} cutouts leave none for {', '.join(empty)}; more are needed for this split")
    return parts


def orient(image: np.ndarray, orientation: int) -> np.ndarray:
    """One of the 8 orientations of a square image: `orientation` quarter turns, from 4 on transposed as well."""
    turned = np.rot90(image, orientation % 4)
    return turned.T if orientation >= 4 else turned


@dataclass(frozen=True)
class Sky:
    """Pieces of real sky, one per lens."""

    cutout: np.ndarray  # (lens,) index of the cutout among those that are used
    orientation: np.ndarray  # (lens,) of 8
    cutouts: np.ndarray  # (cutout, N, N), the middle of each, counts/s
    scatter: np.ndarray  # (cutout,), counts/s
    index: np.ndarray  # (cutout,) its number in the file
    about: dict[str, Any] = field(default_factory=dict)  # the file, and what was taken and left out

    @property
    def description(self) -> str:
        """What the sky is made from, in words."""
        about = self.about
        text = f"{len(self.index)} of {about['cutouts']} cutouts of HDU {about['hdu']}, unit {about['unit']}, "
        text += f"zero point {about['zero_point']:g} ({', '.join(about['zero_point_from'])}), "
        text += (
            f"{about['pixel_scale']:g} arcsec/pixel ({', '.join(about['pixel_scale_from'])}), filter {about['filter']}"
        )
        gone = [f"cutout {index} is left out: {reason}" for index, reason in about["left_out"].items()]
        return "\n  ".join([text, *gone, *about["notes"]])

    def images(self, start: int, stop: int) -> np.ndarray:
        """Sky of lenses `start` to `stop` (by position), of shape (lens, N, N)."""
        chosen = zip(self.cutout[start:stop], self.orientation[start:stop], strict=True)
        return np.stack([orient(self.cutouts[cutout], orientation) for cutout, orientation in chosen])


def choose_cutouts(
    dataset: Dataset, lens: np.ndarray, lenses: int, cutouts: int, augment: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Choose a cutout, of the part of the data set that a lens is in, and an orientation for each lens.

    Parameters
    ----------
    dataset : Dataset
        Its split and seed.
    lens : (lens,) int array
        Indices of the lenses; a draw depends on the seed and the index alone.
    lenses : int
        Lenses in the whole data set, which say where its parts begin.
    cutouts : int
        How many cutouts there are.
    augment : bool
        Draw one of the 8 orientations of :func:`orient` for each lens; otherwise all cutouts stay as they are.

    Returns
    -------
    cutout, orientation : (lens,) int64 arrays
        Index of the cutout, and its orientation, 0 to 7.

    Raises
    ------
    ValueError
        If a part of the data set is left without a cutout.
    """
    parts = list(split_cutouts(cutouts, dataset.split, dataset.seed).values())
    stops = [stop for _, stop in dataset.split.bounds(lenses).values()]
    drawn = np.zeros((len(lens), 2), np.int64)
    for row, index in zip(drawn, lens, strict=True):
        part = parts[np.searchsorted(stops, index, side="right")]
        random = generator(dataset.seed, "background", int(index))
        row[:] = part[random.integers(len(part))], random.integers(8) if augment else 0
    return drawn[:, 0].copy(), drawn[:, 1].copy()


def check_cutouts(dataset: Dataset, path: str | Path, pixels: int, band: str | None = None) -> dict[str, Any]:
    """What of a file of cutouts would be used as the sky of a data set, and why not the rest.

    Parameters
    ----------
    dataset, path, pixels, band
        As for :func:`draw_sky`.

    Returns
    -------
    dict
        ``about`` of :class:`sim2sky.observe.cutouts.Cutouts`.

    Raises
    ------
    ValueError
        Naming the file, if the cutouts cannot be used.
    """
    return _readied(dataset, path, pixels, band).about


def _readied(dataset: Dataset, path: str | Path, pixels: int, band: str | None) -> Cutouts:
    """The cutouts beneath a data set, enough of them for each of its parts."""
    if dataset.background is None:
        raise ValueError(f"data set {dataset.title!r} has no background")
    found = read_cutouts(path, dataset.background, pixels, band)
    try:
        split_cutouts(len(found.index), dataset.split, dataset.seed)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return found


def draw_sky(
    dataset: Dataset,
    lens: np.ndarray,
    lenses: int,
    path: str | Path,
    pixels: int,
    zero_point: float,
    band: str | None = None,
) -> Sky:
    """Real sky for each lens.

    Parameters
    ----------
    dataset, lens, lenses
        As for :func:`choose_cutouts`. The background of the data set says how the cutouts are calibrated.
    path : path
        FITS cube of the cutouts.
    pixels : int
        Side of the pieces of sky.
    zero_point : float
        Magnitude of one count per second in the result.
    band : str, optional
        That of the images, which must not contradict the file.

    Returns
    -------
    Sky

    Raises
    ------
    ValueError
        Naming the file, if the cutouts cannot be used; see `read_cutouts` and `split_cutouts`.
    """
    found = _readied(dataset, path, pixels, band)
    background = cast(Background, dataset.background)
    chosen, orientation = choose_cutouts(dataset, lens, lenses, len(found.index), background.augment)
    ratio = flux_ratio(background.zero_point, zero_point)
    pieces, scatter = middle(found.pixels, pixels) * ratio, sky_scatter(found.pixels) * ratio
    return Sky(chosen, orientation, pieces, scatter, found.index, found.about)

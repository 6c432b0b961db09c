"""Real sky: survey cutouts that stand in for drawn lens light and noise."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.io.fits.verify import VerifyError
from astropy.stats import mad_std

from sim2sky.config import Background, Dataset, Split
from sim2sky.observe.noise import flux_ratio
from sim2sky.streams import generator


def read_cutouts(path: str | Path, pixels: int) -> np.ndarray:
    """Read a cube of cutouts.

    Parameters
    ----------
    path : path
        FITS file whose first image has the axes (cutout, y, x).
    pixels : int
        Side of the images that are to be laid over the cutouts.

    Returns
    -------
    (cutout, y, x) float64 array

    Raises
    ------
    ValueError
        Naming the file, if it is missing, not FITS, not a cube, too small, or has a cutout that is constant or not
        finite everywhere.
    """
    try:
        with fits.open(path, memmap=False) as file:
            data = next((unit.data for unit in file if unit.is_image and unit.data is not None), None)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file of survey cutouts") from None
    # a truncated file does not fill its array, which is a ValueError
    except (OSError, EOFError, ValueError, zlib.error, VerifyError) as error:
        raise ValueError(f"{path}: not a readable FITS file: {error}") from error
    if data is None or data.ndim != 3:
        found = "no image" if data is None else f"an image with {data.ndim} axes"
        raise ValueError(f"{path}: holds {found}; survey cutouts need one with 3 axes (cutout, y, x)")
    if min(data.shape[1:]) < pixels:
        size = " x ".join(map(str, data.shape[1:]))
        raise ValueError(f"{path}: the cutouts have {size} pixels, less than the {pixels} x {pixels} of the images")
    data = data.astype(np.float64)
    faults = {
        "has pixels that are NaN or infinite": ~np.isfinite(data).all((1, 2)),
        "is constant": np.ptp(data, (1, 2)) == 0,
    }
    for fault, bad in faults.items():
        if bad.any():
            raise ValueError(
                f"{path}: cutout {np.argmax(bad)} {fault}; leave it out of the file ({bad.sum()} such cutouts)"
            )
    return data


def sky_scatter(cutouts: np.ndarray) -> np.ndarray:
    """Scatter of the sky: 1.4826 times the median absolute deviation of a cutout's pixels (``astropy.stats.mad_std``).

    The median hardly sees a galaxy that covers a small part of the cutout: 4 % of its pixels raise the result by 5 %.

    Parameters
    ----------
    cutouts : (cutout, y, x) array
        In any unit.

    Returns
    -------
    (cutout,) array
        In the unit of `cutouts`.
    """
    return mad_std(cutouts, axis=(1, 2))


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

    cutout: np.ndarray  # (lens,) index of the cutout
    orientation: np.ndarray  # (lens,) of 8
    cutouts: np.ndarray  # (cutout, N, N), the middle of each, counts/s
    scatter: np.ndarray  # (cutout,), counts/s

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


def draw_sky(
    dataset: Dataset,
    background: Background,
    lens: np.ndarray,
    lenses: int,
    path: str | Path,
    pixels: int,
    zero_point: float,
) -> Sky:
    """Real sky for each lens.

    Parameters
    ----------
    dataset, lens, lenses
        As for :func:`choose_cutouts`.
    background : Background
        That of the data set: the zero point of the cutouts, and whether they are turned.
    path : path
        FITS cube of the cutouts.
    pixels : int
        Side of the pieces of sky.
    zero_point : float
        Magnitude of one count per second in the result.

    Returns
    -------
    Sky

    Raises
    ------
    ValueError
        Naming the file, if the cutouts cannot be used; see `read_cutouts` and `split_cutouts`.
    """
    cutouts = read_cutouts(path, pixels)
    try:
        chosen, orientation = choose_cutouts(dataset, lens, lenses, len(cutouts), background.augment)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    ratio = flux_ratio(background.zero_point, zero_point)
    row, column = ((side - pixels) // 2 for side in cutouts.shape[1:])
    middle = cutouts[:, row : row + pixels, column : column + pixels]
    return Sky(chosen, orientation, middle * ratio, sky_scatter(cutouts) * ratio)

"""Images that cannot be told apart although their parameters differ.

A lens at the distance chi (over that of the source) with the Einstein radius R_E bends light like one with chi = 1 and
R_E / chi: in units of chi both lens equations, xi/chi = eta + R_E/chi (SIS) and + (R_E/chi)^2 chi/xi (point mass), depend
on R_E / chi alone. An elliptical source whose axes are swapped and which is turned by 90 degrees is the same source. Vegsund &
Sukarevicius 2023 (NTNU, Section 3.1) found near-misses, and left open whether the first identity is exact. Truncating R_E to
whole pixels produces such near-misses. Where their program truncates is not known, so that this is not expected to reproduce
their numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from sim2sky import store, streams
from sim2sky.config import Degeneracy
from sim2sky.evaluate import EXACT, WHOLE
from sim2sky.lensing.cosmosim import Optics, render
from sim2sky.provenance import record

COLUMNS = ["range", "R_E", "images", "pairs", "identical", "largest_rms", "largest_difference"]
PUBLISHED = ["published_identical", "published_largest_rms"]
SWAPPED = "axes swapped, turned by 90°"
_BYTES_AT_ONCE = 2e8  # of images that are compared


def compare_degenerate(
    config: Degeneracy,
    table: str | Path,
    images: str | Path,
    fingerprint: Mapping[str, str],
    threads: int = 1,
    provenance: str | Path | None = None,
) -> None:
    """Compare images that should be identical, with Einstein radii as they are and truncated to whole pixels.

    Parameters
    ----------
    config : Degeneracy
        What is compared.
    table : path
        Written: CSV with `COLUMNS` and `PUBLISHED`, a row per range and kind of Einstein radius, and one for swapped axes.
        ``largest_rms`` is the root mean square difference over all pixels of the most different pair, and
        ``largest_difference`` that of its most different pixel, in counts of 255.
    images : path
        Written: a shard with the most different pair of each row, ``first`` and ``second``, in the order of the table.
    fingerprint : mapping of str to str
        Of the code.
    threads : int
        CPU threads.
    provenance : path
        Written, if given: what the table was made from, see :func:`sim2sky.provenance.record.write_provenance`.
    """
    torch.set_num_threads(threads)
    rows, pairs = [], []
    for row, found, pair in _comparisons(config):
        rows.append(row | found)
        pairs.append(pair)
        print(f"{row['range']}, R_E {row['R_E']}: {found['identical']} of {found['pairs']} pairs identical", flush=True)
    store.write_table(pd.DataFrame(rows)[[*COLUMNS, *PUBLISHED]].astype({"published_identical": "Int64"}), table)
    dims = ("row", "y", "x")
    variables = {
        name: store.Variable(np.stack([pair[side] for pair in pairs]), dims, unit="count")
        for side, name in enumerate(("first", "second"))
    }
    about = record.provenance(config.params(), fingerprint)
    store.write_shard(images, variables, about)
    if provenance:
        record.write_provenance(provenance, [table], about)


def _comparisons(config: Degeneracy) -> Iterator[tuple[dict, dict, np.ndarray]]:
    """What each row of the table compares, what was found, and the most different pair."""
    optics = Optics(config.lens)
    for number, part in enumerate(config.ranges):
        draws = _scaled(config, number)
        about = {"range": f"chi {part.chi[0]} to {part.chi[1]} %", "images": config.images_per_range}
        for kind in (EXACT, WHOLE):
            radii = draws | {"R_E": torch.floor(draws["R_E"])} if kind == WHOLE else draws
            theirs = (part.identical, part.largest_rms) if kind == WHOLE else (None, None)
            found, pair = compare_all(render(radii, optics, config.pixels).numpy())
            yield about | {"R_E": kind} | dict(zip(PUBLISHED, theirs, strict=True)), found, pair
    one, other = _swapped(config)
    found, pair = _compare_two(*(render(each, optics, config.pixels).numpy() for each in (one, other)))
    about = {"range": SWAPPED, "R_E": EXACT, "images": 2 * config.swapped}
    yield about | dict(zip(PUBLISHED, (config.swapped_identical, None), strict=True)), found, pair


def _scaled(config: Degeneracy, number: int) -> dict[str, torch.Tensor]:
    """Images of one source behind lenses of drawn distances, in whole per cent, all with one R_E / chi."""
    random, count = streams.generator(config.seed, "degeneracy", number), config.images_per_range
    strength = random.uniform(*config.strength)
    low, high = config.ranges[number].chi
    chi = torch.from_numpy(random.integers(low, high, count, endpoint=True) / 100)
    shared = {name: torch.full((count,), value).double() for name, value in _source(random).items()}
    return shared | {"chi": chi, "R_E": strength * chi}


def _swapped(config: Degeneracy) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Drawn lenses, and the same with the axes of the source swapped and turned by 90 degrees."""
    random = streams.generator(config.seed, "degeneracy swapped")
    drawn = [_source(random) | {"R_E": random.uniform(*config.strength), "chi": 1.0} for _ in range(config.swapped)]
    one = {name: torch.tensor([lens[name] for lens in drawn]).double() for name in drawn[0]}
    return one, one | {"sigma": one["sigma2"], "sigma2": one["sigma"], "theta": one["theta"] + 90}


def _source(random: np.random.Generator) -> dict[str, float]:
    """An elliptical source off the lens, as far and as large as those that were published [pixel, deg]."""
    radius, direction = random.uniform(10, 100), random.uniform(0, 2 * np.pi)
    source = {"x": radius * np.cos(direction), "y": radius * np.sin(direction)}
    return source | {"sigma": random.uniform(5, 60), "sigma2": random.uniform(5, 40), "theta": random.uniform(0, 180)}


def compare_all(images: np.ndarray) -> tuple[dict[str, float], np.ndarray]:
    """Compare all pairs of images.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, y, x)
        At least two.

    Returns
    -------
    found : dict
        ``pairs``, ``identical`` ones, ``largest_rms`` and ``largest_difference``, as :func:`compare_degenerate` has them.
    pair : ndarray, shape (2, y, x)
        The most different pair.
    """
    flat = images.reshape(len(images), -1)
    products, step = np.zeros((len(images), len(images))), max(1, int(_BYTES_AT_ONCE) // len(images) // 8)
    for start in range(0, flat.shape[1], step):  # whole numbers, exact in double precision
        part = flat[:, start : start + step].astype(np.float64)
        products += part @ part.T
    squares = np.diag(products)[:, None] + np.diag(products)[None, :] - 2 * products
    upper = np.triu_indices(len(images), 1)
    return _found(squares[upper], flat.shape[1], lambda worst: images[[upper[0][worst], upper[1][worst]]])


def _compare_two(first: np.ndarray, second: np.ndarray) -> tuple[dict[str, float], np.ndarray]:
    """Compare the images of two stacks one by one; otherwise as :func:`compare_all`."""
    squares = np.square(first.astype(np.int32) - second).sum(axis=(1, 2)).astype(float)
    return _found(squares, first[0].size, lambda worst: np.stack([first[worst], second[worst]]))


def _found(
    squares: np.ndarray, pixels: int, pair_at: Callable[[int], np.ndarray]
) -> tuple[dict[str, float], np.ndarray]:
    """What :func:`compare_all` returns, from the sum of squared differences of each pair of images of `pixels` in all."""
    worst = int(squares.argmax())
    pair = pair_at(worst)
    found = {
        "pairs": len(squares),
        "identical": int((squares == 0).sum()),
        "largest_rms": float(np.sqrt(squares[worst] / pixels)),
        "largest_difference": int(np.abs(np.diff(pair.astype(np.int32), axis=0)).max()),
    }
    return found, pair

"""FITS files as surveys make them, small."""

import os
from pathlib import Path

import numpy as np
from astropy.io import fits

from sim2sky.config import Reading
from sim2sky.observe.ingest import Entry, Frame, read_image

ROOT = Path(__file__).parents[4]
REAL = Path(os.environ.get("SIM2SKY_REAL", ROOT.parent / "shared/data/real"))
SCALE, SIDE, ZERO_POINT = 0.2, 50, 27.0
TAN = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.1, "CRVAL2": 2.2, "CRPIX1": 25.5, "CRPIX2": 25.5}
CD = TAN | {"CD1_1": -SCALE / 3600, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": SCALE / 3600}
CARDS = CD | {"MAGZERO": ZERO_POINT, "FILTER": "g"}


def sky(side=SIDE, seed=1, sigma=1.0):
    """Noise with a round galaxy in the middle."""
    random = np.random.default_rng(seed)
    radius = np.hypot(*(np.mgrid[:side, :side] - (side - 1) / 2))
    return (random.normal(0, sigma, (side, side)) + 100 * np.exp(-radius / 3)).astype(np.float32)


def header(cards):
    made = fits.Header()
    for key, value in cards.items():
        made[key if len(key) < 9 and "." not in key else f"HIERARCH {key}"] = value
    return made


def write(path, data=None, cards=CARDS, *extensions):
    """A file with a primary image, and extensions of (name, data, cards)."""
    units = [fits.PrimaryHDU(data, header(cards))]
    units += [fits.ImageHDU(image, header(more), name=name) for name, image, more in extensions]
    fits.HDUList(units).writeto(path, overwrite=True)
    return path


def frame(pixels=40, scale=SCALE, bands=("g",), zero_point=ZERO_POINT):
    return Frame(tuple(bands), pixels, scale, (zero_point,) * len(bands))


def read(path, into=None, plane=None, ra=None, dec=None, **said):
    return read_image(Entry(0, "x", str(path), plane, ra, dec), into or frame(), Reading(**said))


def pixels(path, *args, **kwargs):
    found = read(path, *args, **kwargs)
    assert found.reason is None, found.reason
    return found.pixels

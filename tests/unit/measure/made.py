"""A network that answers with what is in the pixels, and images for it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from astropy.io import fits
from scipy.stats import norm

from sim2sky.models.calibration import CENTRAL, LEVELS
from sim2sky.models.measuring import About, Estimates

PARAMETERS = {
    "theta_E": {"units": "arcsec", "long_name": "Einstein radius"},
    "e1": {"units": "1", "long_name": "ellipticity"},
}
POPULATION = {
    "theta_E": {"low": 0.5, "high": 3.0, "quantiles": np.linspace(0.5, 3, 101).tolist()},
    "e1": {"low": -0.4, "high": 0.4, "quantiles": np.linspace(-0.4, 0.4, 101).tolist()},
}


def about(**changes) -> About:
    """What a network of DES g says about itself."""
    given = {
        "title": "Errors one can believe",
        "study": "error_bars",
        "run": "flow",
        "seeds": (0, 1),
        "bands": ("g",),
        "pixels": 20,
        "pixel_scale": 0.263,
        "zero_points": (30.0,),
        "unit": "counts/s",
        "survey": "Dark Energy Survey",
        "parameters": PARAMETERS,
        "population": POPULATION,
        "domains": {"des": {"title": "DES", "survey": "des", "zero_points": [30.0], "labelled": True}},
        "domain": "des",
        "sha256": "ab" * 32,
        "provenance": {},
    }
    return About(**given | changes)


def estimates(median: np.ndarray, std: float = 0.1, distance: float = 0.5, agreement: float = 0.5) -> Estimates:
    """Normal distributions about medians of shape (n, parameters)."""
    count, ones = len(median), np.ones(np.shape(median))
    quantiles = median[..., None] + std * norm.ppf(LEVELS)
    half = {level: std * norm.ppf(0.5 + level / 2) for level in CENTRAL}
    return Estimates(
        parameters=tuple(PARAMETERS),
        quantiles=quantiles,
        raw_quantiles=quantiles,
        conformal={level: np.stack([median - width, median + width], axis=-1) for level, width in half.items()},
        std=std * ones,
        std_aleatoric=std * ones,
        std_epistemic=std / 3 * ones,
        distance=np.full(count, distance),
        agreement=np.full(count, agreement),
    )


class Network:
    """`theta_E` is the mean of the four pixels in the middle, `e1` a tenth of it; counts what it is given."""

    def __init__(self, **changes):
        self.about, self.given = about(**changes), 0

    def measure(self, images: np.ndarray) -> Estimates:
        self.given += len(images)
        half = images.shape[-1] // 2
        middle = images[:, 0, half - 1 : half + 1, half - 1 : half + 1].mean(axis=(1, 2), dtype=np.float64)
        return estimates(np.stack([middle, middle / 10], axis=1))


def write_image(path, theta_E: float = 1.0, pixels: int = 20, scale: float = 0.263, band: str = "g", **cards) -> None:
    """FITS with a round galaxy that is `theta_E` bright in the middle, a WCS, the band and the zero point; of `cards` those that are None are left out."""
    header = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": -20.0, "CRPIX1": pixels / 2 + 0.5,
        "CRPIX2": pixels / 2 + 0.5, "CD1_1": -scale / 3600, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": scale / 3600,
        "CUNIT1": "deg", "CUNIT2": "deg", "BAND": band, "MAGZERO": 30.0,
    } | cards  # fmt: skip
    square = np.square(np.arange(pixels) - pixels / 2 + 0.5)
    light = np.exp(-(square[:, None] + square) / 40)
    unit = fits.PrimaryHDU((theta_E * light / light.max()).astype(np.float32))
    unit.header.update({key: value for key, value in header.items() if value is not None})
    unit.writeto(path)


def write_network(path, **changes) -> None:
    """A file that :func:`read_network` reads."""
    path.write_text(json.dumps(changes))


def read_network(path, domain=None) -> Network:
    """In place of :meth:`MeasuringNetwork.read`."""
    try:
        changes = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: not a readable network file: {error}") from None
    if domain and domain not in changes.get("domains", {"des": {}}):
        raise ValueError(f"{path}: has no domain {domain}; it has des")
    return Network(**{key: tuple(value) if isinstance(value, list) else value for key, value in changes.items()})

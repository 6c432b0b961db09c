"""The columns of a catalogue, and its rows from what networks say of images."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from sim2sky.measure.flags import FLAGS, at_level, flag

if TYPE_CHECKING:
    from sim2sky.models.measuring import Estimates

# What numbers mean, which a unit does not say (docs/conventions.md)
DEFINITIONS = {
    "theta_E": (
        "product average sqrt(a b) of the semi-axes of the critical curve of the singular isothermal ellipsoid without shear, as in "
        "lenstronomy and COOLEST; PyAutoLens' einstein_radius is the mean (a + b) / 2"
    ),
    "ellipticity": "e1, e2: (1 - q) / (1 + q) times cosine and sine of twice the angle of the major axis",
    "shear": "gamma1, gamma2: images are stretched along +x where gamma1 > 0",
    "angles": "counterclockwise from +x of the image, the direction of growing columns; rows grow along +y",
}
QUANTILES = {"q02": 0.02, "q16": 0.16, "median": 0.5, "q84": 0.84, "q98": 0.98}
CONFORMAL = 0.68
_PROBABILITIES = {
    "typicality": "that lie farther out in the latent space: 1 is typical, 0 unlike all of them",
    "agreement": "on which the networks differ more, in units of the aleatoric error: 0 is more than on all of them",
}
_UCDS = {  # of parameters, by the end of their name; https://www.ivoa.net/documents/UCD1+
    "theta_E": "phys.angSize", "R_E": "phys.angSize", "R_sersic": "phys.angSize", "e1": "src.ellipticity",
    "e2": "src.ellipticity", "magnitude": "phot.mag", "orientation": "pos.posAng", "center_x": "pos.cartesian.x",
    "center_y": "pos.cartesian.y", "theta": "pos.posAng", "phi": "pos.posAng",
}  # fmt: skip


class Column(NamedTuple):
    """A column of the catalogue: what it holds, its unit as astropy spells it, and its Unified Content Descriptor."""

    description: str
    unit: str = ""
    ucd: str = ""


def columns(
    parameters: Mapping[str, Mapping[str, str]],
    image_flags: Mapping[str, str],
    conditions: Mapping[str, str] | None = None,
    published: Collection[str] = (),
    true: bool = False,
    lens: bool = False,
) -> dict[str, Column]:
    """The columns of a catalogue by name, in their order.

    Parameters
    ----------
    parameters : mapping of str to mapping
        ``units`` and ``long_name`` of what the network measures.
    image_flags : mapping of str to str
        Flags of the reader of images beside `FLAGS`, and what they mean.
    conditions : mapping of str to str
        Units of observing conditions that are known.
    published : collection of str
        Parameters of which there are published values.
    true : bool
        Whether the images are simulated and their parameters known.
    lens : bool
        Whether the images are numbered in a dataset.
    """
    found = {
        "name": Column("name of the image", ucd="meta.id;meta.main"),
        "ra": Column("right ascension (ICRS) of the centre", "deg", "pos.eq.ra;meta.main"),
        "dec": Column("declination (ICRS) of the centre", "deg", "pos.eq.dec;meta.main"),
        "file": Column("file that holds the image", ucd="meta.ref.url"),
    } | ({"lens": Column("index of the lens in its dataset", ucd="meta.record")} if lens else {})
    for name, about in parameters.items():
        found |= _of_parameter(name, about, true, name in published)
    found |= {
        name: Column(f"fraction of the domain's own validation images {text}", ucd="stat.probability")
        for name, text in _PROBABILITIES.items()
    }
    for name, unit in (conditions or {}).items():
        ucd = {"seeing": "instr.obsty.seeing", "signal_to_noise": "stat.snr"}.get(name, "")
        found[name] = Column(f"{name.replace('_', ' ')} in the first band", unit, ucd)
    for name, text in (FLAGS | dict(image_flags)).items():
        found[f"flag_{name}"] = Column(text, ucd="meta.code.qual")
    return found | {"reason": Column("why the image could not be measured; empty where it was", ucd="meta.note")}


def _of_parameter(name: str, about: Mapping[str, str], true: bool, published: bool) -> dict[str, Column]:
    unit, title = about["units"], about.get("long_name", name)
    unit = "" if unit == "1" else unit
    ucd = next((ucd for end, ucd in _UCDS.items() if name == end or name.endswith(f"_{end}")), "")
    also, of = f";{ucd}" * bool(ucd), f"{ucd or 'stat.value'};"
    found = {}
    for key, level in QUANTILES.items():
        descriptor = f"{of}stat.median" if key == "median" else f"stat.percentile{also}"
        text = f"{title}: {level:g} quantile, calibrated on simulations"
        found[f"{name}_{key}"] = Column(text, unit, descriptor)
    for key, text in {
        "std_aleatoric": "standard deviation that the image leaves open, mean over the ensemble, before calibration",
        "std_epistemic": "standard deviation between the networks of the ensemble, before calibration",
        "std": "half of the width between the calibrated quantiles 0.16 and 0.84",
    }.items():
        found[f"{name}_{key}"] = Column(f"{title}: {text}", unit, f"stat.stdev{also}")
    for key, end in {"low": "min", "high": "max"}.items():
        text = f"{title}: {key} end of the split-conformal interval that holds {CONFORMAL:.0%}"
        found[f"{name}_conformal_{key}"] = Column(text, unit, f"{of}stat.{end}")
    if true:
        found[f"{name}_true"] = Column(f"{title}: true value of the simulation", unit, ucd)
    if published:
        found[f"{name}_published"] = Column(f"{title}: published value", unit, ucd)
        found[f"{name}_published_error"] = Column(f"{title}: published standard deviation", unit, f"stat.error{also}")
    return found


def rows(
    order: Sequence[str],
    images: pd.DataFrame,
    measured: np.ndarray,
    estimates: Estimates | None,
    population: Mapping[str, Mapping[str, float]],
) -> pd.DataFrame:
    """Rows of the catalogue, one per image in the order given.

    Parameters
    ----------
    order : sequence of str
        The names of :func:`columns`.
    images : DataFrame
        What is known of the n images without a network: ``name``, ``file``, ``reason``, flags of pixels, truth, ...
    measured : (n,) bool array
        Which images the network was given.
    estimates : Estimates or None
        Of those, in order; None if there is none.
    population : mapping of str to mapping
        ``low`` and ``high`` of the labels that the network has learnt, by parameter.

    Returns
    -------
    DataFrame
        Numbers are NaN and flags of the network false where an image was not measured.
    """
    found = {name: images[name].to_numpy() for name in images}
    reasons = images["reason"].to_numpy(dtype=object, copy=True)
    if estimates is not None:
        values, flags = _values(estimates), flag(estimates, population)
        lost = ~np.isfinite(np.stack(list(values.values()), axis=1)).all(axis=1)
        reasons[np.flatnonzero(measured)[lost]] = "the network gives no finite number for it"
        found |= {name: _spread(np.where(lost, np.nan, value), measured, np.nan) for name, value in values.items()}
        found |= {f"flag_{name}": _spread(value & ~lost, measured, False) for name, value in flags.items()}
    count = len(images)
    found |= {"reason": reasons, "flag_not_measured": reasons != ""}
    absent = {name: np.zeros(count, bool) if name.startswith("flag_") else np.full(count, np.nan) for name in order}
    table = pd.DataFrame({name: found.get(name, absent[name]) for name in order})
    narrow = [name for name, kind in table.dtypes.items() if kind == np.float64 and name not in ("ra", "dec")]
    return table.astype(dict.fromkeys(narrow, np.float32))


def _values(estimates: Estimates) -> dict[str, np.ndarray]:
    """Columns of numbers, of the measured images alone."""
    found: dict[str, np.ndarray] = {"typicality": estimates.distance, "agreement": estimates.agreement}
    for index, name in enumerate(estimates.parameters):
        found |= {f"{name}_{key}": at_level(estimates.quantiles, level)[:, index] for key, level in QUANTILES.items()}
        for key in ("std_aleatoric", "std_epistemic", "std"):
            found[f"{name}_{key}"] = getattr(estimates, key)[:, index]
        for end, key in enumerate(("low", "high")):
            found[f"{name}_conformal_{key}"] = estimates.conformal[CONFORMAL][:, index, end]
    return found


def _spread(values: np.ndarray, measured: np.ndarray, absent: Any) -> np.ndarray:
    """Values of the measured images, in a column for all."""
    column = np.full(len(measured), absent, np.asarray(values).dtype)
    column[measured] = values
    return column

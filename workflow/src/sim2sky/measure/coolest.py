"""Measured lenses in the COOLEST standard (Galan et al. 2023, JOSS 8, 5567): one JSON file per lens.

The package ``coolest``, which writes and reads it, is not needed for anything else and is imported here alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from sim2sky import store
from sim2sky.lensing import conventions


def require_coolest() -> None:
    """Raise ValueError if the package is not installed."""
    try:
        import coolest  # noqa: F401
    except ImportError:
        raise ValueError("--coolest: needs the package coolest; install it with `pip install coolest`") from None


def file_name(index: int, name: str) -> str:
    """Name of the file of a lens, unique by its index and safe on every file system."""
    return f"{index:07d}-{re.sub(r'[^A-Za-z0-9_.+-]+', '_', name)[:80]}.json"


def write_coolest(row: Mapping[str, Any], about: Mapping[str, Any], path: str | Path) -> None:
    """Write a measured lens as a singular isothermal ellipsoid, with external shear if the network measures one.

    COOLEST counts angles from +y and keeps axis ratios; quantiles of ``e1`` and ``e2`` have no counterpart there, so the axis ratio, the
    shear and both angles have point estimates alone.

    Parameters
    ----------
    row : mapping
        A row of the catalogue. The standard asks for a position: that of a lens whose position is not known is (0, 0), and the
        metadata say so.
    about : mapping
        ``parameters`` that the network measures, ``band`` and ``pixel_scale`` [arcsec] of the images, ``pixels``,
        ``zero_point`` [mag] and ``network``, by which each file says where it comes from.
    path : path
        JSON file to write.

    Raises
    ------
    ValueError
        The network does not measure ``theta_E``, or the package is not installed.
    """
    require_coolest()
    from coolest.template import lazy
    from coolest.template.standard import COOLEST

    if "theta_E" not in about["parameters"]:
        raise ValueError("--coolest: the network measures no theta_E, without which there is no lens to describe")
    mass = lazy.MassModel("SIE")
    _fill(mass[0].parameters, _sie(row, about["parameters"]))
    entities = [lazy.Galaxy("lens", None, mass_model=mass)]
    if {"gamma1", "gamma2"} <= set(about["parameters"]):
        shear = lazy.MassModel("ExternalShear")
        modulus, phi = conventions.polar(row["gamma1_median"], row["gamma2_median"])
        values = {"gamma_ext": (float(modulus),), "phi_ext": (float(conventions.position_angle(phi)),)}
        _fill(shear[0].parameters, values)
        entities.append(lazy.MassField("shear", None, mass_model=shear))
    half = about["pixels"] * about["pixel_scale"] / 2
    field = {"field_of_view_x": (-half, half), "field_of_view_y": (-half, half)}
    grid = lazy.PixelatedRegularGrid(num_pix_x=about["pixels"], num_pix_y=about["pixels"], **field)
    known = isfinite(row["ra"]) and isfinite(row["dec"])
    origin = lazy.CoordinatesOrigin(f"{row['ra']}d", f"{row['dec']}d") if known else lazy.CoordinatesOrigin()
    said = {name: row[name] for name in ("name", "file")} | {"network": about["network"]}
    template = COOLEST(
        "MAP",
        origin,
        lazy.LensingEntityList(*entities),
        lazy.Observation(pixels=grid, mag_zero_point=about["zero_point"]),
        lazy.Instrument(about["pixel_scale"], band=about["band"]),
        metadata=said | ({} if known else {"coordinates_origin": "unknown"}),
    )
    with store.atomic(path) as temporary:
        temporary.write_text(template.to_JSON(indent=1, exclude_keys=template.exclude_keys), encoding="utf-8")


def _sie(row: Mapping[str, Any], parameters: Any) -> dict[str, tuple[float, ...]]:
    """Median, and 16th and 84th percentile where they carry over, by COOLEST's names."""
    own = [name for name in ("theta_E", "center_x", "center_y") if name in parameters]
    values = {name: tuple(float(row[f"{name}_{key}"]) for key in ("median", "q16", "q84")) for name in own}
    if {"e1", "e2"} <= set(parameters):
        q, phi = conventions.axis_ratio(row["e1_median"], row["e2_median"])
        values |= {"q": (float(q),), "phi": (float(conventions.position_angle(phi)),)}
    return values


def _fill(parameters: Mapping[str, Any], values: Mapping[str, tuple[float, ...]]) -> None:
    from coolest.template.lazy import PosteriorStatistics

    for name, (median, *interval) in values.items():
        parameters[name].set_point_estimate(median)
        if interval:
            low, high = interval
            parameters[name].set_posterior(
                PosteriorStatistics(median=median, percentile_16th=low, percentile_84th=high)
            )

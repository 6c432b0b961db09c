"""Measure what definitions of other packages differ by, and what seeing without pixels costs: the numbers of docs/conventions.md.

    python -m tests.peers.measured [--output docs/results/conventions.csv]

PyAutoLens answers from an environment of its own, which `make conventions` makes first; without it its rows are left out.
"""

from __future__ import annotations

import argparse

import galsim
import numpy as np
import pandas as pd
import torch
from lenstronomy.Analysis.lens_profile import LensProfileAnalysis
from lenstronomy.LensModel.lens_model import LensModel

from sim2sky import store
from sim2sky.lensing import conventions as c
from sim2sky.lensing.raytrace import render
from sim2sky.observe.psf import gaussian_blur
from tests.peers import packages

RADIUS = np.geomspace(1e-5, 1e3, 20001)  # in units of the parameter
INDICES = (0.5, 0.7, 1.0, 2.0, 4.0)
SEEING = (
    (0.16, 0.1),
    (0.6, 0.1),
    (0.6, 0.2),
    (0.9, 0.2),
    (0.9, 0.263),
    (1.2, 0.263),
)  # with the size of a pixel [arcsec]
Q, FIELD = 0.7, (0.9, 0.4)


def row(quantity, package, case, value):
    return {
        "quantity": quantity,
        "package": package,
        "version": packages.VERSIONS[package],
        "case": case,
        "value": float(value),
    }


def half_light(brightness):
    """Radius within which half of the light is, of a round profile at `RADIUS`."""
    log_step = np.log(RADIUS[1] / RADIUS[0])
    light = np.cumsum(RADIUS**2 * np.asarray(brightness)) * log_step
    return np.exp(np.interp(0.5, light / light[-1], np.log(RADIUS) + log_step / 2))


def requests_to_autolens():
    """A round Sersic profile per index, then an isothermal ellipse, all with parameters of 1."""
    along = {"x": RADIUS.tolist(), "y": [0.0] * len(RADIUS)}
    light = [{"effective_radius": 1.0, "sersic_index": n, "intensity": 1.0} for n in INDICES]
    e1, e2 = c.ellipticity(Q, 0.0)
    mass = {"einstein_radius": 1.0, "ell_comps": (e2, e1)}
    at = {"x": [FIELD[0]], "y": [FIELD[1]]}
    yield from ({"module": "lp", "profile": "Sersic", "parameters": parameters, **along} for parameters in light)
    yield {"module": "mp", "profile": "Isothermal", "parameters": mass, **at}


def definitions():
    """Half-light radius over the parameter, for each index; and the Einstein radius of an isothermal lens likewise."""
    light, mass = [], None
    if packages.AUTOLENS.exists():
        answer = packages.autolens(list(requests_to_autolens()))
        packages.VERSIONS["autolens"] = answer["version"]
        *light, mass = answer["values"]
    zero = np.zeros_like(RADIUS)
    for i, n in enumerate(INDICES):
        found = {"autolens": light[i]} if light else {}
        for package in ("lenstronomy", "coolest"):
            found[package] = packages.sersic(package, RADIUS, zero, 1.0, n, 0.0, 0.0, 0.0, 0.0)
        for package, formula in (("caustics", "series"), ("galsim", "exact")):
            ours = c.sersic_radius(1.0, n, "linear", formula)  # what `sersic` makes 1 of
            found[package] = packages.sersic(package, RADIUS, zero, float(ours), n, 0.0, 0.0, 0.0, 0.0)
        for package, brightness in found.items():
            yield row("half-light radius / radius parameter", package, f"n {n:g}", half_light(brightness))
    e1, e2 = c.ellipticity(Q, 0.0)
    alphas = {p: packages.sie(p, *FIELD, 1.0, e1, e2, 0.0, 0.0) for p in ("lenstronomy", "coolest", "caustics")}
    if mass:
        alphas["autolens"] = np.ravel(mass)
    for package, alpha in alphas.items():  # deflections are proportional to the parameter
        ratio = np.hypot(*alphas["lenstronomy"]) / np.hypot(*alpha)
        yield row("parameter / theta_E of an SIE", package, f"q {Q:g}", ratio)
    for q in (0.5, Q):
        for degrees in (0, 90):
            e1, e2 = c.ellipticity(q, np.deg2rad(degrees))
            lens = {"theta_E": 1.0, "e1": e1, "e2": e2, "center_x": 0.0, "center_y": 0.0}
            radius = LensProfileAnalysis(LensModel(["SIE"])).effective_einstein_radius([lens])
            yield row("effective_einstein_radius / theta_E", "lenstronomy", f"q {q:g}, phi {degrees} deg", radius)


def peak_error(profile, supersampling, seeing, blurred_by, pixel_scale, pixels=41):
    """Peak of our image, blurred by a Gaussian, over that of GalSim, which integrates over pixels, minus 1.

    `profile` is "point", or a Gaussian whose Sersic parameters are R_sersic 0.5 arcsec, n 0.5.
    """
    light = {"R_sersic": 0.5, "n_sersic": 0.5, "e1": 0.0, "e2": 0.0, "center_x": 0.0, "center_y": 0.0}
    psf = galsim.Gaussian(fwhm=seeing)
    if profile == "point":
        sharp = torch.zeros(1, pixels, pixels, dtype=torch.float64)
        sharp[0, pixels // 2, pixels // 2] = 1
        truth = psf
    else:
        names = {f"{which}_{key}": v for which in ("lens_light", "source_light") for key, v in light.items()}
        mass = dict.fromkeys(("theta_E", "e1", "e2", "center_x", "center_y", "gamma1", "gamma2"), 0.0)
        values = mass | names | {"lens_light_magnitude": 30.0, "source_light_magnitude": 30.0}
        batch = {key: torch.tensor([value], dtype=torch.float64) for key, value in values.items()}
        sharp = render(batch, pixels, pixel_scale, supersampling)[1]
        truth = galsim.Convolve(galsim.Sersic(0.5, half_light_radius=float(c.sersic_radius(0.5, 0.5))), psf)
    ours = gaussian_blur(sharp, np.array([blurred_by]), pixel_scale).max()
    return float(ours) / truth.drawImage(nx=pixels, ny=pixels, scale=pixel_scale, dtype=float).array.max() - 1


def seeing():
    for width, pixel in SEEING:
        case = f"seeing {width:g}, pixel {pixel:g} arcsec"
        yield row("peak of a point source / GalSim - 1", "galsim", case, peak_error("point", 1, width, width, pixel))
        wider = c.seeing_with_pixel(width, pixel)
        name = "peak of a point source, seeing_with_pixel / GalSim - 1"
        yield row(name, "galsim", case, peak_error("point", 1, width, wider, pixel))
        for supersampling in (1, 3, 5):
            name = f"peak of a Gaussian galaxy, supersampling {supersampling} / GalSim - 1"
            yield row(name, "galsim", case, peak_error("galaxy", supersampling, width, width, pixel))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="docs/results/conventions.csv")
    table = pd.DataFrame([*definitions(), *seeing()]).round(4)
    print(table.to_string(index=False))
    store.write_table(table, parser.parse_args().output)


if __name__ == "__main__":
    main()

"""Deflections and surface brightness by other packages, for parameters of ours that the library's converters turn into theirs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import caustics
import galsim
import numpy as np
import torch
from coolest.api.profiles import light as coolest_light
from coolest.api.profiles import mass as coolest_mass
from lenstronomy.LensModel.lens_model import LensModel
from lenstronomy.LightModel.light_model import LightModel

from sim2sky.lensing import conventions as c

AUTOLENS = Path(f"{sys.prefix}-autolens/bin/python")
VERSIONS = {name: version(name) for name in ("lenstronomy", "coolest", "caustics", "galsim")}


def autolens(requests):
    """What `tests/peers/autolens_values.py` answers to all of them at once, since it takes seconds to start."""
    script = Path(__file__).with_name("autolens_values.py")
    quiet = {**os.environ, "PYAUTO_SKIP_WORKSPACE_VERSION_CHECK": "1"}
    result = subprocess.run([AUTOLENS, script], input=json.dumps(requests), capture_output=True, text=True, env=quiet)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def _torch(values):
    return torch.as_tensor(values, dtype=torch.float64)


def _cosmos():
    return {"cosmology": caustics.FlatLambdaCDM(name="cosmos"), "z_l": 0.5, "z_s": 2.0}


def _caustics(made, method, x, y):
    return np.array(getattr(made.to(dtype=torch.float64), method)(_torch(x), _torch(y)))


def sie(package, x, y, theta_E, e1, e2, center_x, center_y):
    """Deflection (along x, along y) of our SIE [arcsec]."""
    q, phi = c.axis_ratio(e1, e2)
    centre = {"center_x": center_x, "center_y": center_y}
    if package == "lenstronomy":
        return LensModel(["SIE"]).alpha(x, y, [{"theta_E": theta_E, "e1": e1, "e2": e2, **centre}])
    if package == "coolest":  # evaluates no SIE
        power_law = {"theta_E": theta_E, "gamma": 2.0, "q": q, "phi": c.position_angle(phi)}
        return coolest_mass.PEMD().deflection(x, y, **power_law, **centre)
    made = caustics.SIE(**_cosmos(), x0=center_x, y0=center_y, q=q, phi=phi, Rein=theta_E)
    return _caustics(made, "reduced_deflection_angle", x, y)


def shear(package, x, y, gamma1, gamma2):
    """Deflection (along x, along y) of our external shear [arcsec]."""
    gamma, phi = c.polar(gamma1, gamma2)
    if package == "lenstronomy":
        return LensModel(["SHEAR_GAMMA_PSI"]).alpha(x, y, [{"gamma_ext": gamma, "psi_ext": phi}])
    if package == "coolest":
        return coolest_mass.ExternalShear().deflection(x, y, gamma_ext=gamma, phi_ext=c.position_angle(phi))
    made = caustics.ExternalShear(**_cosmos(), x0=0.0, y0=0.0, gamma_1=gamma1, gamma_2=gamma2)
    return _caustics(made, "reduced_deflection_angle", x, y)


def sersic(package, x, y, R_sersic, n_sersic, e1, e2, center_x, center_y):
    """Surface brightness of our Sersic profile, in an arbitrary unit."""
    q, phi = c.axis_ratio(e1, e2)
    centre = {"center_x": center_x, "center_y": center_y}
    if package == "lenstronomy":
        ours = {"amp": 1.0, "R_sersic": R_sersic, "n_sersic": n_sersic, "e1": e1, "e2": e2, **centre}
        return LightModel(["SERSIC_ELLIPSE"]).surface_brightness(x, y, [ours])
    if package == "coolest":
        theirs = {"theta_eff": R_sersic, "n": n_sersic, "q": q, "phi": c.position_angle(phi), **centre}
        return coolest_light.Sersic().evaluate_surface_brightness(x, y, **theirs)
    if package == "galsim":
        made = galsim.Sersic(n_sersic, half_light_radius=float(c.sersic_radius(R_sersic, n_sersic)))
        made = made.shear(g1=e1, g2=e2).shift(center_x, center_y)
        return [made.xValue(*at) for at in zip(x, y, strict=True)]
    Re = c.major_axis(c.sersic_radius(R_sersic, n_sersic, "series"), q)
    made = caustics.Sersic(x0=center_x, y0=center_y, q=q, phi=phi, n=n_sersic, Re=Re, Ie=1.0)
    return _caustics(made, "brightness", x, y)

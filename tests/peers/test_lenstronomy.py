"""Light, deflection and images against lenstronomy (Birrer & Amara 2018)."""

import numpy as np
import pytest
import torch
from lenstronomy.LensModel.lens_model import LensModel
from lenstronomy.LightModel.light_model import LightModel
from lenstronomy.SimulationAPI.sim_api import SimAPI
from lenstronomy.Util.param_util import ellipticity2phi_q

from sim2sky.lensing.light import magnitude_to_flux, sersic_brightness
from sim2sky.lensing.mass import shear_deflection, sie_deflection
from sim2sky.lensing.raytrace import pixel_grid, render

PIXELS, SCALE, ZERO_POINT = 25, 0.25, 30.0  # an odd side and a power of two put a pixel on (0, 0) exactly
MASS = ("theta_E", "e1", "e2", "center_x", "center_y")
SHEAR = ("gamma1", "gamma2")
LIGHT = ("magnitude", "R_sersic", "n_sersic", "e1", "e2", "center_x", "center_y")
PRECISION = {torch.float64: 1e-7, torch.float32: 1e-4}

TYPICAL = {
    **dict(zip(MASS + SHEAR, (1.3, 0.1, -0.15, 0.07, -0.12, 0.03, -0.04), strict=True)),
    **{f"lens_light_{k}": v for k, v in zip(LIGHT, (23.1, 1.0, 4.0, 0.0, 0.5, 0.0, 0.0), strict=True)},
    **{f"source_light_{k}": v for k, v in zip(LIGHT, (21.7, 0.6, 2.5, -0.1, 0.2, 0.13, 0.21), strict=True)},
}
LENS_CENTRED = {"center_x": 0, "center_y": 0}
SOURCE_CENTRED = {"source_light_center_x": 0, "source_light_center_y": 0}
ROUND = {"e1": 0, "e2": 0}
NO_SHEAR = {"gamma1": 0, "gamma2": 0}


def on_caustic(angle):
    """A source on the tangential caustic: the critical curve of an SIE without shear is the isodensity kappa = 1/2."""
    mass = {name: TYPICAL[name] for name in MASS}
    phi, q = ellipticity2phi_q(mass["e1"], mass["e2"])
    radius = mass["theta_E"] / np.sqrt(q * np.cos(angle) ** 2 + np.sin(angle) ** 2 / q)
    x, y = mass["center_x"] + radius * np.cos(angle + phi), mass["center_y"] + radius * np.sin(angle + phi)
    beta_x, beta_y = LensModel(["SIE"]).ray_shooting(x, y, [mass])
    return NO_SHEAR | {"source_light_center_x": float(beta_x), "source_light_center_y": float(beta_y)}


def population(seed):
    """A lens of the einstein_radius study."""
    draw = np.random.default_rng(seed).uniform
    low, high = (-0.2, -0.2, -1, -1, -0.05, -0.05), (0.2, 0.2, 1, 1, 0.05, 0.05)
    mass = dict(zip(("theta_E", *MASS[1:], *SHEAR), (draw(0.5, 3), *draw(low, high)), strict=True))
    source = dict(zip(LIGHT[:5], draw((19, 0.5, 2, -0.2, -0.2), (24, 1, 4, 0.2, 0.2)), strict=True))
    return mass | SOURCE_CENTRED | {f"source_light_{k}": v for k, v in source.items()}


CASES = {
    "typical": {},
    "round": ROUND,
    "round to 1e-9": {"e1": 6e-10, "e2": -8e-10},
    "round to 1e-5": {"e1": -1e-5},
    "tiny": {"theta_E": 1e-3},
    "tinier": {"theta_E": 1e-6},
    "no mass": {"theta_E": 0},
    "huge": {"theta_E": 20},
    "flat": {"e1": 0.6, "e2": -0.5},
    "flatter": {"e1": -0.85},
    "strong shear": {"gamma1": -0.3, "gamma2": 0.4},
    "pixel on lens centre": LENS_CENTRED,
    "pixel on centre of all": LENS_CENTRED | SOURCE_CENTRED,
    "ring": LENS_CENTRED | SOURCE_CENTRED | ROUND | NO_SHEAR,
    "source behind lens": {"source_light_center_x": 0.07, "source_light_center_y": -0.12},
    "source on cusp": on_caustic(0.0),
    "source on fold": on_caustic(0.8),
    "gaussian": {"source_light_n_sersic": 0.5, "lens_light_n_sersic": 0.5},
    "cuspy": {"source_light_n_sersic": 8, "lens_light_n_sersic": 8},
    "compact enough to have an edge": {"source_light_R_sersic": 2e-3, "lens_light_R_sersic": 3e-3},
    "flat light": {"source_light_e1": 0.7, "lens_light_e1": -0.6},
    **{f"population {seed}": population(seed) for seed in range(12)},
}
TABLE = [TYPICAL | case for case in CASES.values()]


def batch(dtype, names=TYPICAL, prefix=""):
    """Parameters of all cases as tensors."""
    return {
        name: torch.tensor([case[prefix + name] for case in TABLE], dtype=torch.float64).to(dtype) for name in names
    }


def broadcast(dtype, names, prefix=""):
    return {name: value[:, None, None] for name, value in batch(dtype, names, prefix).items()}


def pick(case, names, prefix=""):
    return {name: case[prefix + name] for name in names}


def assert_close(ours, theirs, precision):
    """Within `precision` of the largest value of each case."""
    for name, image, expected in zip(CASES, ours.double().numpy(), theirs, strict=True):
        error = np.abs(image - expected).max() / max(np.abs(expected).max(), 1e-300)
        assert error < precision, f"{name}: {error:.1e} of the peak"


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize(
    ("model", "names", "deflection"), [("SIE", MASS, sie_deflection), ("SHEAR", SHEAR, shear_deflection)]
)
def test_deflection(model, names, deflection, dtype):
    x, y = pixel_grid(PIXELS, SCALE, dtype=dtype)
    ours = torch.stack(torch.broadcast_tensors(*deflection(x, y, **broadcast(dtype, names))), 1)
    assert ours.dtype == dtype
    grid = [axis.ravel() for axis in np.meshgrid(*[(np.arange(PIXELS) - PIXELS // 2) * SCALE] * 2)]
    lens = LensModel([model])
    theirs = [np.reshape(lens.alpha(*grid, [pick(case, names)]), (2, PIXELS, PIXELS)) for case in TABLE]
    assert_close(ours, theirs, PRECISION[dtype])


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("prefix", ["lens_light_", "source_light_"])
def test_light(prefix, dtype):
    x, y = pixel_grid(PIXELS, SCALE, 3, dtype=dtype)
    parameters = broadcast(dtype, LIGHT, prefix)
    flux = magnitude_to_flux(parameters.pop("magnitude"), ZERO_POINT)
    ours = sersic_brightness(x, y, flux, **parameters)
    assert ours.dtype == dtype
    line = (np.arange(3 * PIXELS) - (3 * PIXELS - 1) / 2) * SCALE / 3
    grid = [axis.ravel() for axis in np.meshgrid(line, line)]
    profile = LightModel(["SERSIC_ELLIPSE"])
    theirs = []
    for case in TABLE:
        kwargs = pick(case, LIGHT[1:], prefix)
        amp = 10 ** (-0.4 * (case[f"{prefix}magnitude"] - ZERO_POINT)) / profile.total_flux([kwargs], norm=True)[0]
        theirs.append(profile.surface_brightness(*grid, [kwargs | {"amp": amp}]).reshape(ours.shape[1:]))
    assert_close(ours, theirs, PRECISION[dtype])


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("supersampling", [1, 3])
def test_image(supersampling, dtype):
    ours = render(batch(dtype), PIXELS, SCALE, supersampling, ZERO_POINT, integrate_cusps=False)
    integrated = render(batch(dtype), PIXELS, SCALE, supersampling, ZERO_POINT)
    theirs = [lenstronomy_images(case, supersampling) for case in TABLE]
    for images, whole, expected in zip(ours, integrated, zip(*theirs, strict=True), strict=True):
        assert images.dtype == whole.dtype == dtype
        assert_close(images, expected, PRECISION[dtype])
        touched = whole != images
        assert touched.double().mean() < 0.15, "pixels at the centres, and no others, are integrated"
        assert_close(whole.where(~touched, images), expected, PRECISION[dtype])


def test_integrated_light_is_that_of_many_samples():
    """Lens galaxies with a random centre, pixel by pixel, against 45 x 45 samples a pixel by lenstronomy."""
    random = np.random.default_rng(5)
    for n in (1.0, 4.0):
        light = {"lens_light_n_sersic": n, "lens_light_R_sersic": 0.8, "lens_light_e1": 0.1, "lens_light_e2": -0.2}
        light |= {f"lens_light_center_{axis}": random.uniform(-0.125, 0.125) for axis in "xy"}
        case = TYPICAL | light
        one = {name: torch.tensor([case[name]], dtype=torch.float64) for name in case}
        ours = render(one, PIXELS, SCALE, 1, ZERO_POINT)[0][0].numpy()
        expected = lenstronomy_images(case, 45)[0]
        k = PIXELS // 2
        assert ours[k, k] == pytest.approx(expected[k, k], rel=0.03)
        around = (slice(k - 1, k + 2),) * 2  # on the way to samples
        np.testing.assert_allclose(ours[around], expected[around], rtol=0.08)
        assert ours.sum() == pytest.approx(expected.sum(), rel=0.005)


def lenstronomy_images(case, supersampling):
    """The light of the lens and of the lensed source, made with lenstronomy."""
    noise = {"exposure_time": 1, "read_noise": 0, "sky_brightness": 22}  # asked for, not used
    band = noise | {"pixel_scale": SCALE, "magnitude_zero_point": ZERO_POINT, "psf_type": "NONE"}
    models = {
        "lens_model_list": ["SIE", "SHEAR"],
        "lens_light_model_list": ["SERSIC_ELLIPSE"],
        "source_light_model_list": ["SERSIC_ELLIPSE"],
    }
    simulation = SimAPI(PIXELS, band, models)
    image_model = simulation.image_model_class(
        {"supersampling_factor": supersampling, "supersampling_convolution": False}
    )
    lights = ([pick(case, LIGHT, prefix)] for prefix in ("lens_light_", "source_light_"))
    lens_light, source, _ = simulation.magnitude2amplitude(*lights)
    lens = [pick(case, MASS), pick(case, SHEAR)]
    return (
        image_model.lens_surface_brightness(lens_light, unconvolved=True),
        image_model.source_surface_brightness(source, lens, unconvolved=True),
    )

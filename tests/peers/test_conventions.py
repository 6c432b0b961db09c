"""What docs/conventions.md says of other packages, held against the packages."""

import json
import re
from pathlib import Path

import galsim
import numpy as np
import pandas as pd
import pytest
import torch
from lenstronomy.Util.coolest_read_util import gamma_phi_coolest_to_g1_g2_lenstronomy, qphi_coolest_to_e1e2_lenstronomy

from sim2sky.lensing import conventions as c
from sim2sky.lensing.light import sersic_brightness
from sim2sky.lensing.mass import shear_deflection, sie_deflection
from sim2sky.lensing.raytrace import pixel_grid
from tests.peers import measured, packages

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/conventions.md").read_text()
TABLE = pd.read_csv(ROOT / "docs/results/conventions.csv")
DRAW = np.random.default_rng(3)
X, Y = DRAW.uniform(-2, 2, (2, 60))
SHEARS = [{"gamma1": 0.03, "gamma2": -0.04}, {"gamma1": -0.05, "gamma2": 0.01}, {"gamma1": 0.0, "gamma2": 0.06}]
ELLIPSES = [(0.1, -0.15), (-0.2, 0.05), (0.0, 0.3), (-0.25, -0.25), (0.2, 0.0)]
SIES = [
    {"theta_E": theta_E, "e1": e1, "e2": e2, "center_x": 0.07, "center_y": -0.12}
    for theta_E, (e1, e2) in zip((0.6, 0.9, 1.3, 1.8, 2.5), ELLIPSES, strict=True)
]
SERSICS = [
    {"R_sersic": R, "n_sersic": n, "e1": e1, "e2": e2, "center_x": -0.05, "center_y": 0.11}
    for R, n, (e1, e2) in zip((0.3, 0.5, 0.7, 1.0, 1.5), (0.5, 0.8, 1.0, 2.5, 4.0), ELLIPSES, strict=True)
]


def ours(function, parameters):
    values = {name: torch.tensor(value, dtype=torch.float64) for name, value in parameters.items()}
    flux = {"flux": torch.tensor(1.0, dtype=torch.float64)} if function is sersic_brightness else {}
    result = function(torch.from_numpy(X), torch.from_numpy(Y), **flux, **values)
    return np.array(result) if flux else np.array([part.numpy() for part in result])


def same_shape(brightness, expected):
    ratio = np.asarray(brightness) / expected
    np.testing.assert_allclose(ratio / ratio[0], 1, rtol=1e-6)


@pytest.mark.parametrize("lens", SIES, ids=lambda lens: f"theta_E {lens['theta_E']}")
@pytest.mark.parametrize("package", ["lenstronomy", "coolest", "caustics"])
def test_einstein_radius_and_ellipticity(package, lens):
    np.testing.assert_allclose(packages.sie(package, X, Y, **lens), ours(sie_deflection, lens), atol=1e-6)


@pytest.mark.parametrize("shear", SHEARS)
@pytest.mark.parametrize("package", ["lenstronomy", "coolest", "caustics"])
def test_shear(package, shear):
    np.testing.assert_allclose(packages.shear(package, X, Y, **shear), ours(shear_deflection, shear), atol=1e-7)


@pytest.mark.parametrize("galaxy", SERSICS, ids=lambda galaxy: f"n {galaxy['n_sersic']}")
@pytest.mark.parametrize("package", ["lenstronomy", "coolest", "caustics", "galsim"])
def test_sersic_radius(package, galaxy):
    same_shape(packages.sersic(package, X, Y, **galaxy), ours(sersic_brightness, galaxy))


@pytest.mark.parametrize(("e1", "e2"), ELLIPSES)
def test_galsim_knows_our_ellipticity_as_reduced_shear(e1, e2):
    q, phi = c.axis_ratio(e1, e2)
    chi1, chi2 = c.distortion(e1, e2)
    for shear in (galsim.Shear(g1=e1, g2=e2), galsim.Shear(e1=chi1, e2=chi2)):
        assert (shear.g1, shear.g2, shear.q) == pytest.approx((e1, e2, q))
        assert np.sin(shear.beta.rad - phi) == pytest.approx(0, abs=1e-9) or abs(shear.beta.rad - phi) == np.pi


@pytest.mark.parametrize("shear", SHEARS)
def test_galsim_lenses_by_reduced_shear_of_our_sign(shear):
    """Without convergence the reduced shear is the shear; lensing keeps surface brightness."""
    galaxy = galsim.Gaussian(sigma=0.8).shift(0.1, 0.2)
    lensed = galaxy.lens(shear["gamma1"], shear["gamma2"], 1 / (1 - shear["gamma1"] ** 2 - shear["gamma2"] ** 2))
    at = np.array([X, Y]) - ours(shear_deflection, shear)
    expected = [galaxy.xValue(*position) for position in at.T]
    np.testing.assert_allclose([lensed.xValue(*position) for position in zip(X, Y, strict=True)], expected, rtol=1e-9)


def test_galsim_has_the_same_rows_and_centre():
    star = galsim.Gaussian(sigma=0.3).shift(0.6, -0.9).drawImage(nx=8, ny=8, scale=0.5, dtype=float).array
    x, y = pixel_grid(8, 0.5, dtype=torch.float64)
    assert (star * x.numpy()).sum() / star.sum() == pytest.approx(0.6, abs=1e-3)
    assert (star * y.numpy()).sum() / star.sum() == pytest.approx(-0.9, abs=1e-3)


def test_coolest_reader_of_lenstronomy_mirrors_x():
    """It gives parameters for a grid whose x points left: on one whose x points right e2, gamma2 and x change sign."""
    for e1, e2 in ELLIPSES:
        q, phi = c.axis_ratio(e1, e2)
        assert qphi_coolest_to_e1e2_lenstronomy(q, c.position_angle(phi)) == pytest.approx((e1, -e2), abs=1e-12)
    for shear in SHEARS:
        gamma, phi = c.polar(shear["gamma1"], shear["gamma2"])
        read = gamma_phi_coolest_to_g1_g2_lenstronomy(gamma, c.position_angle(phi))
        assert read == pytest.approx((shear["gamma1"], -shear["gamma2"]), abs=1e-12)


@pytest.fixture(scope="module")
def autolens():
    """Answers to all requests: SIEs and two power laws, shears, Sersic profiles."""
    if not packages.AUTOLENS.exists():
        pytest.skip("PyAutoLens is not installed in an environment of its own: make conventions")
    mass = [(lens, 2.0) for lens in SIES] + [(SIES[0], 1.8), (SIES[3], 2.3)]
    requests = []

    def ask(module, profile, **parameters):
        plain = json.loads(json.dumps(parameters, default=float))
        requests.append({"module": module, "profile": profile, "parameters": plain, "x": X.tolist(), "y": Y.tolist()})

    for lens, slope in mass:
        q, _ = c.axis_ratio(lens["e1"], lens["e2"])
        radius = c.autolens_einstein_radius(lens["theta_E"], q, slope)
        centre = {"centre": (lens["center_y"], lens["center_x"]), "ell_comps": (lens["e2"], lens["e1"])}
        law = {} if slope == 2 else {"slope": slope}
        ask("mp", "PowerLaw" if law else "Isothermal", einstein_radius=radius, **centre, **law)
    for shear in SHEARS:
        ask("mp", "ExternalShear", gamma_1=shear["gamma1"], gamma_2=shear["gamma2"])
    for galaxy in SERSICS:
        centre = {"centre": (galaxy["center_y"], galaxy["center_x"]), "ell_comps": (galaxy["e2"], galaxy["e1"])}
        radius = c.sersic_radius(galaxy["R_sersic"], galaxy["n_sersic"], "series")
        ask("lp", "Sersic", effective_radius=radius, sersic_index=galaxy["n_sersic"], intensity=1.0, **centre)
    return packages.autolens(requests)


def test_autolens(autolens):
    values = [np.array(value) for value in autolens["values"]]
    for lens, theirs in zip(SIES, values, strict=False):
        np.testing.assert_allclose(theirs, ours(sie_deflection, lens), atol=1e-6)
    for lens, slope, theirs in ((SIES[0], 1.8, values[5]), (SIES[3], 2.3, values[6])):
        expected = packages.LensModel(["EPL"]).alpha(X, Y, [lens | {"gamma": slope}])
        np.testing.assert_allclose(theirs, expected, atol=1e-6)
    for shear, theirs in zip(SHEARS, values[7:], strict=False):
        np.testing.assert_allclose(theirs, ours(shear_deflection, shear), atol=1e-9)
    for galaxy, theirs in zip(SERSICS, values[10:], strict=True):
        same_shape(theirs, ours(sersic_brightness, galaxy))


def test_first_row_of_autolens_is_at_the_top(autolens):
    """Of 4 rows of 1 arcsec; ours is at the bottom."""
    assert autolens["y_of_first_row"] == 1.5
    assert pixel_grid(4, 1.0)[1][0] == -1.5


def test_table_is_what_the_packages_give():
    """Where PyAutoLens is not installed, all but its rows."""
    found = pd.DataFrame([*measured.definitions(), *measured.seeing()])
    merged = TABLE.merge(found, on=["quantity", "package", "case"], suffixes=("_table", "_now"), validate="one_to_one")
    present = TABLE.package != "autolens" if not packages.AUTOLENS.exists() else slice(None)
    assert len(merged) == len(found) == len(TABLE[present])
    np.testing.assert_allclose(merged.value_now, merged.value_table, atol=1e-4)
    assert (merged.version_now == merged.version_table).all()


def test_calls_of_the_page_give_what_it_says():
    block = PAGE.split("```python\n")[1].split("```")[0]
    names = {}
    exec(block, names)
    said = re.findall(r"^(conventions.*)  # .* ([\d.]+) (?:degrees|arcsec)", block, re.MULTILINE)
    assert len(said) == 3
    for call, number in said:
        assert f"{eval(call, names):.{len(number.partition('.')[2])}f}" == number


def test_numbers_of_the_page_are_those_of_the_table():
    value = TABLE.set_index(["quantity", "package", "case"]).value
    rows = {
        tuple(cell.strip() for cell in line.strip("|").split("|")) for line in PAGE.splitlines() if line.startswith("|")
    }
    light = "half-light radius / radius parameter"
    for n in measured.INDICES:
        names = ("lenstronomy", "autolens", "galsim")
        assert (f"{n:g}", *(f"{value[light, name, f'n {n:g}']:.4f}" for name in names)) in rows
        assert value[light, "lenstronomy", f"n {n:g}"] == value[light, "coolest", f"n {n:g}"]
        assert value[light, "autolens", f"n {n:g}"] == value[light, "caustics", f"n {n:g}"]
    for seeing, pixel in measured.SEEING:
        case = f"seeing {seeing:g}, pixel {pixel:g} arcsec"
        names = ["a point source", "a point source, seeing_with_pixel"]
        names += [f"a Gaussian galaxy, supersampling {supersampling}" for supersampling in (1, 3, 5)]
        percent = (f"{100 * value[f'peak of {name} / GalSim - 1', 'galsim', case]:.1f}" for name in names)
        assert (f"{seeing:g}", f"{pixel:g}", *percent) in rows
    more = 100 * (value["parameter / theta_E of an SIE", "autolens", "q 0.7"] - 1)
    assert f"{more:.1f} % more at q = 0.7" in PAGE
    turned = [f"{radius:.3f}" for radius in value["effective_einstein_radius / theta_E"]]
    assert all(radius in PAGE for radius in turned)

"""Images and amplitudes against CosmoSim 3.3.0."""

import numpy as np
import pytest
import torch
from CosmoSim import Parameters
from CosmoSim.CLI.SimImage import SimImage

from sim2sky.framing import draw_axes, move_and_crop, offset_to_centre
from sim2sky.lensing.cosmosim import render
from sim2sky.lensing.roulette import amplitudes
from sim2sky.lensing.scene import Optics

PIXELS = 200
CONFIGURATIONS = 40
LENSES = {"point_mass": "PointMass", "sis": "SIS", "sie": "SIE"}
TERMS = {"point_mass": 50, "sis": 50, "sie": 5}  # the largest that CosmoSim has amplitudes for
WITHIN = 3  # counts


def cosmosim(lens, mode="Roulette", pixels=PIXELS, terms=5, mask=False, source="ellipse", axes=False, **p):
    """A finished simulation, of unit chi."""
    simulator = {"model": mode.capitalize(), "imagesize": pixels, "nterms": terms}
    lens = {"mode": LENSES[lens], "einsteinradius": p["R_E"] / p["chi"]}
    lens |= {"ellipseratio": p["ellipse_ratio"], "orientation": p["orientation"]}
    light = {"mode": "Ellipsoid" if source == "ellipse" else "Spherical"}
    light |= {name: p[name] for name in ("sigma", "sigma2", "theta")}
    parameters = {"simulator": simulator, "lens": lens, "source": light, "position": {"x": p["x"], "y": p["y"]}}
    parameters |= {"annotation": {"reflines": axes}, "management": {"mask": mask}}
    return SimImage(Parameters(parameters), verbose=0)


def configurations(seed, count=CONFIGURATIONS):
    """Random lenses: real numbers, and, for every fourth, the whole ones of a training set."""
    random = np.random.default_rng(seed)
    low = {"R_E": 2, "r": 10, "phi": 0, "sigma": 4, "sigma2": 4, "theta": 0, "chi": 0.3, "ellipse_ratio": 0.3}
    high = {"R_E": 15, "r": 60, "phi": 360, "sigma": 18, "sigma2": 18, "theta": 180, "chi": 0.9, "ellipse_ratio": 0.98}
    for index in range(count):
        p = {name: random.uniform(low[name], high[name]) for name in low} | {"orientation": random.uniform(0, 180)}
        if index % 4 == 0:
            p = {name: np.rint(value) for name, value in p.items()} | {"chi": 0.5, "ellipse_ratio": p["ellipse_ratio"]}
        direction = np.deg2rad(p["phi"])
        yield p | {"x": p["r"] * np.cos(direction), "y": p["r"] * np.sin(direction), "index": index}


def ours(optics, *lenses, pixels=PIXELS):
    parameters = {name: torch.tensor([p[name] for p in lenses], dtype=torch.float64) for name in lenses[0]}
    return render(parameters, optics, pixels).numpy()


@pytest.mark.parametrize("mode", ["raytrace", "roulette"])
@pytest.mark.parametrize("lens", LENSES)
def test_images(lens, mode):
    """With the source sampled as CosmoSim does, spherical and elliptical, masked and not, of any number of terms."""
    random = np.random.default_rng(3)
    for p in configurations(1):
        terms = int(random.integers(1, TERMS[lens] + 1))
        source = ("spherical", "ellipse")[p["index"] % 2]
        mask = mode == "roulette" and (p["index"] % 3 > 0 or terms > 12)  # many terms take CosmoSim long without
        optics = Optics(lens, mode, terms, "circle" if mask else "none", source, truncate=True)
        expected = cosmosim(lens, mode, terms=terms, mask=mask, source=source, **p).getImage().astype(int)
        assert expected.max() > 100
        difference = np.abs(ours(optics, p)[0] - expected).max()
        assert difference <= WITHIN, f"{difference} counts: {optics}, {p}"


@pytest.mark.parametrize("lens", LENSES)
def test_amplitudes(lens):
    """To 1e-10 of the largest of their order; from m = 30 on CosmoSim's own polynomials, of degree m, cancel.

    Ours do not: `test_exact_amplitudes` of tests/unit/lensing/test_roulette.py holds them to 1e-13 of exact arithmetic up to m = 50.
    """
    for p in configurations(2, 8):
        simulation = cosmosim(lens, pixels=16, terms=TERMS[lens], **p)
        nu, theirs = complex(*np.array(simulation.sim.getNu())), simulation.getData()
        R, angle = np.array([p["R_E"] / p["chi"]]), np.deg2rad([p["orientation"]])
        found = amplitudes(lens, TERMS[lens], np.array([nu]), R, np.array([p["ellipse_ratio"]]), angle)
        assert len(found) == sum(name.startswith("alpha") for name in theirs.index) - 1  # it has alpha[0][1] too
        largest = {m: max(abs(value[0]) for (order, _), value in found.items() if order == m) for m, _ in found}
        for (m, s), value in found.items():
            error = abs(value[0] - complex(theirs[f"alpha[{m}][{s}]"], theirs[f"beta[{m}][{s}]"]))
            assert error < (1e-10 if m <= 30 else 1e-9) * largest[m], (m, s)


def test_without_truncation_images_lie_half_a_pixel_away():
    """A source moved by half a pixel is met within the roundings; as it is, 8-bit images differ visibly."""
    optics = Optics("sis", "raytrace", truncate=False)
    for p in configurations(4, 4):
        expected = cosmosim("sis", "raytrace", **p).getImage().astype(int)
        plain = np.abs(ours(optics, p)[0] - expected).max()
        moved = np.abs(ours(optics, p | {"x": p["x"] + 0.5, "y": p["y"] - 0.5})[0] - expected).mean()
        assert plain > WITHIN and moved < np.abs(ours(optics, p)[0] - expected).mean()


def test_a_source_with_swapped_sizes_turned_by_a_quarter_is_the_same():
    """CosmoSim's own images differ by roundings alone: no network can tell one answer from the other."""
    for p in configurations(11, 8):
        other = p | {"sigma": p["sigma2"], "sigma2": p["sigma"], "theta": p["theta"] + 90}
        one, two = (cosmosim("sis", terms=20, mask=True, **each).getImage().astype(int) for each in (p, other))
        assert np.abs(one - two).max() <= 1 and one.max() > 100


def test_reference_axes():
    for p in configurations(6, 4):
        image = ours(Optics("sis", "raytrace", truncate=True), p)[0]
        draw_axes(image)
        assert np.abs(image.astype(int) - cosmosim("sis", "raytrace", axes=True, **p).getImage()).max() <= WITHIN


def test_centring_is_that_of_whole_pixels_and_of_fractions():
    """CosmoSim puts the light on pixel N/2, the stage in the middle, half a pixel before; both interpolate linearly."""
    for p in configurations(5, 4):
        simulation = cosmosim("sis", "raytrace", **p)
        image, (x, y) = simulation.getImage(), simulation.centrepoint
        offset = offset_to_centre(image, PIXELS, "subpixel")
        np.testing.assert_allclose(offset, [y - 0.5, -x - 0.5], atol=1e-9)
        moved = move_and_crop(image, offset + 0.5, PIXELS).astype(int)
        assert np.abs(moved - simulation.getImage(centred=True)).max() <= WITHIN

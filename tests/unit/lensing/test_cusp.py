"""Light of the pixels at the centre of a Sersic profile: the flux in the frame is the label's."""

import numpy as np
import pytest
import torch
from scipy.special import gammainc

from sim2sky.lensing.raytrace import pixel_grid, render

SCALE, ZERO_POINT = 0.2, 30.0
CENTRES = {"pixel": (0.0, 0.0), "corner": (0.5, 0.5), "edge": (0.5, 0.0), "random": (0.213, -0.377)}  # pixels
INDICES = (0.5, 1.0, 2.0, 4.0, 6.0)
SIZES = (1.0, 1.5, 4.0)  # pixels
ELLIPTICITIES = ((0.0, 0.0), (0.2, -0.1), (-0.35, 0.35))


def cases(odd):
    """Parameters of profiles of all kinds as light of the lens; centres relative to a pixel next to the middle."""
    rows = [
        (n, size * SCALE, *e, *((np.array(centre) + (0 if odd else 0.5)) * SCALE))
        for n in INDICES
        for size in SIZES
        for e in ELLIPTICITIES
        for centre in CENTRES.values()
    ]
    return dict(zip(("n_sersic", "R_sersic", "e1", "e2", "center_x", "center_y"), np.array(rows).T, strict=True))


def lenses(light, dtype=torch.float64, **mass):
    """Lenses with the same light for lens and source, magnitude 22, and without mass if none is given."""
    count = len(light["n_sersic"])
    names = ("theta_E", "e1", "e2", "center_x", "center_y", "gamma1", "gamma2")
    values = {name: np.broadcast_to(mass.get(name, 0.0), count) for name in names}
    for prefix in ("lens_light_", "source_light_"):
        values |= {prefix + name: value for name, value in light.items()} | {prefix + "magnitude": np.full(count, 22.0)}
    return {name: torch.from_numpy(np.array(value)).to(dtype) for name, value in values.items()}


def share(n, R, e1, e2, left, right, below, above):
    """Share of a profile's light in a rectangle about its centre, edges relative to it: exact but for the angles.

    In polar coordinates of the plane where the profile is round, the light within a radius is an incomplete gamma
    function.
    """
    angle = (np.arange(40000) + 0.5) / 40000 * 2 * np.pi
    shear = np.array([[1 - e1, -e2], [-e2, 1 + e1]]) / (R * np.sqrt(1 - e1**2 - e2**2))
    x, y = np.linalg.solve(shear, [np.cos(angle), np.sin(angle)])
    radius = np.minimum(np.where(x > 0, right, left) / x, np.where(y > 0, above, below) / y)
    return gammainc(2 * n, (1.9992 * n - 0.3271) * radius ** (1 / n)).mean()


def in_frame(light, side):
    """Flux of each profile in the frame."""
    half = side * SCALE / 2
    edges = (
        (-half - x, half - x, -half - y, half - y) for x, y in zip(light["center_x"], light["center_y"], strict=True)
    )
    shapes = zip(*(light[name] for name in ("n_sersic", "R_sersic", "e1", "e2")), strict=True)
    return 10 ** (0.4 * (ZERO_POINT - 22)) * np.array(
        [share(*shape, *edge) for shape, edge in zip(shapes, edges, strict=True)]
    )


@pytest.fixture(scope="module", params=[40, 41, 48, 49])
def frame(request):
    light = cases(request.param % 2)
    return request.param, light, in_frame(light, request.param)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("supersampling", [1, 2, 3, 5])
def test_flux_in_the_frame_is_the_labels(frame, supersampling, dtype):
    side, light, expected = frame
    for images in render(lenses(light, dtype), side, SCALE, supersampling, ZERO_POINT):  # the source is behind nothing
        assert images.dtype == dtype
        error = np.abs(images.double().sum((1, 2)).numpy() / expected - 1)
        worst = {name: value[error.argmax()] for name, value in light.items()}
        assert error.max() < 0.009, worst
        assert np.quantile(error, 0.9) < 0.005


def test_samples_alone_are_far_from_the_labels():
    """What the integration is for; if this fails, the tests above have lost their teeth."""
    light = cases(odd=True)
    seen, _ = render(lenses(light), 41, SCALE, 1, ZERO_POINT, integrate_cusps=False)
    assert (seen.sum((1, 2)).numpy() / in_frame(light, 41)).max() > 100


@pytest.mark.parametrize("n", INDICES)
def test_the_pixel_at_the_centre_has_its_own_light(n):
    """Not only the sum is right: the light of the pixel with the centre is, too."""
    centres = [(0.0, 0.0), (0.4, 0.1), (-0.2, 0.45)]
    light = {"n_sersic": n, "R_sersic": 2.5 * SCALE, "e1": 0.1, "e2": -0.2}
    light = {name: np.full(3, value) for name, value in light.items()}
    light |= {f"center_{axis}": SCALE * np.array(centres)[:, k] for k, axis in enumerate("xy")}
    images = torch.stack(render(lenses(light), 41, SCALE, 1, ZERO_POINT))[:, :, 20, 20].numpy()
    edges = [(SCALE * (-0.5 - x), SCALE * (0.5 - x), SCALE * (-0.5 - y), SCALE * (0.5 - y)) for x, y in centres]
    expected = [share(n, 2.5 * SCALE, 0.1, -0.2, *edge) * 10 ** (0.4 * (ZERO_POINT - 22)) for edge in edges]
    np.testing.assert_allclose(images[0], expected, rtol=0.03)
    np.testing.assert_allclose(images[1], expected, rtol=0.06)


@pytest.mark.parametrize("supersampling", [1, 3])
def test_away_from_the_centre_nothing_changes(supersampling):
    light = cases(odd=False)
    mass = {"theta_E": 1.1, "e1": 0.1, "center_x": 0.3, "gamma1": 0.03}
    integrated, sampled = (
        torch.stack(render(lenses(light, **mass), 40, SCALE, supersampling, ZERO_POINT, integrate_cusps=both))
        for both in (True, False)
    )
    x, y = pixel_grid(40, SCALE, dtype=torch.float64)
    centre_x, centre_y = (torch.from_numpy(light[f"center_{axis}"])[:, None, None] for axis in "xy")
    away = torch.hypot(x - centre_x, y - centre_y) > 3 * SCALE
    assert torch.allclose(integrated[0][away], sampled[0][away], rtol=1e-12, atol=0)
    changed = (integrated[1] != sampled[1]).sum((1, 2))
    assert 0 < changed.max() < 120 and changed.double().mean() < 50


@pytest.mark.parametrize("n", [1.0, 4.0])
@pytest.mark.parametrize("size", [1.0, 2.0])
def test_small_lensed_sources(n, size):
    """Flux of all images against 25 x 25 samples a pixel; images in the lens's central pixels are not resolved."""
    random = np.random.default_rng(3)
    count = 40  # the median of fewer scatters
    light = {"n_sersic": np.full(count, n), "R_sersic": np.full(count, size * SCALE)}
    light |= {"e1": random.uniform(-0.2, 0.2, count), "e2": random.uniform(-0.2, 0.2, count)}
    light |= {f"center_{axis}": random.uniform(-0.3, 0.3, count) for axis in "xy"}
    mass = {"theta_E": random.uniform(0.8, 1.6, count), "e1": 0.1, "e2": -0.05, "gamma1": 0.02}
    parameters = lenses(light, **mass)
    expected = torch.cat(
        [
            render({k: v[i : i + 1] for k, v in parameters.items()}, 40, SCALE, 25, ZERO_POINT, integrate_cusps=False)[
                1
            ]
            for i in range(count)
        ]
    ).sum((1, 2))
    error, sampled = (
        (render(parameters, 40, SCALE, 1, ZERO_POINT, integrate_cusps=both)[1].sum((1, 2)) / expected - 1).abs().numpy()
        for both in (True, False)
    )
    assert np.median(error) < 0.007 and error.max() < 0.04
    if n > 1:
        assert np.median(error) < np.median(sampled) / 5 and error.max() < sampled.max() / 3


def test_odd_frames_and_centres():
    """Centres on the frame, far outside it, and frames of a pixel or two give finite light."""
    light = {name: value[:4] for name, value in cases(odd=False).items()} | {"n_sersic": np.full(4, 4.0)}
    light |= {"center_x": np.array([4.0, -3.9, 50.0, 0.0]), "center_y": np.array([0.1, 4.0, -1e6, 0.0])}
    for dtype in (torch.float32, torch.float64):
        for side in (40, 2, 1):
            for images in render(lenses(light, dtype, theta_E=0.7), side, SCALE, 1, ZERO_POINT):
                assert torch.isfinite(images).all() and (images >= 0).all()

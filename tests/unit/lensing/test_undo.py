"""Lensing undone with true and wrong parameters."""

import numpy as np
import pytest

from sim2sky.lensing.undo import complete, image_plane, reconstruct
from tests.unit.cosmosim_images import TRUE, finished, simulation_of

WAYS = {
    "as rendered": {},
    "centred": {"crop": {"pixels": 101}},
    "centred, averaged": {"crop": {"pixels": 120, "centre": "subpixel"}, "downscale": 60},
    "roulette": {"crop": {"pixels": 100}, "mode": "roulette", "mask": True},
    "point mass": {"lens": "point_mass"},
}


@pytest.mark.parametrize("way", WAYS)
def test_true_parameters_give_the_image_and_the_source_back(way):
    simulation = simulation_of(**WAYS[way])
    image, _ = finished(simulation)
    found = reconstruct(image, TRUE, simulation)
    np.testing.assert_array_equal(found.simulated, image)
    assert found.rms == 0
    assert found.rms_source < 6, "the source is 255 counts; pixels of the image are averaged"
    assert (found.undone[found.source > 60] > 20).all(), "no gaps between pixels"
    wrong = reconstruct(image, TRUE | {"R_E": 18.0}, simulation)
    assert wrong.rms > 0.5
    assert wrong.rms_source > 1.5 * found.rms_source


def test_pixels_are_where_the_light_was():
    """Light that is centred is moved back: the brightest pixel lies where the source is seen."""
    simulation = simulation_of(crop={"pixels": 101})
    whole, moved = simulation_of(), finished(simulation)
    places = []
    for setting, (image, shift) in ((whole, finished(whole)), (simulation, moved)):
        x, y = image_plane(setting, shift)
        peak = np.unravel_index(image.argmax(), image.shape)
        places.append((x[peak], y[peak]))
    np.testing.assert_allclose(*places)
    assert np.abs(moved[1]).max() > 5


def test_what_is_not_estimated_must_be_fixed():
    simulation = simulation_of()
    assert complete(TRUE, simulation)["chi"].item() == 0.5
    polar = {"r": 10.0, "phi": 90.0} | {name: TRUE[name] for name in ("R_E", "sigma", "sigma2", "theta")}
    assert complete(polar, simulation)["y"].item() == pytest.approx(10)
    assert complete(TRUE | {"sigma": -3.0}, simulation)["sigma"].item() > 0
    assert complete(TRUE, simulation_of(chi=None))["chi"].item() == 0.5, "the population's, which is one value"
    with pytest.raises(ValueError, match="without chi"):
        complete(TRUE, simulation_of(chi=None, population={"chi": [0.3, 0.7]}))
    with pytest.raises(ValueError, match="without sigma2, theta"):
        complete({name: TRUE[name] for name in ("x", "y", "R_E", "sigma")}, simulation)

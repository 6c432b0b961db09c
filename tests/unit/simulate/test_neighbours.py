"""Other galaxies in the frame."""

import numpy as np
import pytest

from sim2sky.config import Simulation
from sim2sky.simulate.galaxy import galaxy
from sim2sky.simulate.neighbours import neighbours
from tests.unit.simulate.test_population import LIGHT, MASS, simulation

FAINT = {
    "density": 0.2,
    "magnitude": {"uniform": [22, 26]},
    "R_sersic": 0.3,
    "n_sersic": 1,
    "e1": {"uniform": [-0.3, 0.3]},
}


def with_neighbours(about=FAINT, **more):
    population = {"lens_mass": MASS, "lens_light": LIGHT, "source_light": LIGHT, "neighbours": about}
    return simulation(population=population, **{"pixels": 24, "cusps": "as_published"} | more)


def test_they_are_as_many_and_as_bright_as_asked_for():
    made = with_neighbours(FAINT | {"magnitude": 24}, pixels=40)
    images, number = neighbours(made, range(300), 30.0)
    expected = 0.2 * 10**2  # a frame of 10 arcsec
    assert number.mean() == pytest.approx(expected, abs=5 * (expected / 300) ** 0.5)
    assert number.var() == pytest.approx(expected, rel=0.3)
    flux = images.sum() / number.sum() / 10 ** (0.4 * (30 - 24))
    assert 0.85 < flux < 1  # part of those at the edge is outside


def test_those_of_a_lens_do_not_depend_on_its_company():
    together, number = neighbours(with_neighbours(), range(60), 30.0)
    alone, one = neighbours(with_neighbours(), [37], 30.0)
    np.testing.assert_allclose(alone[0], together[37], rtol=1e-12)
    assert one[0] == number[37]


def test_they_add_light_to_that_of_the_lens_and_change_nothing_else():
    plain, more = (
        galaxy(made, range(5), "cpu", lambda done: None).variables
        for made in (simulation(pixels=24, cusps="as_published"), with_neighbours())
    )
    assert set(more) == set(plain) | {"neighbours"}
    for name in set(plain) - {"lens_light"}:
        np.testing.assert_array_equal(plain[name].data, more[name].data)
    added = more["lens_light"].data - plain["lens_light"].data
    expected, _ = neighbours(with_neighbours(), range(5), 30.0)
    np.testing.assert_allclose(added[:, 0], expected, atol=1e-4 * plain["lens_light"].data.max())
    assert Simulation.model_validate(with_neighbours().params()) == with_neighbours()


@pytest.mark.parametrize("change", [{"R_sersic": {"uniform": [0, 1]}}, {"e1": {"uniform": [-1.2, 0]}}, {"density": 0}])
def test_impossible_ones_are_refused(change):
    with pytest.raises(ValueError, match=r"positive|below 1|greater than 0"):
        with_neighbours(FAINT | change)

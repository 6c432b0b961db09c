"""The drawn parameters."""

import numpy as np
import pytest

from sim2sky.config import Simulation
from sim2sky.simulate.population import draw

MASS = {"theta_E": {"uniform": [0.5, 3]}, "e1": {"normal": [0.1, 0.05]}, "gamma1": {"uniform": [-0.05, 0.05]}}
LIGHT = {"magnitude": {"uniform": [19, 24]}, "R_sersic": {"uniform": [0.5, 1]}, "n_sersic": 4}


def simulation(mass=MASS, source=LIGHT, lens=LIGHT, follows=None, **more):
    population = {"lens_mass": mass, "lens_light": lens, "source_light": source, "lens_light_follows": follows}
    options = {"lenses": 10, "pixels": 8, "pixel_scale": 0.25, "bands": ["g"], "population": population}
    return Simulation.model_validate(options | more)


def test_values_follow_their_distributions():
    drawn = draw(simulation(), range(4000))
    theta_E, e1 = drawn["theta_E"].data, drawn["e1"].data
    assert theta_E.min() >= 0.5
    assert theta_E.max() < 3
    assert theta_E.mean() == pytest.approx(1.75, abs=4 * theta_E.std() / 4000**0.5)
    assert theta_E.std() == pytest.approx(2.5 / 12**0.5, rel=0.03)
    assert e1.mean() == pytest.approx(0.1, abs=4 * 0.05 / 4000**0.5)
    assert e1.std() == pytest.approx(0.05, rel=0.05)
    assert (drawn["lens_light_n_sersic"].data == 4).all()
    table = np.stack([value.data for value in drawn.values() if value.data.std() > 0])
    assert np.abs(np.corrcoef(table) - np.eye(len(table))).max() < 0.07  # every parameter is drawn on its own


def test_a_lens_does_not_depend_on_its_company():
    together, alone = draw(simulation(), range(7)), draw(simulation(lenses=999, shard_size=3), [5])
    assert {name: value.data[5] for name, value in together.items()} == {n: v.data[0] for n, v in alone.items()}
    assert draw(simulation(seed=2), [5])["theta_E"].data != alone["theta_E"].data


@pytest.mark.parametrize("theta_E", [1.5, {"normal": [50, 1]}])
def test_a_parameter_changes_no_other(theta_E):
    before = draw(simulation(), range(5))
    source = LIGHT | {"R_sersic": theta_E} if isinstance(theta_E, float) else LIGHT | {"magnitude": theta_E}
    after = draw(simulation(MASS | {"gamma1": theta_E}, source), range(5))
    changed = {name for name, value in after.items() if not np.array_equal(value.data, before[name].data)}
    assert changed == {"gamma1", "source_light_R_sersic" if isinstance(theta_E, float) else "source_light_magnitude"}


def test_further_bands_add_magnitudes_and_change_nothing_else():
    colour = {"colors": {"r": {"normal": [1, 0.1]}}}
    one = draw(simulation(), range(3))
    three = draw(simulation(source=LIGHT | colour, bands=["g", "r", "i"]), range(3))
    magnitudes = {f"{light}_magnitude_{band}" for light in ("lens_light", "source_light") for band in "ri"}
    assert set(three) == set(one) | magnitudes
    assert all(np.array_equal(one[name].data, three[name].data) for name in one)
    assert np.array_equal(three["source_light_magnitude_i"].data, one["source_light_magnitude"].data)
    assert one["source_light_magnitude"].data - three["source_light_magnitude_r"].data == pytest.approx(1, abs=0.5)


def test_units_and_names_come_from_the_configuration():
    drawn = draw(simulation(), [0])
    assert drawn["theta_E"].unit == drawn["source_light_R_sersic"].unit == "arcsec"
    assert drawn["lens_light_magnitude"].unit == "mag"
    assert drawn["theta_E"].long_name == "lens_mass: Einstein radius"


def test_an_impossible_ellipticity_is_refused_by_name():
    with pytest.raises(ValueError, match=r"lens 3 has source_light_e1 = .*, source_light_e2 = "):
        draw(simulation(source=LIGHT | {"e1": {"normal": [5, 0.1]}}), [3, 4])


def test_lens_light_follows_the_mass_with_a_scatter_and_changes_no_other_draw():
    tied = {"e1": {"normal": [0, 0.03]}, "center_x": 0.01}
    apart = simulation(lens=LIGHT | tied)
    population = apart.population.model_dump() | {"lens_light_follows": "mass"}
    together = Simulation.model_validate(apart.model_dump() | {"population": population})
    one, other = draw(apart, range(50)), draw(together, range(50))
    for name in ("e1", "e2", "center_x", "center_y"):
        light = f"lens_light_{name}"
        np.testing.assert_array_equal(other[light].data, one[light].data + one[name].data)
        assert other[light].unit == one[light].unit
    assert all(np.array_equal(one[name].data, other[name].data) for name in one if not name.startswith("lens_light_"))
    assert "lens_light_e1" not in together.fixed
    assert "lens_light_center_y" in together.fixed  # neither the mass nor the scatter varies


def test_ellipticities_that_add_up_to_one_are_refused():
    mass, lens = MASS | {"e1": {"uniform": [-0.6, 0.6]}}, LIGHT | {"e1": {"uniform": [-0.5, 0.2]}}
    simulation(mass, lens=lens)
    with pytest.raises(ValueError, match="ellipticities of 1 and more can be drawn"):
        simulation(mass, lens=lens, follows="mass")

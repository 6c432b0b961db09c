"""The drawn parameters."""

import numpy as np
import pytest

from sim2sky.config import Simulation
from sim2sky.simulate.population import draw

MASS = {"theta_E": {"uniform": [0.5, 3]}, "e1": {"normal": [0.1, 0.05]}, "gamma1": {"uniform": [-0.05, 0.05]}}
LIGHT = {"magnitude": {"uniform": [19, 24]}, "R_sersic": {"uniform": [0.5, 1]}, "n_sersic": 4}


def simulation(mass=MASS, source=LIGHT, **more):
    population = {"lens_mass": mass, "lens_light": LIGHT, "source_light": source}
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

"""Columns, rows and flags of a catalogue."""

import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.io.votable.ucd import check_ucd

from sim2sky.measure.catalogue import columns, rows
from sim2sky.measure.flags import FLAGS, at_level, flag
from tests.unit.measure.made import PARAMETERS, POPULATION, estimates

KNOWN = columns(
    PARAMETERS, {"resampled": "was resampled"}, {"seeing": "arcsec", "signal_to_noise": "1"}, ["theta_E"], true=True
)


def table(reasons, found, **more):
    images = pd.DataFrame({"name": [f"lens {i}" for i in range(len(reasons))], "file": "a.fits", "reason": reasons})
    return rows(list(KNOWN), images.assign(**more), np.array(reasons) == "", found, POPULATION)


def test_every_column_has_a_unit_that_astropy_knows_and_a_descriptor_of_the_vocabulary():
    for name, column in KNOWN.items():
        assert column.description and name.isidentifier()
        assert not isinstance(units.Unit(column.unit), units.UnrecognizedUnit)
        assert not column.ucd or check_ucd(column.ucd, check_controlled_vocabulary=True), name
    assert KNOWN["theta_E_q16"].unit == "arcsec" and KNOWN["e1_median"].unit == ""


@pytest.mark.parametrize(
    "name",
    ["theta_E", "e1", "center_x", "lens_light_magnitude_g", "lens_light_R_sersic", "orientation", "gamma1", "R_E"],
)
def test_every_kind_of_parameter_has_proper_descriptors(name):
    for column in columns({name: {"units": "1"}}, {}, true=True, published=[name]).values():
        assert not column.ucd or check_ucd(column.ucd, check_controlled_vocabulary=True), column


def test_an_image_that_is_not_measured_keeps_its_row_and_says_why():
    found = table(["", "is empty", ""], estimates(np.array([[1.0, 0.1], [2.0, 0.2]])), resampled=[True, False, False])
    assert found.name.tolist() == ["lens 0", "lens 1", "lens 2"] and list(found) == list(KNOWN)
    assert found.theta_E_median.tolist()[::2] == [1.0, 2.0] and found.reason.tolist() == ["", "is empty", ""]
    numbers = [name for name in found if name.startswith(("theta_E", "e1", "typicality", "agreement"))]
    assert found.loc[1, numbers].isna().all() and not found.loc[0, ["theta_E_q02", "e1_conformal_high"]].isna().any()
    flags = found.filter(like="flag_")
    assert set(flags.dtypes.astype(str)) == {"bool"}
    assert flags.loc[1, flags.loc[1].astype(bool)].index.tolist() == ["flag_not_measured"]


def test_nothing_measured_is_a_catalogue_too():
    found = table(["is empty"] * 3, None)
    assert found.flag_not_measured.all() and found.theta_E_median.isna().all() and list(found) == list(KNOWN)


def test_what_a_network_gives_no_finite_number_for_is_not_measured():
    found = table(["", ""], estimates(np.array([[np.nan, 0.1], [2.0, 0.2]])))
    assert found.flag_not_measured.tolist() == [True, False] and "no finite number" in found.reason[0]
    assert found.loc[0, ["theta_E_median", "e1_median", "typicality"]].isna().all()
    assert not found.loc[0, [f"flag_{name}" for name in FLAGS if name != "not_measured"]].any()


def test_columns_hold_the_quantiles_of_their_names():
    found = table([""], estimates(np.array([[1.0, 0.1]]), std=0.2))
    assert found.theta_E_q16[0] == pytest.approx(0.8, abs=2e-3) and found.theta_E_q84[0] == pytest.approx(1.2, abs=2e-3)
    assert found.theta_E_q02[0] == pytest.approx(1 - 2.054 * 0.2, abs=1e-3)
    assert found.theta_E_conformal_high[0] - found.theta_E_conformal_low[0] == pytest.approx(2 * 0.2 * 0.9945, abs=1e-3)
    assert found.theta_E_std_epistemic[0] == pytest.approx(0.2 / 3) and found.theta_E_std[0] == np.float32(0.2)


@pytest.mark.parametrize(
    ("median", "options", "flagged"),
    [
        ([1.0, 0.0], {}, set()),
        ([3.2, 0.0], {}, {"outside_population"}),
        ([1.0, -0.5], {}, {"outside_population"}),
        ([2.95, 0.0], {}, {"prior_edge"}),
        ([0.55, 0.0], {}, {"prior_edge"}),
        ([2.95, 0.0], {"std": 0.01}, set()),
        ([1.0, 0.0], {"distance": 0.009}, {"unlike_training"}),
        ([1.0, 0.0], {"agreement": 0.0}, {"seeds_disagree"}),
        ([3.2, -0.4], {"distance": 0.0}, {"outside_population", "prior_edge", "unlike_training"}),
    ],
)
def test_flags_say_what_their_descriptions_say(median, options, flagged):
    found = flag(estimates(np.array([median]), **{"std": 0.1} | options), POPULATION)
    assert {name for name, values in found.items() if values[0]} == flagged
    assert found.keys() | {"bad_pixels", "not_measured"} == FLAGS.keys()


def test_an_angle_has_no_ends():
    from dataclasses import replace

    found = replace(estimates(np.array([[1.0, 179.9]])), parameters=("theta_E", "orientation"))
    assert not any(values.any() for values in flag(found, {"theta_E": {"low": 0.5, "high": 3.0}}).values())


def test_only_levels_that_are_there_are_given():
    with pytest.raises(ValueError):
        at_level(estimates(np.array([[1.0, 0.1]])).quantiles, 0.123456)

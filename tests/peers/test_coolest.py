"""Measured lenses in the COOLEST standard, read by its package."""

import numpy as np
import pytest
from coolest.template.json import JSONSerializer

from sim2sky.lensing import conventions
from sim2sky.measure.coolest import file_name, write_coolest

MEDIANS = {"theta_E": 1.2, "e1": 0.1, "e2": -0.05, "gamma1": 0.02, "gamma2": 0.01, "center_x": -0.1}
ABOUT = {"band": "g", "pixel_scale": 0.263, "pixels": 40, "zero_point": 30.0, "network": "ab"}


def read(path, parameters=tuple(MEDIANS), **position):
    row = {"name": "a", "file": "a.fits", "ra": 10.5, "dec": -3.2} | position
    for name, value in MEDIANS.items():
        row |= {f"{name}_median": np.float32(value), f"{name}_q16": value - 0.01, f"{name}_q84": value + 0.02}
    write_coolest(row, ABOUT | {"parameters": parameters}, path)
    # no FITS file goes with it, which the reader would look for
    return JSONSerializer(str(path.with_suffix("")), check_external_files=False).load(verbose=False)


def values(entity):
    return {name: each.point_estimate.value for name, each in entity.mass_model[0].parameters.items()}


def test_a_lens_is_read_back(tmp_path):
    found = read(tmp_path / "lens.json")
    lens, shear = found.lensing_entities
    q, phi = conventions.axis_ratio(0.1, -0.05)
    expected = {"theta_E": 1.2, "q": q, "phi": conventions.position_angle(phi), "center_x": -0.1, "center_y": None}
    assert values(lens) == pytest.approx(expected, rel=1e-6)
    modulus, direction = conventions.polar(0.02, 0.01)
    assert values(shear) == pytest.approx(
        {"gamma_ext": modulus, "phi_ext": conventions.position_angle(direction)}, rel=1e-6
    )
    theta_E = lens.mass_model[0].parameters["theta_E"].posterior_stats
    assert (theta_E.percentile_16th, theta_E.percentile_84th) == pytest.approx((1.19, 1.22))
    assert found.instrument.pixel_size == 0.263 and found.instrument.band == "g"
    assert found.coordinates_origin.ra == "00h42m00s" and found.observation.mag_zero_point == 30


def test_what_is_not_measured_is_left_open(tmp_path):
    found = read(tmp_path / "lens.json", ("theta_E",), ra=np.nan)
    (lens,) = found.lensing_entities
    assert {name for name, value in values(lens).items() if value is not None} == {"theta_E"}
    assert '"coordinates_origin": "unknown"' in (tmp_path / "lens.json").read_text()


def test_without_an_einstein_radius_there_is_no_lens(tmp_path):
    with pytest.raises(ValueError, match="measures no theta_E"):
        read(tmp_path / "lens.json", ("e1", "e2"))


def test_names_of_files_are_safe_and_unique():
    assert file_name(3, "DES J0000/../x y") == "0000003-DES_J0000_.._x_y.json"
    assert len({file_name(index, "same") for index in range(3)}) == 3

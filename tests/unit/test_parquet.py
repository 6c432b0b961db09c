"""Parquet tables: units for astropy and pandas."""

import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.table import Table

from sim2sky.parquet import write_parquet

UNITS = {"theta_E": "arcsec", "sky": "mag/arcsec2", "ratio": "1", "alpha": "pixel^-2", "psi": "deg", "flux": "count/s"}


def table():
    columns = {name: np.array([1.5, np.nan, -3.0], np.float32) for name in UNITS}
    frame = pd.DataFrame({"name": ["a", "größer", ""], "lens": [1, 2, 2**60], "flag": [True, False, True], **columns})
    frame.attrs = {"config": {"lr": 1e-05, "note": "a: 'b' # \n", "none": None}}
    return frame


def test_astropy_and_pandas_find_units_and_values(tmp_path, recwarn):
    write_parquet(table(), tmp_path / "a.parquet", UNITS, {"theta_E": "Einstein radius"})
    for found in (Table.read(tmp_path / "a.parquet"), Table.read(tmp_path / "a.parquet", format="parquet")):
        assert {name: found[name].unit for name in UNITS} == {name: units.Unit(unit) for name, unit in UNITS.items()}
        assert not any(isinstance(found[name].unit, units.UnrecognizedUnit) for name in UNITS)
        assert found["name"].tolist() == ["a", "größer", ""] and found["lens"].tolist() == [1, 2, 2**60]
        assert found["flag"].tolist() == [True, False, True] and found["theta_E"].unit == units.arcsec
        assert found["theta_E"].description == "Einstein radius" and found["name"].unit is None
        np.testing.assert_array_equal(found["sky"], np.array([1.5, np.nan, -3.0], np.float32))
        assert found.meta == table().attrs | {"units": UNITS}
    frame = pd.read_parquet(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(frame, table())
    assert frame.attrs == table().attrs | {"units": UNITS}
    assert not recwarn.list


def test_equal_tables_give_equal_bytes(tmp_path):
    for name in ("a", "b"):
        write_parquet(table(), tmp_path / name, UNITS)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_empty_table_keeps_its_units(tmp_path):
    write_parquet(table()[:0], tmp_path / "a.parquet", UNITS)
    assert pd.read_parquet(tmp_path / "a.parquet").attrs["units"] == UNITS


@pytest.mark.parametrize(
    "values", [["a", None, "b"], pd.Categorical(["a", "b", "a"]), pd.array([True, None, False], "boolean")]
)
def test_what_astropy_refuses_is_refused(tmp_path, values):
    with pytest.raises(ValueError, match=r"a\.parquet: column 'kind' is categorical or lacks values"):
        write_parquet(table().assign(kind=values), tmp_path / "a.parquet", UNITS)
    assert not (tmp_path / "a.parquet").exists()

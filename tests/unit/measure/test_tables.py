"""Catalogues as Parquet, FITS and ECSV, read by astropy and pandas."""

import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.io import fits
from astropy.table import Table
from pyarrow import parquet

from sim2sky.measure.catalogue import columns, rows
from sim2sky.measure.run import metadata
from sim2sky.measure.tables import join_parts, write_part
from tests.unit.measure.made import PARAMETERS, POPULATION, about, estimates

NAMES = ["plain", 'größer, und "so"', "", "x" * 40, "last"]
KNOWN = columns(PARAMETERS, {})


@pytest.fixture
def files(tmp_path):
    """Two parts of five rows, of which the third is not measured, joined."""
    reasons = ["", "", "is truncated: 3, of 5", "", ""]
    for part in range(2):
        median = np.array([[1.0 + i + part, 0.1] for i in range(4)])
        images = pd.DataFrame(
            {"name": NAMES, "file": "a.fits", "reason": reasons, "ra": 10.123456789012, "dec": np.nan}
        )
        if part:
            images = images.assign(name=["y" * 3] * 5, reason=["", "", "short", "", ""])
        table = rows(list(KNOWN), images, np.array(reasons) == "", estimates(median), POPULATION)
        write_part(table, tmp_path / f"{part}.parquet", KNOWN, metadata(about()))
    return join_parts([tmp_path / "0.parquet", tmp_path / "1.parquet"], tmp_path / "c.parquet")


@pytest.mark.parametrize("suffix", [".parquet", ".fits", ".ecsv"])
def test_astropy_reads_values_units_and_descriptions(files, suffix, recwarn):
    found = Table.read(next(path for path in files if path.suffix == suffix))
    assert len(found) == 10 and found.colnames == list(KNOWN)
    for name, column in KNOWN.items():
        assert (found[name].unit or units.dimensionless_unscaled) == units.Unit(column.unit), name
        assert found[name].description == column.description
        assert found[name].meta.get("ucd", "") == column.ucd
    assert found["theta_E_median"].unit == units.arcsec
    median = np.ma.filled(found["theta_E_median"], np.nan)
    np.testing.assert_array_equal(np.asarray(median), np.float32([1, 2, np.nan, 3, 4, 2, 3, np.nan, 4, 5]))
    assert found["flag_not_measured"].tolist() == [False, False, True, False, False] * 2
    assert found["reason"][2] == "is truncated: 3, of 5" and found["reason"][7] == "short"
    assert found["ra"][0] == 10.123456789012 and found["name"][3] == "x" * 40
    assert found["name"][1] == ('gr??er, und "so"' if suffix == ".fits" else NAMES[1])
    assert not recwarn.list


def test_definitions_network_and_versions_are_in_every_file(files):
    for path in files:
        meta = Table.read(path).meta
        text = " ".join([*meta["comments"], meta["NETWORK"]]) if path.suffix == ".fits" else str(dict(meta))
        assert all(words in " ".join(text.split()) for words in ("product average sqrt(a b)", "ab" * 32, "sim2sky"))


def test_pandas_reads_units(files):
    found = pd.read_parquet(files[0])
    assert found.attrs["units"]["theta_E_q16"] == "arcsec" and "e1_q16" not in found.attrs["units"]
    assert found.attrs["definitions"]["theta_E"].startswith("product average")
    assert set(found.filter(like="flag_").dtypes.astype(str)) == {"bool"}
    text = pd.read_csv(files[2], comment="#", keep_default_na=False, na_values=["nan"])
    np.testing.assert_array_equal(text.theta_E_median.to_numpy(np.float32), found.theta_E_median)
    assert text.name.tolist() == found.name.tolist()


def test_topcat_finds_descriptors_where_it_looks_for_them(files):
    with fits.open(files[1]) as hdus:
        hdus.verify("exception")
        header = hdus[1].header
        number = header["TFIELDS"]
        names = {header[f"TTYPE{i}"]: i for i in range(1, number + 1)}
        assert header[f"TUCD{names['ra']}"] == "pos.eq.ra;meta.main"
        assert header[f"TUNIT{names['theta_E_std']}"] == "arcsec"
        assert header[f"TCOMM{names['flag_prior_edge']}"] == KNOWN["flag_prior_edge"].description
        assert len(hdus[1].data) == 10 and hdus[1].data["theta_E_median"][5] == 2


def test_a_votable_made_of_it_keeps_units_and_descriptions(files, tmp_path):
    Table.read(files[0]).write(tmp_path / "c.vot", format="votable")
    found = Table.read(tmp_path / "c.vot")
    assert found["theta_E_median"].unit == units.arcsec and found["ra"].description == KNOWN["ra"].description
    assert found["flag_not_measured"].tolist() == [False, False, True, False, False] * 2


def test_equal_parts_give_equal_files_and_a_row_group_each(files, tmp_path):
    again = join_parts([tmp_path / "0.parquet", tmp_path / "1.parquet"], tmp_path / "again/c.parquet")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in files]
    assert parquet.ParquetFile(files[0]).num_row_groups == 2


def test_parts_that_do_not_fit_are_refused(tmp_path, files):
    (tmp_path / "2.parquet").write_text("no")
    with pytest.raises(ValueError, match=r"2\.parquet: not a readable table"):
        join_parts([tmp_path / "0.parquet", tmp_path / "2.parquet"], tmp_path / "d.parquet")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "3.parquet")
    with pytest.raises(ValueError, match=r"3\.parquet: has other columns than .*0\.parquet"):
        join_parts([tmp_path / "0.parquet", tmp_path / "3.parquet"], tmp_path / "d.parquet")
    assert not (tmp_path / "d.parquet").exists()

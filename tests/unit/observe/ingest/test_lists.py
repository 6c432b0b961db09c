"""What lists of images are made of, and what is wrong with them."""

import os
import pickle

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import MaskedColumn, Table

from sim2sky.observe.ingest import list_images

from .files import CARDS, sky, write

LONG = 1234567890123456789  # no float has so many digits


def test_a_folder_in_the_order_of_its_names(tmp_path):
    for name in ("b.fits", "a.fits.gz", "c/d.fit", ".hidden.fits", "notes.txt", "e.FITS"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"not read")
    entries = list_images(tmp_path)
    assert [entry.name for entry in entries] == ["a", "b", "c/d", "e"]
    assert [entry.file for entry in entries] == [
        str(tmp_path / name) for name in ("a.fits.gz", "b.fits", "c/d.fit", "e.FITS")
    ]
    assert [(entry.index, entry.plane, entry.ra) for entry in entries] == [(at, None, None) for at in range(4)]


def test_two_files_of_one_name_have_their_endings(tmp_path):
    for name in ("a.fits", "a.fits.gz"):
        (tmp_path / name).touch()
    assert [entry.name for entry in list_images(tmp_path)] == ["a.fits", "a.fits.gz"]


def test_parts_of_a_list_keep_their_places(tmp_path):
    for name in "abcde":
        (tmp_path / f"{name}.fits").touch()
    entries = list_images(tmp_path)
    assert [(entry.index, entry.name) for entry in entries[1:4][1:]] == [(2, "c"), (3, "d")]
    assert entries[-1] == entries[4] == entries[2:][-1]
    assert len(entries[3:3]) == 0
    assert list(pickle.loads(pickle.dumps(entries[1:3]))) == list(entries)[1:3]
    with pytest.raises(IndexError):
        entries[5]


TABLE = pd.DataFrame(
    {
        "file": ["x.fits", "sub/y.fits"],
        "name": [str(LONG), str(LONG + 1)],
        "ra": [150.1, 0.0],
        "dec": [2.2, -89.0],
        "theta_E": [1.2, np.nan],
        "theta_E_err": [0.1, np.nan],
        "comment": ["", "no lens"],
    }
)


def as_csv(path, table):
    table.to_csv(path.with_suffix(".csv"), index=False)
    return path.with_suffix(".csv")


def as_parquet(path, table):
    table.assign(name=table.name.astype("int64").astype("Int64")).to_parquet(path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


def as_astropy(ending, **options):
    def made(path, table):
        columns = Table.from_pandas(table)
        columns["name"] = np.array(table.name.astype("int64"))
        columns["ra"].unit = columns["dec"].unit = u.deg
        columns.write(path.with_suffix(ending), **options)
        return path.with_suffix(ending)

    return made


@pytest.mark.parametrize(
    "written",
    [as_csv, as_parquet, as_astropy(".fits"), as_astropy(".ecsv"), as_astropy(".vot", format="votable")],
    ids=["csv", "parquet", "fits", "ecsv", "votable"],
)
def test_tables_of_every_kind(tmp_path, written):
    first, second = list_images(written(tmp_path / "list", TABLE))
    assert (first.name, second.name) == (str(LONG), str(LONG + 1))
    assert (first.file, second.file) == (str(tmp_path / "x.fits"), str(tmp_path / "sub/y.fits"))
    assert (first.ra, first.dec, second.ra, second.dec) == (150.1, 2.2, 0.0, -89.0)
    assert first.published == {"theta_E": (1.2, 0.1)}
    assert second.published == {}


def test_a_parquet_table_with_a_gap_keeps_its_identifiers(tmp_path):
    table = pd.DataFrame(
        {
            "file": ["a.fits", "b.fits"],
            "objid": pd.array([LONG, LONG + 1], "Int64"),
            "gap": pd.array([LONG, None], "Int64"),
        }
    )
    table.to_parquet(tmp_path / "t.parquet")
    assert [entry.name for entry in list_images(tmp_path / "t.parquet")] == [str(LONG), str(LONG + 1)]


def test_a_name_alone_finds_the_file_beside_the_table(tmp_path):
    (tmp_path / "10.5_b.fits.gz").touch()
    limits = "theta_E_low_3sigma,theta_E_high_3sigma"
    (tmp_path / "t.csv").write_text(f"# a comment\nName, theta_E, {limits}\n10.5_b, 1.0, 0.7, 1.3\nc, 2, , \n")
    first, second = list_images(tmp_path / "t.csv")
    assert first.file == str(tmp_path / "10.5_b.fits.gz")
    assert first.published == {"theta_E": (1.0, pytest.approx(0.1))}
    assert (second.file, second.published) == (str(tmp_path / "c"), {"theta_E": (2.0, None)})


def test_positions_of_a_votable_in_other_units(tmp_path):
    table = Table(
        {"file": ["a.fits"], "ra": MaskedColumn([np.pi / 2], unit="rad"), "dec": MaskedColumn([0.1], unit="rad")}
    )
    table.write(tmp_path / "t.vot", format="votable")
    (entry,) = list_images(tmp_path / "t.vot")
    assert (entry.ra, entry.dec) == (pytest.approx(90), pytest.approx(np.degrees(0.1)))


def test_planes_of_a_table(tmp_path):
    (tmp_path / "t.csv").write_text("file,plane\nc.fits,3\nc.fits,1\n")
    assert [(entry.name, entry.plane) for entry in list_images(tmp_path / "t.csv")] == [("c_3", 3), ("c_1", 1)]


def test_files_of_one_name_in_several_folders(tmp_path):
    (tmp_path / "t.csv").write_text("file\na/x.fits\nb/x.fits\n/c/x.fits\n")
    entries = list_images(tmp_path / "t.csv")
    assert [entry.name for entry in entries] == ["a/x.fits", "b/x.fits", "/c/x.fits"]
    assert [entry.file for entry in entries] == [str(tmp_path / "a/x.fits"), str(tmp_path / "b/x.fits"), "/c/x.fits"]


def test_a_cube_is_as_many_images_as_it_has_planes(tmp_path):
    entries = list_images(write(tmp_path / "c.fits", np.zeros((7, 4, 4), np.float32)))
    assert [(entry.name, entry.plane) for entry in entries[5:]] == [("c_5", 5), ("c_6", 6)]


def test_a_file_with_one_image_or_with_bands_is_one(tmp_path):
    assert [entry.name for entry in list_images(write(tmp_path / "a.fits", sky()))] == ["a"]
    cube = write(tmp_path / "b.fits", np.zeros((3, 4, 4), np.float32), CARDS | {"BANDS": "grz"})
    assert [entry.plane for entry in list_images(cube)] == [None]


def test_a_million_planes_take_no_memory(tmp_path):
    path = tmp_path / "c.fits"
    header = fits.Header({"SIMPLE": True, "BITPIX": 8, "NAXIS": 3, "NAXIS1": 1, "NAXIS2": 1, "NAXIS3": 10**6})
    path.write_bytes(header.tostring().encode() + bytes(10**6))
    entries = list_images(path)
    assert len(entries) == 10**6
    assert len(pickle.dumps(entries)) < 10_000
    assert entries[999_999].plane == 999_999


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ra,dec\n1,2\n", "no column `file`, nor a `name`.*it has ra, dec"),
        ("file\n", "lists no images"),
        ("", "no readable table"),
        ("file,ra\na.fits,1\n", "only one of the columns"),
        ("file,ra,dec\na.fits,12:30:00,2\n", "row 1: ra is '12:30:00', which is no number"),
        ("file,ra,dec\na.fits,1,2\nb.fits,400,2\n", "row 2: ra is 400, not in -180 to 360"),
        ("file,ra,dec\na.fits,1,95\n", "row 1: dec is 95"),
        ("file\na.fits\nb.fits\na.fits\n", "rows 1 and 3 have the same file"),
        ("file,name\na.fits,x\nb.fits,x\n", "rows 1 and 2 have the same name 'x'"),
        ("file,name\na.fits,x\n,y\n", "row 2 has no file"),
        ("file,name\na.fits,x\nb.fits,\n", "row 2 has no name"),
        ("file,theta_E\na.fits,about one\n", "row 1: theta_E is 'about one'"),
        ("filename,path\na.fits,b.fits\n", "several columns for `file`"),
        ("file,plane\na.fits,second\n", "plane is 'second'"),
        ("file,plane\na.fits,0\na.fits,-5\n", "row 2: plane is -5; planes are counted from 0"),
        ("file,plane\na.fits,1.5\n", "row 1: plane is 1.5"),
        ("file,theta_E,theta_E_err\na.fits,1,0.1\nb.fits,1,-0.1\n", "row 2: theta_E or its error"),
        ("file,theta_E\na.fits,inf\n", "row 1: theta_E or its error is infinite"),
        ("file,theta_E,theta_E_low_3sigma,theta_E_high_3sigma\na.fits,1,1.1,0.9\n", "row 1: theta_E or its error"),
        ("file,theta_E\na.fits,1.2,\nb.fits,1.3,\n", "no readable table"),
        ("file\na.fits,3\n", "no readable table"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path, text, message):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        list_images(path)
    assert str(path) in str(error.value)


def cards(*more):
    """A FITS header in bytes."""
    return "".join(f"{card:80}" for card in ("SIMPLE  =                    T", *more, "END")).ljust(2880).encode()


def test_names_that_are_no_utf_8_are_listed(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff.fits"
    with open(path, "wb"):
        pass
    assert list_images(tmp_path)[0].file == os.fsdecode(path)


def test_a_catalogue_in_the_folder_is_no_image(tmp_path):
    for name in ("a.fits", "catalogue.fits"):
        write(tmp_path / name, sky())
    assert [entry.name for entry in list_images(tmp_path)] == ["a", "catalogue"]
    (tmp_path / "catalogue.parquet").touch()
    assert [entry.name for entry in list_images(tmp_path)] == ["a"]


def test_paths_that_cannot_be_used(tmp_path):
    def refused(path, message):
        with pytest.raises(ValueError, match=message) as error:
            list_images(path)
        assert str(path) in str(error.value)

    refused(tmp_path / "missing", "no such file or folder")
    refused(tmp_path, "no FITS files")
    for name, content, message in (
        ("a.fits", b"", "empty"),
        ("b.fits", b"not FITS", "not a FITS file"),
        ("c.txt", b"a.fits", "no list of images"),
        ("d.parquet", b"PAR1", "no readable table"),
        ("e.vot", b"<html>", "no readable table"),
        ("f.zarr.zip", b"PK", "not a readable shard"),
        ("j.fits", cards("NAXIS   = 9999"), "may be damaged"),
        ("k.fits", cards("BITPIX  = 17", "NAXIS   = 2", "NAXIS1  = -91", "NAXIS2  = 91"), "may be damaged"),
    ):
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, message)
    table = fits.BinTableHDU.from_columns([fits.Column("a", "E", array=[1.0])])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "g.fits")
    refused(tmp_path / "g.fits", "no column `file`.*it has a")
    fits.PrimaryHDU().writeto(tmp_path / "h.fits")
    refused(tmp_path / "h.fits", "neither an image nor a table")
    write(tmp_path / "i.fits", None, {}, ("A", np.zeros((3, 4, 4)), {}), ("B", np.zeros((5, 4, 4)), {}))
    refused(tmp_path / "i.fits", "cubes of 3 and 5 planes")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_a_folder_that_cannot_be_read(tmp_path):
    tmp_path.chmod(0)
    with pytest.raises(ValueError, match="Permission denied"):
        list_images(tmp_path)

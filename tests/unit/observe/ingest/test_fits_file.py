"""Files as their images, beside astropy."""

import gzip

import numpy as np
import pytest
from astropy.io import fits

from sim2sky.observe.ingest.fits_file import Unusable, open_units, parse_cards, stamp, stem

from .files import CARDS, header, sky, write


def units(path):
    return open_units(str(path), stamp(str(path)))


@pytest.mark.filterwarnings("ignore")
def test_cards_are_those_that_astropy_reads():
    made = header(CARDS | {"FPA.ZP": 24.78, "LOGICAL": True, "EMPTY": "", "WHOLE": -3, "BIG": 1.5e-12})
    made["QUOTED"] = "d'Arc / not a comment", "a / comment"
    made["COMMENTS"] = 3.5, "= 'not this'"
    made.append(fits.Card.fromstring("FORTRAN =               1.25D+02"))
    made.append(fits.Card.fromstring("NOTHING ="))
    made["HISTORY"] = "MAGZERO = 1.0"
    found = parse_cards(made.tostring())
    again = fits.Header.fromstring(made.tostring())
    expected = {card.keyword: card.value for card in again.cards if card.keyword not in ("HISTORY", "NOTHING")}
    assert found == expected
    assert found["FORTRAN"] == 125.0
    assert all(type(found[key]) is type(value) for key, value in expected.items())


def test_the_first_of_two_cards_counts_as_for_astropy():
    made = header({"FILTER": "g"})
    made.append(("FILTER", "r"))
    assert parse_cards(made.tostring())["FILTER"] == made["FILTER"] == "g"


@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "i8", "f4", "f8"])
def test_pixels_are_those_that_astropy_reads(tmp_path, kind):
    cube = np.arange(24).reshape(2, 3, 4).astype(kind)
    path = write(tmp_path / "x.fits", None, {}, ("A", cube[0], {}), ("B", cube, {"FILTER": "r"}))
    first, second = units(path)
    assert (first.index, second.index, second.shape) == (1, 2, (2, 3, 4))
    np.testing.assert_array_equal(first.read(), fits.getdata(path, "A"))
    np.testing.assert_array_equal(second.read(), fits.getdata(path, "B"))
    np.testing.assert_array_equal(second.read(1), cube[1])


@pytest.mark.parametrize("ending", ["fits.gz", "fits.fz", "fits"])
def test_what_is_compressed_or_scaled_is_read_by_astropy(tmp_path, ending):
    cube = np.random.default_rng(0).integers(0, 1000, (3, 32, 32)).astype("u2")  # unsigned: scaled by the standard
    path = tmp_path / f"x.{ending}"
    if ending == "fits.fz":
        fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(cube)]).writeto(path)
    else:
        fits.PrimaryHDU(cube).writeto(path)
    (unit,) = units(path)
    np.testing.assert_array_equal(unit.read(2), cube[2])
    np.testing.assert_array_equal(unit.read(), cube)


def test_large_files_that_are_not_plain_are_read_plane_by_plane(tmp_path, monkeypatch):
    monkeypatch.setattr("sim2sky.observe.ingest.fits_file.IN_MEMORY", 10)
    cube = np.random.default_rng(0).integers(0, 1000, (3, 32, 32)).astype("u2")
    fits.PrimaryHDU(cube).writeto(tmp_path / "x.fits")
    (unit,) = units(tmp_path / "x.fits")
    np.testing.assert_array_equal(unit.read(1), cube[1])


def test_cards_of_a_primary_without_image_stand_in(tmp_path):
    path = write(tmp_path / "x.fits", None, {"FILTER": "g", "MAGZERO": 27.0}, ("SCI", sky(), {"MAGZERO": 25.0}))
    (unit,) = units(path)
    assert unit.header["FILTER"] == "g"
    assert unit.header["MAGZERO"] == 25.0
    assert unit.label == "1 SCI"


def test_a_file_that_changes_is_read_again(tmp_path):
    path = write(tmp_path / "x.fits", np.zeros((4, 4), np.float32), {})
    assert units(path)[0].shape == (4, 4)
    write(path, np.zeros((5, 5), np.float32), {})
    assert units(path)[0].shape == (5, 5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"SIMPLE\n", "not a FITS file"),
        (b"<html>404 Not Found</html>", "not a FITS file"),
        (b"SIMPLE  =                    T", "header has no end"),
        (b"SIMPLE  =                    T".ljust(2880), "header has no end"),
    ],
)
def test_what_is_no_fits_file(tmp_path, content, message):
    path = tmp_path / "x.fits"
    path.write_bytes(content)
    with pytest.raises(Unusable, match=message):
        units(path)


@pytest.mark.parametrize("kept", [2000, 4000, 2880 + 10000 - 1])
def test_truncated_files(tmp_path, kept):
    path = write(tmp_path / "x.fits", sky())
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(Unusable, match="truncated"):
        units(path)


def test_padding_that_is_missing_is_no_damage(tmp_path):
    path = write(tmp_path / "x.fits", sky())
    path.write_bytes(path.read_bytes()[: 2880 + 10000])
    np.testing.assert_array_equal(units(path)[0].read(), sky())


def test_what_follows_the_last_image_is_left_alone(tmp_path):
    path = write(tmp_path / "x.fits", sky())
    path.write_bytes(path.read_bytes() + b"\0" * 2880)
    assert len(units(path)) == 1


def test_a_gzip_file_that_ends_early(tmp_path):
    path = tmp_path / "x.fits.gz"
    write(tmp_path / "x.fits", sky())
    path.write_bytes(gzip.compress((tmp_path / "x.fits").read_bytes())[:3000])
    with pytest.raises(Unusable, match="may be damaged"):
        units(path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a/b.fits", "b"), ("b.FIT", "b"), ("b.fits.gz", "b"), ("b.fits.fz", "b"), ("1.5_b.fts", "1.5_b"), ("b", "b")],
)
def test_stem(name, expected):
    assert stem(name) == expected

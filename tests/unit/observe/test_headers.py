"""What headers of surveys say; the values are those of their files or documents."""

import pytest
from astropy.io.fits import Header

from sim2sky.observe import headers

CD = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"}


def header(**cards):
    made = Header()
    for key, value in cards.items():
        made[key.replace("__", ".")] = value
    return made


@pytest.mark.filterwarnings("ignore:Keyword name")
@pytest.mark.parametrize(
    ("cards", "zero_point"),
    [
        ({"MAGZERO": 24.6}, 24.6),
        ({"ZEROPNT": 0.0}, 0.0),
        ({"FLUXMAG0": 63095734448.0194}, 27.0),
        ({"BUNIT": "nJy"}, 31.4),
        ({"BUNIT": "uJy"}, 23.9),
        ({"BUNIT": "nanomaggies"}, 22.5),
        ({"BUNIT": "nanomaggy"}, 22.5),
        ({"BUNIT": "microJy"}, 23.9),
        ({"PHOTFLAM": 1.9276e-20, "PHOTPLAM": 15369.0, "BUNIT": "ELECTRONS/S"}, 25.946),
        ({"FPA__ZP": 24.78062, "EXPTIME": 45.0}, 28.9136),
    ],
)
def test_zero_point(cards, zero_point):
    assert list(headers.zero_points(header(**cards), 0.263).values()) == [pytest.approx(zero_point, abs=0.002)]


@pytest.mark.parametrize("unit", ["ADU", "adu", "electron/s", "counts", "Jy/beam", ""])
def test_units_of_counts_say_no_zero_point(unit):
    assert headers.zero_points(header(BUNIT=unit), 0.2) == {}


def test_surface_brightness_has_the_zero_point_of_its_pixels():
    found = headers.zero_points(header(BUNIT="MJy/sr"), 0.031)
    assert list(found.values()) == [pytest.approx(28.015, abs=0.005)]  # JWST, 31 milliarcsec: PIXAR_SR 2.26e-14 sr


@pytest.mark.parametrize("unit", ["mag", "mag/arcsec2", "mag(AB)"])
def test_magnitudes_are_refused(unit):
    assert list(headers.contradictions(header(BUNIT=unit), zero_point=30, scale=0.2, band="g")) == [
        f"BUNIT {unit!r}: the pixels are magnitudes, not fluxes"
    ]


@pytest.mark.parametrize(
    ("cards", "scale"),
    [
        (CD | {"CD1_1": -0.168 / 3600, "CD2_2": 0.168 / 3600}, 0.168),
        (
            CD | {"CDELT1": -0.2 / 3600, "CDELT2": 0.2 / 3600, "PC1_1": 0.6, "PC1_2": 0.8, "PC2_1": -0.8, "PC2_2": 0.6},
            0.2,
        ),
        (CD | {"PC1_1": -0.1 / 3600, "PC2_2": 0.1 / 3600, "CDELT1": 1.0, "CDELT2": 1.0}, 0.1),
        ({"PIXSCALE": 0.262}, 0.262),
        (CD | {"CDELT1": 1.0, "CDELT2": 1.0}, None),  # a degree: half of the cards are missing
        ({}, None),
    ],
)
def test_pixel_scale(cards, scale):
    assert headers.pixel_scale(header(**cards)) == (scale and pytest.approx(scale, rel=1e-6))


@pytest.mark.parametrize(
    ("text", "band", "another"),
    [
        ("r", "g", True),
        ("HSC-R2", "g", True),
        ("HSC-R2", "r", False),
        ("r.MP9601", "r", False),
        ("i.00000", "z", True),
        ("OCAM_g_SDSS", "g", False),
        ("g DECam SDSS c0001 4720.0 1520.0", "g", False),
        ("g DECam SDSS c0001 4720.0 1520.0", "r", True),
        ("VIS", "VIS", False),
        ("NIR_Y", "Y", False),
        ("F160W", "WFC3_F160W", False),
        ("F160W", "F814W", True),
        ("sdssg", "r", False),
        ("unknown", "g", False),
    ],
)
def test_filter(text, band, another):
    assert headers.is_another_band(text, band) is another


def test_everything_that_contradicts_the_study_is_named():
    cards = header(**CD, CD1_1=-0.168 / 3600, CD2_2=0.168 / 3600, BUNIT="nanomaggies", MAGZERO=22.5, FILTER="r")
    found = list(headers.contradictions(cards, zero_point=30, scale=0.263, band="g"))
    assert [text.split(",")[0] for text in found] == [
        "zero point 22.50 by MAGZERO",
        "zero point 22.50 by BUNIT 'nanomaggies'",
        "pixels of 0.168 arcsec",
        "FILTER is 'r'",
    ]
    assert not list(headers.contradictions(cards, zero_point=22.5, scale=0.1685, band="r"))


def test_coordinates_that_contradict_each_other_are_named():
    cards = header(**CD, CD1_1=-0.168 / 3600, CD2_2=0.168 / 3600, PC1_1=1.0, CDELT1=-0.2 / 3600, CDELT2=0.2 / 3600)
    (found,) = headers.contradictions(cards, zero_point=30, scale=0.168, band="g")
    assert "pixels of 0.168 arcsec by CD, 0.2 by PC" in found

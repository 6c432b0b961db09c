"""Where pixels are on the sky, beside astropy."""

import numpy as np
import pytest
from astropy.wcs import WCS

from sim2sky.observe import sky as module
from sim2sky.observe.sky import pixel_scale_of, sky_of

from .ingest.files import CD, SCALE, TAN, header

D = SCALE / 3600
COS, SIN = np.cos(0.7), np.sin(0.7)
COORDINATES = {
    "CD": CD,
    "CD, rotated": TAN | {"CD1_1": -D * COS, "CD1_2": D * SIN, "CD2_1": D * SIN, "CD2_2": D * COS},
    "CD, flipped": TAN | {"CD1_1": D, "CD2_2": D},
    "CD, on its side": TAN | {"CD1_1": 0.0, "CD1_2": D, "CD2_1": D, "CD2_2": 0.0},
    "CD, of which zeros are left out": TAN | {"CD1_1": -D, "CD2_2": D},
    "CDELT": TAN | {"CDELT1": -D, "CDELT2": D},
    "PC and CDELT": TAN | {"CDELT1": -D, "CDELT2": D, "PC1_1": COS, "PC1_2": -SIN, "PC2_1": SIN, "PC2_2": COS},
    "PC with the size, CDELT of one": TAN | {"PC1_1": -D, "PC2_2": D, "CDELT1": 1.0, "CDELT2": 1.0},
    "PC with the size, CDELT is one by default": TAN | {"PC1_1": -D, "PC2_2": D},
    "CD and the same as PC": CD | {"PC1_1": -D, "PC2_2": D, "CDELT1": 1.0, "CDELT2": 1.0},
    "CROTA": TAN | {"CDELT1": -D, "CDELT2": D, "CROTA2": 30.0},
    "old PC": TAN | {"CDELT1": D, "CDELT2": D, "PC001001": -1.0, "PC001002": 0.0, "PC002001": 0.0, "PC002002": 1.0},
    "near the pole": CD | {"CRVAL2": 89.99},
    "across RA 0": CD | {"CRVAL1": 359.9999},
    "far from the reference": CD | {"CRPIX1": -7194.5, "CRPIX2": 5406.5},
    "SIN": CD | {"CTYPE1": "RA---SIN", "CTYPE2": "DEC--SIN"},
    "distorted": CD
    | {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "A_ORDER": 2, "A_2_0": 1e-4, "B_ORDER": 2, "B_0_2": 1e-4},
    "turned native pole": CD | {"LONPOLE": 150.0},
    "arcsec": TAN | {"CUNIT1": "arcsec", "CUNIT2": "arcsec", "CRVAL1": 540360.0, "CRVAL2": 7920.0, "CDELT1": -SCALE, "CDELT2": SCALE},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", COORDINATES)
def test_size_and_place_of_pixels_are_those_of_astropy(name):
    made = header(COORDINATES[name])
    sky, wcs = sky_of(dict(made)), WCS(made)
    assert sky.pixel_scale == pytest.approx(SCALE, rel=1e-6)
    for x, y in ((0.0, 0.0), (24.5, 24.5), (49.0, 3.25)):
        ra, dec = wcs.all_pix2world(x, y, 0)
        assert sky.pixel_of(float(ra), float(dec)) == pytest.approx((y, x), abs=2e-6)
        assert sky.position_of(y, x) == pytest.approx((float(ra), float(dec)), abs=1e-9)


def test_plain_coordinates_are_read_without_astropy(monkeypatch):
    monkeypatch.setattr(module, "WCS", None)
    assert sky_of(COORDINATES["old PC"]).pixel_scale == pytest.approx(SCALE)
    assert sky_of(COORDINATES["PC and CDELT"]).pixel_scale == pytest.approx(SCALE)


def test_galactic_coordinates_are_turned():
    made = header(TAN | {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN", "CDELT1": -D, "CDELT2": D})
    position = WCS(made).pixel_to_world(10, 20).icrs
    sky = sky_of(dict(made))
    assert sky.pixel_of(position.ra.deg, position.dec.deg) == pytest.approx((20, 10), abs=1e-4)
    assert sky.position_of(20, 10) == pytest.approx((position.ra.deg, position.dec.deg), abs=1e-8)


def test_a_position_on_the_other_half_of_the_sky_is_nowhere():
    assert np.isnan(sky_of(CD).pixel_of(330.1, -2.2)).all()


@pytest.mark.parametrize(
    "cards",
    [
        {},
        {"CTYPE1": "LINEAR", "CTYPE2": "LINEAR", "CDELT1": 1.0, "CDELT2": 1.0},
        TAN,  # a pixel of a degree
        TAN | {"CDELT1": 1.0, "CDELT2": 1.0},
        TAN | {"PC1_1": COS, "PC1_2": -SIN, "PC2_1": SIN, "PC2_2": COS},  # without CDELT
        TAN | {"CD1_1": 0.0, "CD2_2": D},
        TAN | {"CD1_1": "unknown", "CD2_2": D},
        TAN | {"CDELT1": "unknown", "CDELT2": "unknown"},
        CD | {"CTYPE1": "RA---XYZ", "CTYPE2": "DEC--XYZ"},
        {"PIXSCALE": 1e9},
    ],
)
def test_a_header_that_says_nothing_of_its_pixels(cards):
    assert pixel_scale_of(cards, sky_of(cards)) is None


def test_cards_of_the_size_where_there_are_no_coordinates():
    assert pixel_scale_of({"PIXSCALE": 0.262}, None) == 0.262


@pytest.mark.parametrize(
    ("cards", "message"),
    [
        (CD | {"CDELT1": -0.5 / 3600, "CDELT2": 0.5 / 3600, "PC1_1": 1.0}, "contradict.*0.2 arcsec by CD, 0.5"),
        (TAN | {"CDELT1": -D, "CDELT2": 2 * D}, "not square: sides of 0.2 and 0.4"),
        (TAN | {"CD1_1": -D, "CD1_2": D / 2, "CD2_1": 0.0, "CD2_2": D * np.sqrt(0.75)}, "not square"),
    ],
)
def test_coordinates_that_cannot_be_meant(cards, message):
    with pytest.raises(ValueError, match=message):
        sky_of(cards)

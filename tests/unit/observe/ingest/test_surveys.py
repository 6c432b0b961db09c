"""Formats of surveys: files as the surveys make them, and that each format knows its own."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from pydantic import ValidationError

from sim2sky.config import Reading
from sim2sky.observe.ingest import list_images, list_surveys, read_image
from sim2sky.observe.ingest.fits_file import open_units, stamp
from sim2sky.observe.ingest.registry import survey_of
from sim2sky.registry import registered

from .files import REAL, ROOT, frame

FORMATS = REAL / "formats"
DES = REAL.parent / "des_cutouts_g.fits"
needs_files = pytest.mark.skipif(not FORMATS.is_dir(), reason="no files of surveys: SIM2SKY_REAL is not set")


def read(path, into, plane=0, **said):
    return read_image(list_images(path)[plane], into, Reading(**said))


def survey(path):
    return survey_of(open_units(str(path), stamp(str(path))))[0]


def test_the_names_that_a_study_may_use_are_those_that_are_registered():
    assert set(registered("observe/ingest")) == set(list_surveys())
    Reading(survey="des")
    with pytest.raises(ValidationError, match="did you mean 'euclid_mer'"):
        Reading(survey="euclid_me")


def test_every_format_is_documented():
    text = (ROOT / "docs/how-to/formats.md").read_text()
    assert not [name for name in list_surveys() if f"`{name}`" not in text]


@needs_files
@pytest.mark.filterwarnings("ignore:Invalid 'BLANK'")
@pytest.mark.parametrize(
    ("name", "band", "scale", "zero_point", "expected", "said"),
    [
        ("legacy_surveys_dr9_grz", "g", 0.262, 22.5, "legacy_surveys", {}),
        ("legacy_surveys_dr9_grz", "z", 0.262, 22.5, "legacy_surveys", {}),
        ("des_single_exposures", "i", 0.263, 30.0, "des_exposures", {}),
        ("pan_starrs_i", "i", 0.2, 24.78062 + 2.5 * np.log10(45), "pan_starrs", {}),
        ("pan_starrs_z", "z", 0.2, 24.31745 + 2.5 * np.log10(30), "pan_starrs", {"fill_up_to": 0.4}),
        ("kids_g", "g", 0.2, 0.0, "kids", {}),
        ("cfhtls_r", "r", 0.186, 30.0, "cfhtls", {}),
        ("vics82_j", "J", 0.2016, 30.0, "generic", {"zero_point": 30.0}),
    ],
)
def test_files_of_surveys_load(name, band, scale, zero_point, expected, said):
    """Beside the middle of the image that astropy reads."""
    path = FORMATS / f"{name}.fits"
    assert survey(path) == expected
    found = read(path, frame(40, scale, (band,), 27.0), **said)
    assert found.reason is None, found.reason
    assert found.about["survey"] == [expected]
    assert found.about["zero_point"] == [pytest.approx(zero_point, abs=1e-4)]
    assert found.about["pixel_scale"] == [pytest.approx(scale, rel=1e-6)]
    if name == "des_single_exposures":
        data = fits.getdata(path, "COADD")[["deg", "g", "r", "i", "z"].index(band)]
    else:
        data = fits.getdata(path, {"z": 5}.get(band, 1) if "legacy" in name else 0)
    first = [(length - 40) // 2 for length in data.shape]
    middle = data[first[0] : first[0] + 40, first[1] : first[1] + 40]
    good = np.isfinite(middle)
    expected_flux = middle[good].astype(float) * 10 ** (0.4 * (27 - zero_point))
    np.testing.assert_allclose(found.pixels[0][good], expected_flux, rtol=1e-5, atol=1e-9)
    assert np.isfinite(found.pixels).all()
    assert found.flags["bad_pixels"] == (not good.all())


@needs_files
@pytest.mark.parametrize(
    ("name", "band", "said", "message"),
    [
        ("legacy_surveys_dr9_grz", "i", {}, "no image of band 'i': BAND is 'g'"),
        ("des_single_exposures", "Y", {}, "its planes are deg, g, r, i, z"),
        ("des_single_exposures", "g", {"hdu": "IMAGE"}, "have no zero point"),
        ("pan_starrs_z", "z", {}, "of the pixels in the frame are bad (NaN"),
        ("pan_starrs_z", "i", {}, "FPA.FILTERID is 'z.00000'"),
        ("pan_starrs_variance_y", "y", {}, "no image of the sky: OFILE ends with '.wt.fits'"),
        ("kids_g", "g", {"zero_point": 30.0}, "0.00 by ZEROPNT, but zero_point 30 is given"),
        ("cfhtls_r", "r", {"zero_point": 25.981}, "30.00 by stacks of TERAPIX, but zero_point 25.981"),
        ("vics82_j", "J", {}, "does not say the zero point"),
        ("vics82_j", "J", {"pixel_scale": 0.34, "zero_point": 30}, "0.2016 arcsec, but pixel_scale 0.34 is given"),
    ],
)
def test_files_of_surveys_that_are_not_what_is_wanted_say_why(name, band, said, message):
    found = read(FORMATS / f"{name}.fits", frame(40, 0.2, (band,)), **said)
    assert message in found.reason


@needs_files
def test_lenses_of_euclid_in_all_bands():
    """Flux and place beside astropy; the zero point of each band is its own."""
    entries = list_images(REAL / "euclid_q1")
    assert len(entries) == 3
    bands = ("VIS", "NIR_Y", "NIR_J", "NIR_H")
    for entry in entries:
        found = read_image(entry, frame(100, 0.1, bands, 24.6), Reading())
        assert found.reason is None, found.reason
        with fits.open(entry.file) as file:
            for at, band in enumerate(bands):
                image, noise = file[f"{band}_FLUX"], file[f"{band}_RMS"].data[100:200, 100:200]
                data = image.data[100:200, 100:200]
                good = (data != 0) & (noise < 1e15)
                factor = 10 ** (0.4 * (24.6 - image.header["MAGZERO"]))
                np.testing.assert_allclose(found.pixels[at][good], data[good] * factor, rtol=1e-5)
                np.testing.assert_allclose(found.sigma[at][good], noise[good] * factor, rtol=1e-5)
                np.testing.assert_allclose(
                    found.psf[at], file[f"{band}_PSF"].data / file[f"{band}_PSF"].data.sum(), rtol=1e-4
                )


@needs_files
def test_a_lens_of_euclid_is_cut_about_its_position_and_resampled():
    entry = list_images(REAL / "euclid_q1")[2]
    header = fits.getheader(entry.file, "VIS_FLUX")
    ra, dec = WCS(header).all_pix2world(149.5, 149.5, 0)
    there = type(entry)(0, "x", entry.file, None, float(ra), float(dec))
    middle = read_image(entry, frame(100, 0.1, ("VIS",), 24.6), Reading())
    at_position = read_image(there, frame(100, 0.1, ("VIS",), 24.6), Reading())
    np.testing.assert_array_equal(middle.pixels, at_position.pixels)
    coarse = read_image(there, frame(50, 0.2, ("VIS",), 24.6), Reading(resample=True))
    sums = middle.pixels.astype(float).reshape(1, 50, 2, 50, 2).sum((2, 4))
    np.testing.assert_allclose(coarse.pixels, sums, rtol=1e-4, atol=1e-5)


@needs_files
def test_published_values_lie_beside_the_lenses_of_euclid():
    entries = list_images(REAL / "euclid_q1/theta_E.csv")
    assert [entry.name for entry in entries] == [entry.name for entry in list_images(REAL / "euclid_q1")]
    assert entries[0].published["theta_E"] == (0.8954, pytest.approx((0.9061 - 0.8873) / 6))
    assert read_image(entries[0], frame(100, 0.1, ("VIS",)), Reading()).reason is None


@pytest.mark.skipif(not DES.is_file(), reason="no cutouts of DES: SIM2SKY_REAL is not set")
def test_cutouts_of_des_are_believed_what_their_format_says():
    entries = list_images(DES)
    assert len(entries) == 46
    data = fits.getdata(DES)
    for said in ({"survey": "des"}, {"zero_point": 30.0, "pixel_scale": 0.263}):
        for entry in entries:
            found = read_image(entry, frame(40, 0.263, zero_point=26.58), Reading(**said))
            assert found.reason is None, found.reason
            assert found.flags["zero_point_unchecked"]
            assert found.flags["pixel_scale_unchecked"]
            middle = data[entry.plane, 25:65, 25:65] * 10 ** (0.4 * (26.58 - 30))
            np.testing.assert_allclose(found.pixels[0], middle, rtol=1e-5, atol=1e-6)

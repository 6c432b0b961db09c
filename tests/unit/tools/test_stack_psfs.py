"""Point-spread functions collected from images, by the command as the page prints it."""

import shlex
import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from tests import pages

(COMMAND,) = (name for name, path in pages.ELSEWHERE.items() if path == "tests/unit/tools/test_stack_psfs.py")


def write(path, scale):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.cdelt = ["RA---TAN", "DEC--TAN"], [-scale / 3600, scale / 3600]
    y, x = np.mgrid[-3:4, -3:4]
    stamp = 5.0 * np.exp(-(x**2 + y**2) / 4)
    units = [fits.PrimaryHDU(), fits.ImageHDU(np.zeros((9, 9)), wcs.to_header()), fits.ImageHDU(stamp, name="VIS_PSF")]
    fits.HDUList(units).writeto(path)


@pytest.mark.parametrize("scales", [(0.1, 0.1), (0.1, 0.2)])
def test_stamps_of_one_scale_are_one_cube(tmp_path, scales):
    (tmp_path / "resources/psf").mkdir(parents=True)
    (tmp_path / "cutouts").mkdir()
    for name, scale in zip("ab", scales, strict=True):
        write(tmp_path / f"cutouts/{name}.fits", scale)
    words = [sys.executable, *shlex.split(COMMAND)[1:-1], "cutouts/a.fits", "cutouts/b.fits"]  # as a shell expands it
    result = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    if scales[0] != scales[1]:
        assert result.returncode == 1 and "different pixel scales" in result.stderr.splitlines()[-1]
        return
    assert result.returncode == 0, result.stderr
    data, header = fits.getdata(tmp_path / "resources/psf/my_survey.fits", header=True)
    assert data.shape == (2, 7, 7) and data.dtype.itemsize == 4
    np.testing.assert_allclose(data.sum((1, 2)), 1, rtol=1e-6)
    assert (header["PIXSCALE"], header["PSF0"], header["PSF1"]) == (0.1, "a", "b")

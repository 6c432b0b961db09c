"""Collect point-spread functions of images in one file of ``resources/psf``: ``python -m sim2sky.tools.stack_psfs OUT HDU FILE...``.

`HDU` names the one with the stamp in each file; the pixel scale is that of the file's first image with a WCS.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales


def stack_psfs(out: str | Path, hdu: str, files: list[Path]) -> None:
    """Write the stamps of some files as one cube.

    Parameters
    ----------
    out : path
        FITS file to write: a cube (psf, y, x), float32, each stamp with a sum of one, ``PIXSCALE`` [arcsec], and the names
        of the files in ``PSF0``, ``PSF1``, ...
    hdu : str
        Name of the HDU with the stamp.
    files : list of path
        Where the stamps are.

    Raises
    ------
    SystemExit
        The images have different pixel scales.
    """
    stamps, scales = [], []
    for path in files:
        with fits.open(path) as file:
            stamp = file[hdu].data.astype(float)
            header = next(one.header for one in file if "CTYPE1" in one.header)
        stamps.append((stamp / stamp.sum()).astype(np.float32))
        scales.append(round(float(proj_plane_pixel_scales(WCS(header))[0]) * 3600, 6))
    if len(set(scales)) > 1:
        raise SystemExit(f"the images have different pixel scales: {scales}")
    made = fits.PrimaryHDU(np.stack(stamps))
    made.header["PIXSCALE"] = scales[0], "[arcsec] size of a pixel"
    for index, path in enumerate(files):
        made.header[f"PSF{index}"] = path.stem, "its image"
    made.writeto(out, overwrite=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("hdu")
    parser.add_argument("files", type=Path, nargs="+")
    given = parser.parse_args()
    stack_psfs(given.out, given.hdu, given.files)

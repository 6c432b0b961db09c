#!/usr/bin/env bash
# reproject: where edges of old and new pixels coincide, reproject_exact is off by 2 % in some pixels, if pixels are 10 arcsec or larger.
#
# Two grids about the same point, the new pixels 2.5 times as large as the old ones: some edges lie on each other. With pixels of 5 arcsec and less
# the result is the mean over the overlap of squares to 1e-8; from 10 arcsec on, 50 to 100 of 576 pixels differ from it by up to 2 %, without a warning; their footprint
# falls to 0.9 although the old image covers them. Grids that are moved by a quarter of a pixel, so that no edges coincide, are right at every size.
# What to do: give both grids a size of pixels below an arcsecond (only their ratio matters where the sky is flat), as this project does.
#
# Installs reproject into a temporary folder and runs it alone. Exits with an error if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet reproject==0.21.0 astropy==8.0.2 numpy==2.4.6
"$folder/bin/python" - <<'END'
import sys
from importlib.metadata import version

import numpy as np
from astropy.wcs import WCS
from reproject import reproject_exact

OLD, NEW, RATIO = 70, 24, 2.5


def grid(middle, arcsec):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = 0.0, 0.0
    wcs.wcs.cdelt = -arcsec / 3600, arcsec / 3600
    wcs.wcs.crpix = middle + 1, middle + 1
    return wcs


def overlaps(middle):
    """Length of each old pixel, along an axis, that lies in each new one."""
    edges = (np.arange(NEW + 1) - NEW / 2) * RATIO + middle + 0.5
    return np.clip(np.minimum(edges[1:, None], np.arange(OLD) + 1) - np.maximum(edges[:-1, None], np.arange(OLD)), 0, None)


image = np.random.default_rng(0).normal(10, 1, (OLD, OLD))
errors = {}
for arcsec in (1, 5, 10, 30):
    for middle in (34.5, 34.25):
        expected = overlaps(middle) @ image @ overlaps(middle).T / RATIO**2
        new, footprint = reproject_exact((image, grid(middle, arcsec)), grid((NEW - 1) / 2, RATIO * arcsec), shape_out=(NEW, NEW))
        errors[arcsec, middle] = np.abs(new / expected - 1)
        wrong = errors[arcsec, middle] > 1e-4
        print(f"{arcsec:2d} arcsec, {'coinciding' if middle == 34.5 else 'other'} edges: {wrong.sum():3d} pixels are wrong, "
              f"the worst by {errors[arcsec, middle].max():.2g}; footprint {footprint.min():g} to {footprint.max():g}")
print("reproject", version("reproject"))
as_described = all(
    (error.max() > 0.01) == (arcsec >= 10 and middle == 34.5) for (arcsec, middle), error in errors.items()
)
sys.exit(0 if as_described else "the behaviour has changed")
END

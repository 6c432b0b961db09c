#!/usr/bin/env bash
# lenstronomy: the parameters that it reads from a COOLEST file are the mirror image, in x, of the lens in the file.
#
# COOLEST's x points to the right of the image, and the angle runs from +y towards -x. create_lenstronomy_from_coolest returns center_x with
# the other sign, and e2 likewise: they belong to a grid whose x points to the left, the one that it returns as kwargs_data. Its documentation
# does not say so, and lenstronomy's usual grids (util.make_grid, SimAPI) have x to the right: there, the lens comes out mirrored without
# a word. What to do: use the returned kwargs_data, or change the sign of center_x, e2 and gamma2 of everything that was read.
#
# Installs lenstronomy and coolest into a temporary folder and runs them alone. Exits with an error if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet lenstronomy==1.14.2 coolest==0.1.11 numpy==2.4.6 scipy==1.17.1
cd "$folder"
bin/python - <<'END'
import contextlib
import io
import os
import sys
from importlib.metadata import version

import numpy as np
from coolest.api.profiles.mass import PEMD
from coolest.template.classes.parameter import PointEstimate
from coolest.template.json import JSONSerializer
from coolest.template.lazy import *
from coolest.template.standard import COOLEST
from lenstronomy.LensModel.lens_model import LensModel
from lenstronomy.Util.coolest_interface import create_lenstronomy_from_coolest

lens_values = {"theta_E": 1.3, "gamma": 2.0, "q": 0.7, "phi": 30.0, "center_x": 0.2, "center_y": 0.1}
source_values = {"I_eff": 1.0, "theta_eff": 0.3, "n": 1.0, "q": 0.8, "phi": 0.0, "center_x": 0.0, "center_y": 0.0}
lens, source = Galaxy("lens", 0.5, mass_model=MassModel("PEMD")), Galaxy("source", 2.0, light_model=LightModel("Sersic"))
for profile, values in ((lens.mass_model[0], lens_values), (source.light_model[0], source_values)):
    for name, value in values.items():
        profile.parameters[name].set_point_estimate(PointEstimate(value))


def grid(name):
    return PixelatedRegularGrid(name, field_of_view_x=(-5, 5), field_of_view_y=(-5, 5), num_pix_x=100, num_pix_y=100)


observation = Observation(pixels=grid("image.fits"), noise=NoiseMap(grid("noise.fits")))
instrument = Instrument(0.1, psf=PixelatedPSF(grid("psf.fits")))
origin = CoordinatesOrigin("00h00m00s", "00d00m00s")
model = COOLEST("MAP", origin, LensingEntityList(lens, source), observation, instrument, Cosmology(70.0, 0.3))
path = os.path.abspath("lens")
with contextlib.redirect_stdout(io.StringIO()):
    JSONSerializer(path, model).dump_simple()
    read = create_lenstronomy_from_coolest(path, check_external_files=False)

found = read["kwargs_result"]["kwargs_lens"]
lens_model = LensModel(read["kwargs_model"]["lens_model_list"])
x, y = np.array([1.1]), np.array([0.6])
standard = np.ravel(PEMD().deflection(x, y, **lens_values))
same = np.ravel(lens_model.alpha(x, y, found))
mirrored = np.ravel(lens_model.alpha(-x, y, found)) * [-1, 1]
print("lenstronomy", version("lenstronomy"), "coolest", version("coolest"))
print("in the file:", {name: lens_values[name] for name in ("q", "phi", "center_x", "center_y")})
print("as read:    ", {name: round(found[0][name], 4) for name in ("e1", "e2", "center_x", "center_y")})
print("deflection at (1.1, 0.6) by coolest:                  ", standard.round(4))
print("by lenstronomy with what it read, at (1.1, 0.6):      ", same.round(4))
print("by lenstronomy with what it read, mirrored in x:      ", mirrored.round(4))
described = np.allclose(mirrored, standard, atol=1e-6) and not np.allclose(same, standard, atol=1e-2)
print("as described" if described else "the behaviour has changed")
sys.exit(not described)
END

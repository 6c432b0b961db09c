"""Evaluate PyAutoLens' profiles, in an environment that has it: it cannot be installed beside the rest.

    .venv-autolens/bin/python tests/peers/autolens_values.py < requests.json

Standard input is a list of ``{"module", "profile", "parameters", "x", "y"}``; the last line of standard output is the version and, for each,
deflections (along x, along y) if the module is ``mp`` (mass profiles), brightness if it is ``lp`` (light profiles).
"""

import json
import sys

import autolens
import numpy as np


def evaluate(module, profile, parameters, x, y):
    made = getattr(getattr(autolens, module), profile)(**parameters)
    grid = autolens.Grid2DIrregular(np.stack([y, x], axis=-1))
    if module == "lp":
        return np.array(made.image_2d_from(grid)).tolist()
    return np.array(made.deflections_yx_2d_from(grid)).T[::-1].tolist()


if __name__ == "__main__":
    values = [evaluate(**request) for request in json.load(sys.stdin)]
    corner = autolens.Grid2D.uniform(shape_native=(4, 4), pixel_scales=1.0).native[0, 0]
    print(json.dumps({"version": autolens.__version__, "values": values, "y_of_first_row": float(corner[0])}))

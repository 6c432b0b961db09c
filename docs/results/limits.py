"""Write the smallest errors of a source's sizes and orientation that the thesis' population allows, into two_cores/limits.csv.

    python docs/results/limits.py [--lenses 100000]

A source with its sizes swapped, turned by 90 degrees, is the same source, and the population draws both with equal
probability. So each image has two equally probable sets of labels: (sigma, sigma2, theta) and (sigma2, sigma, theta + 90).
A prediction between the two is off by half their distance on average, and no prediction by less. `guess_mae` is the error
of the median of all labels, `least_mae` that of a network that knows all but which of the two is true; `largest_r2` is
the R2 of the mean of the two.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from sim2sky import store
from sim2sky.config import read_simulation
from sim2sky.simulate.cosmosim_population import draw

HERE = Path(__file__).parent
STUDY = HERE.parents[1] / "config/studies/architectures.yaml"


def limits(lenses: int) -> pd.DataFrame:
    """Rows of sigma, sigma2 [pixel] and theta [degree]."""
    simulation = read_simulation(yaml.safe_load(STUDY.read_text())["simulations"]["cosmosim_sis"])
    drawn = {name: variable.data for name, variable in draw(simulation, range(lenses)).items()}
    theta = drawn["theta"]
    others = {"sigma": drawn["sigma2"], "sigma2": drawn["sigma"], "theta": np.where(theta < 90, theta + 90, theta - 90)}
    rows = []
    for name, other in others.items():
        true = drawn[name]
        between = np.abs(true - other) / 2
        guess = np.abs(true - np.median(true)).mean()
        row = {"parameter": name, "guess_mae": guess, "least_mae": between.mean()}
        rows.append(row | {"largest_r2": 1 - np.square(between).mean() / true.var()})
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lenses", type=int, default=100_000)
    table = limits(parser.parse_args().lenses).round(3)
    print(table.to_string(index=False))
    store.write_table(table, HERE / "two_cores/limits.csv")


if __name__ == "__main__":
    main()

"""No network is tested on lenses or sky that it has seen in training."""

import numpy as np
import pytest
import yaml

from sim2sky.config import load as configure
from sim2sky.config.leaks import cutouts_twice
from sim2sky.config.load import ConfigError
from sim2sky.simulate.population import draw

SIMULATION = {
    "lenses": 1000,
    "pixels": 40,
    "pixel_scale": 0.263,
    "bands": ["g"],
    "seed": 1,
    "population": {
        "lens_mass": {"theta_E": {"uniform": [0.5, 3.0]}},
        "lens_light": {"magnitude": 20, "R_sersic": 0.8, "n_sersic": 4},
        "source_light": {"magnitude": 21, "R_sersic": 0.5, "n_sersic": 1},
    },
}
RUN = {"method": "none", "recipe": "short", "source": "one", "evaluate_on": ["one", "two"]}
HALF = {"train": 0.4, "validation": 0.1, "test": 0.5}
SKY = {"cutouts": "sky", "zero_point": 30, "pixel_scale": 0.263}


@pytest.fixture
def load(tmp_path):
    """Load a study of two simulations, whose datasets `one` and `two` differ as its arguments say."""
    (tmp_path / "config/studies").mkdir(parents=True)
    (tmp_path / "resources/surveys").mkdir(parents=True)
    band = {"zero_point": 26, "exposure_time": 90, "seeing": 1, "sky_brightness": 22, "num_exposures": 10}
    survey = {"title": "S", "source": "made up", "pixel_scale": 0.263, "read_noise": 7, "bands": {"g": band}}
    (tmp_path / "resources/surveys/survey.yaml").write_text(yaml.safe_dump(survey))
    (tmp_path / "cube.fits").write_bytes(b"SIMPLE  =")

    def load(other=None, one=None, two=None, runs=None):
        study = {
            "title": "T",
            "abstract": "A",
            "reference": "none",
            "targets": ["theta_E"],
            "simulations": {"first": SIMULATION, "second": SIMULATION | (other or {})},
            "datasets": {
                "one": {"title": "1", "simulation": "first", "survey": "survey"} | (one or {}),
                "two": {"title": "2", "simulation": "second", "survey": "survey"} | (two or {}),
            },
            "methods": {"none": {"title": "N", "adaptation": "none"}, "mmd": {"title": "M", "adaptation": "mmd"}},
            "recipes": {"short": {"network": "lens_cnn", "epochs": 1, "optimiser": {"lr": 0.001}}},
            "runs": runs or {"run": RUN},
        }
        (tmp_path / "config/studies/study.yaml").write_text(yaml.safe_dump(study))
        top = {"studies": ["study"], "cutouts": {"sky": str(tmp_path / "cube.fits")}}
        return configure.load(top, tmp_path)[1]["study"]

    return load


def test_simulations_of_one_seed_hold_the_same_lenses(load):
    """What the check rests on."""
    study = load()
    first, second = (draw(simulation, [7, 999])["theta_E"].data for simulation in study.simulations.values())
    assert np.array_equal(first, second)


@pytest.mark.parametrize(
    ("changes", "lenses"),
    [
        ({"two": {"split": HALF}}, "500 to 799"),
        ({"two": {"simulation": "first", "split": HALF}}, "500 to 799"),
        ({"other": {"lenses": 500}}, "400 to 499"),
        ({"other": {"lenses": 800}, "one": {"split": HALF}, "two": {"split": HALF}}, "400 to 499"),
    ],
)
def test_lenses_that_a_run_has_trained_on(load, changes, lenses):
    with pytest.raises(ConfigError, match=f"runs.run.evaluate_on: one trains on lenses {lenses}, on which two tests"):
        load(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"two": {"simulation": "first"}},
        {"other": {"lenses": 500, "seed": 2}},
        {"two": {"split": HALF}, "other": {"seed": 2}},
        {"two": {"split": {"train": 0.6, "validation": 0.2, "test": 0.2}}},  # its test part is the same
        {"one": {"split": HALF}},  # it trains on fewer
    ],
)
def test_lenses_of_its_own(load, changes):
    assert load(**changes).runs


def test_lenses_of_earlier_runs_and_of_the_target_count(load):
    adapted = RUN | {"method": "mmd", "target": "one", "source": "two", "evaluate_on": ["two"]}
    with pytest.raises(ConfigError, match="runs.adapted.evaluate_on: one trains on lenses 500 to 799"):
        load(two={"split": HALF}, runs={"adapted": adapted})
    later = RUN | {"source": "two", "evaluate_on": ["two"], "start_from": "first"}
    with pytest.raises(ConfigError, match="runs.later.evaluate_on: one trains on lenses 500 to 799"):
        load(two={"split": HALF}, runs={"first": RUN | {"evaluate_on": ["one"]}, "later": later})


@pytest.mark.parametrize("change", [{"seed": 5}, {"split": {"train": 0.6, "validation": 0.2, "test": 0.2}}])
def test_sky_that_a_run_has_trained_on(load, change):
    sky = {"background": SKY}
    assert load(one=sky, two=sky).runs
    with pytest.raises(ConfigError, match="runs.run.evaluate_on: one may train on cutouts of sky on which two tests"):
        load(one=sky, two=sky | change)


def test_cutouts_have_one_name_in_a_study():
    first, second = ("f00d", "0"), ("f00d", "1 NIR")
    assert list(cutouts_twice([("sky", first), ("sky", first), ("infrared", second)])) == []
    (problem,) = cutouts_twice([("sky", first), ("again", first)])
    assert problem.startswith("cutouts.again: the same cutouts as cutouts.sky; use one name")

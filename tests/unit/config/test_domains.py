"""Datasets that one network cannot take, and parameters that it cannot learn, are named before anything starts."""

import copy
import re

import numpy as np
import pytest

from sim2sky.config import CosmosimSimulation, Study, Survey, read_simulation
from sim2sky.config.check import check
from sim2sky.config.references import mistakes
from sim2sky.simulate.cosmosim_population import draw as draw_cosmosim
from sim2sky.simulate.population import draw as draw_galaxies

LIGHT = {"magnitude": {"uniform": [20, 22]}, "R_sersic": 0.8, "n_sersic": 4}
GALAXIES = {
    "lenses": 100,
    "pixels": 40,
    "pixel_scale": 0.263,
    "bands": ["g"],
    "population": {
        "lens_mass": {"theta_E": {"uniform": [0.5, 3.0]}, "e1": {"normal": [0, 0.1]}},
        "lens_light": LIGHT,
        "source_light": LIGHT | {"center_x": {"uniform": [-0.3, 0.3]}},
    },
}
COSMOSIM = {"engine": "cosmosim", "lenses": 100, "image_pixels": 40, "pixel_scale": 0.263, "band": "g"}
BAND = {"zero_point": 26, "exposure_time": 90, "seeing": 1, "sky_brightness": 21, "num_exposures": 5}
SURVEYS = {
    name: Survey(title=name, source="", pixel_scale=scale, read_noise=7, bands={"g": BAND, "r": BAND})
    for name, scale in (("fine", 0.2), ("des", 0.263), ("coarse", 0.526))
}
RUN = {"method": "none", "recipe": "short", "source": "clean", "evaluate_on": ["clean"]}


def study(targets=("theta_E",), runs=None, recipe=None, other=None, simulation=GALAXIES, dataset=None, **more):
    """A study of two datasets: `clean` of `simulation`, and `noisy` of the simulation `other` (the same if None)."""
    observed = {"survey": "des"} if simulation is GALAXIES else {}
    return {
        "title": "A",
        "abstract": "B",
        "reference": "C",
        "targets": list(targets),
        "simulations": {"one": simulation, **({"two": other} if other else {})},
        "datasets": {
            "clean": {"title": "Clean", "simulation": "one", **observed},
            "noisy": {"title": "Noisy", "simulation": "two" if other else "one", **observed, **(dataset or {})},
        },
        "methods": {"none": {"title": "None", "adaptation": "none"}, "mmd": {"title": "MMD", "adaptation": "mmd"}},
        "recipes": {
            "short": {"network": "lens_cnn", "epochs": 2, "optimiser": {"lr": 1e-3}, "normalisation": "per_domain"}
            | (recipe or {})
        },
        "runs": {"first": RUN | {"evaluate_on": ["clean", "noisy"]}} if runs is None else runs,
    } | more


def problems(raw):
    checked, wrong = check(Study, raw)
    wrong += mistakes(checked, {"sky": "sky.fits"}, SURVEYS) if checked else []
    return [f"{'.'.join(map(str, path))}: {text}" for path, text in dict.fromkeys(wrong)]


def changed(base, **changes):
    """A copy of a simulation with changes; one of `lens_mass`, `lens_light` or `source_light` goes into its population."""
    result = copy.deepcopy(base)
    for key, value in changes.items():
        if key in ("lens_mass", "lens_light", "source_light"):
            result["population"][key] |= value
        else:
            result[key] = value
    return result


def test_datasets_that_fit_are_taken():
    assert problems(study(other=changed(GALAXIES, seed=2, lenses=200))) == []
    assert problems(study(other=changed(GALAXIES, pixels=60), dataset={"centre_crop": {"pixels": 40}})) == []
    half = changed(GALAXIES, pixels=80, pixel_scale=0.1315)
    assert problems(study(other=half, dataset={"centre_crop": {"pixels": 80, "downscale": 40}})) == []
    sky = {"survey": "des", "peak_magnitude": 24}
    assert problems(study(["R_E"], simulation=COSMOSIM, dataset=sky)) == [], "per_domain brings counts to one scale"


# (what is another in the second dataset, the dataset's own settings, what must be said)
MISFITS = [
    ({"pixels": 48}, {}, "noisy has 48 pixels a side, clean, which the network learns from, has 40"),
    ({"pixels": 40}, {"centre_crop": {"pixels": 30}}, "noisy has 30 pixels a side"),
    ({"bands": ["g", "r"]}, {}, "noisy has g, r bands, clean, which the network learns from, has g"),
    ({"bands": ["r"]}, {}, "noisy has r bands, clean, which the network learns from, has g"),
    ({"pixel_scale": 0.2}, {"survey": "fine"}, "noisy has 0.2 arcsec/pixel, clean, which the network learns from, has 0.263"),
    ({"pixels": 80}, {"survey": "coarse", "centre_crop": {"pixels": 80, "downscale": 40}}, "noisy has 0.526 arcsec/pixel"),
]  # fmt: skip
USES = [
    ("evaluate_on", RUN | {"evaluate_on": ["clean", "noisy"]}),
    ("target", RUN | {"method": "mmd", "target": "noisy"}),
]


@pytest.mark.parametrize(("key", "run"), USES, ids=lambda item: item if isinstance(item, str) else "")
@pytest.mark.parametrize(("simulation", "dataset", "words"), MISFITS)
def test_images_of_another_kind_are_named_with_both_datasets(key, run, simulation, dataset, words):
    raw = study(other=changed(GALAXIES, **simulation), dataset=dataset, runs={"first": run})
    assert any(text.startswith(f"runs.first.{key}: {words}") for text in problems(raw))


def test_order_of_bands_counts():
    one, two = changed(GALAXIES, bands=["g", "r"]), changed(GALAXIES, bands=["r", "g"])
    raw = study(other=two)
    raw["simulations"]["one"] = one
    assert "noisy has r, g bands, clean, which the network learns from, has g, r" in "\n".join(problems(raw))


def test_parameters_in_pixels_are_of_pixels_as_simulated():
    """A network that has learnt lengths of images averaged four to one is wrong by two where they are averaged two to one."""
    one, two = COSMOSIM | {"image_pixels": 160, "downscale": 40}, COSMOSIM | {"image_pixels": 80, "downscale": 40}
    texts = problems(study(["R_E"], simulation=one, other=two))
    assert [text.split(": ", 1)[1].split(",")[0] for text in texts] == ["noisy has 2 simulated pixels per pixel"]
    cropped = study(["R_E"], simulation=one, other=two, dataset={"centre_crop": {"pixels": 20}})
    assert any("noisy has 20 pixels a side" in text for text in problems(cropped))


@pytest.mark.parametrize(
    ("normalisation", "words"),
    [
        ("none", "runs.first.evaluate_on: noisy is in counts/s, clean, which the network learns from, in 8-bit counts"),
        (
            "eight_bit",
            "runs.first.recipe: normalisation: eight_bit divides by 255, but images of noisy are in counts/s",
        ),
    ],
)
def test_counts_and_fluxes_need_a_normalisation_of_their_own(normalisation, words):
    sky = {"survey": "des", "peak_magnitude": 24}
    texts = problems(study(["R_E"], simulation=COSMOSIM, dataset=sky, recipe={"normalisation": normalisation}))
    assert any(text.startswith(words) and "per_domain" in text for text in texts)
    assert problems(study(["R_E"], simulation=COSMOSIM, recipe={"normalisation": normalisation})) == []


def test_eight_bit_images_are_not_those_of_a_survey():
    assert "eight_bit divides by 255" in problems(study(recipe={"normalisation": "eight_bit"}))[0]
    cross = {"recipe": "short", "dataset": "noisy", "lenses": 70, "folds": 2, "grid": {"normalisation": ["eight_bit"]}}
    (text,) = problems(study(cross_validation=cross))
    assert text.startswith("cross_validation.recipe: normalisation: eight_bit")


def test_parameters_that_a_dataset_lacks_are_named_where_it_is_used():
    raw = study(["theta_E", "lens_light_magnitude_r"], other=changed(GALAXIES, bands=["g", "r"]))
    assert any(
        text.startswith("runs.first.source: clean has no lens_light_magnitude_r, which is among the targets: its simulation one")
        for text in problems(raw)
    )  # fmt: skip
    sky = {"background": {"cutouts": "sky", "zero_point": 30, "pixel_scale": 0.263}}
    (text,) = problems(study(["theta_E", "lens_light_magnitude"], dataset=sky))
    assert text.startswith(
        "runs.first.evaluate_on: noisy has no lens_light_magnitude, which is among the targets: its lens"
    )
    cross = {"recipe": "short", "dataset": "noisy", "lenses": 70, "folds": 2, "grid": {"loss": ["mse"]}}
    texts = problems(study(["thetaE"], runs={"first": RUN}, cross_validation=cross, other=GALAXIES))
    assert set(texts) == {"targets.0: unknown parameter 'thetaE'; did you mean 'theta_E'?"}


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"pixels": 48}, "first: it learns from noisy with 48 pixels a side, this run from clean with 40"),
        ({"bands": ["g", "r"]}, "first: it learns from noisy with the bands g, r, this run from clean with g"),
    ],
)
def test_weights_to_start_from_must_have_the_shape(other, words):
    runs = {"first": RUN | {"source": "noisy", "evaluate_on": ["noisy"]}, "second": RUN | {"start_from": "first"}}
    (text,) = problems(study(other=changed(GALAXIES, **other), runs=runs))
    assert text.startswith(f"runs.second.start_from: {words}")
    assert problems(study(other=changed(GALAXIES, seed=2), runs=runs)) == []
    resized = {"network": "resnet18", "network_options": {"input_pixels": 32}}
    assert problems(study(other=changed(GALAXIES, pixels=48), runs=runs, recipe=resized)) == []


def test_networks_that_choose_lenses_must_take_the_images():
    runs = {"first": RUN | {"source": "noisy", "evaluate_on": ["noisy"]}}
    runs["second"] = RUN | {"train_on": {"worst_of": "first", "fraction": 0.9}}
    raw = study(other=changed(GALAXIES, pixel_scale=0.2), dataset={"survey": "fine"}, runs=runs)
    assert problems(raw)[0].startswith("runs.second.train_on.worst_of: first: clean has 0.263 arcsec/pixel, noisy")
    assert problems(study(other=changed(GALAXIES, seed=2), runs=runs)) == []


def test_too_small_images_are_named_for_every_network():
    small = changed(GALAXIES, pixels=5)
    (text,) = problems(study(simulation=GALAXIES, runs={"first": RUN}) | {"simulations": {"one": small}})
    assert text == "runs.first.recipe: lens_cnn takes images of at least 6 pixels a side, not 5"


def test_each_point_of_a_grid_is_checked():
    cross = {"recipe": "short", "dataset": "clean", "lenses": 60, "folds": 2}
    grid = {"batch_size": [16, 64], "network": ["lens_cnn", "vit_b_16"]}
    texts = problems(study(cross_validation=cross | {"grid": grid}))
    assert any(
        text.startswith("cross_validation.folds: 2 folds of 60 lenses leave 30") and "64" in text for text in texts
    )
    assert any(text.startswith("cross_validation.recipe: vit_b_16 takes multiples of 16 pixels") for text in texts)
    together = {"optimiser.name": ["adam"], "optimiser.momentum": [0.9]}
    (text,) = problems(study(cross_validation=cross | {"grid": together}))
    assert text.startswith(
        "cross_validation.grid: optimiser.name adam, optimiser.momentum 0.9: optimiser: momentum: adam"
    )
    weigh = problems(study(cross_validation=cross | {"grid": {"weight_angles": [True]}}))
    assert any(text.startswith("cross_validation.recipe: weight_angles: theta is not") for text in weigh)


# ---- parameters that do not vary


@pytest.mark.parametrize(
    ("target", "change"),
    [
        ("gamma1", {}),
        ("e2", {}),
        ("theta_E", {"lens_mass": {"theta_E": 1.2}}),
        ("theta_E", {"lens_mass": {"theta_E": {"uniform": [1.2, 1.2000001]}}}),
        ("e2", {"lens_mass": {"e2": {"normal": [0.1, 1e-9]}}}),
        ("lens_light_n_sersic", {}),
        ("source_light_center_y", {}),
        ("lens_light_magnitude_r", {"bands": ["g", "r"], "lens_light": {"magnitude": 20}}),
        ("lens_light_magnitude_r", {"bands": ["g", "r"], "lens_light": {"magnitude": 20, "colors": {"r": 0.4}}}),
    ],
)
def test_parameter_of_one_value_is_refused(target, change):
    targets = dict.fromkeys(["e1", target])
    one = changed(GALAXIES, **change)
    (text,) = problems(study(targets) | {"simulations": {"one": one}})
    assert text.startswith(f"targets.1: {target} does not vary in simulation one (datasets: clean, noisy)")
    assert "take it from the targets" in text


@pytest.mark.parametrize(
    "change",
    [
        {"lens_light": {"magnitude": 20, "colors": {"r": {"normal": [0.5, 0.1]}}}},
        {"lens_light": {"colors": {"r": 0.4}}},
    ],
)
def test_magnitude_varies_with_its_colour_or_with_the_first_one(change):
    one = changed(GALAXIES, bands=["g", "r"], **change)
    assert problems(study(["lens_light_magnitude_r"]) | {"simulations": {"one": one}}) == []


def test_parameter_that_varies_in_the_source_alone_is_refused():
    fixed = changed(GALAXIES, lens_mass={"theta_E": 1.0})
    for run in (RUN | {"evaluate_on": ["noisy"]}, RUN | {"method": "mmd", "target": "noisy"}):
        (text,) = problems(study(other=fixed, runs={"first": run}))
        assert text.startswith("targets.0: theta_E does not vary in simulation two (datasets: noisy)")
    assert problems(study(other=fixed, runs={"first": RUN})) == [], "no run uses it"
    cross = {"recipe": "short", "dataset": "noisy", "lenses": 70, "folds": 2, "grid": {"loss": ["mse"]}}
    (text,) = problems(study(other=fixed, runs={"first": RUN}, cross_validation=cross))
    assert "simulation two (datasets: noisy)" in text


def fixed_when_drawn(draw, simulation):
    """Parameters that differ by nothing but rounding in 400 lenses."""
    drawn = draw(simulation, range(400))
    return {name for name, values in drawn.items() if abs(values.data.max() - values.data.min()) < 1e-9}


OLDER = {"generator": "point_mass_2022"}
POPULATIONS = [
    {},
    {"chi": 0.5},
    {"population": {"chi": [0.3, 0.7]}},
    {"population": {"R_E": [20, 20], "theta": [10, 10]}},
    {"population": {"r": [100, 100]}},
    {"population": {"r": [30, 30], "R_E": [5, 50]}},  # drawn again where no source fits
    {"population": {"r": [30, 30], "R_E": [5, 5]}},
    {"population": {"r": [30, 30], "R_E": [5, 50], "redraw_from": 30}},
    {"population": {"phi": [90, 90]}},
    {"population": {"phi": [180, 180]}},
    {"population": {"phi": [30, 30]}},
    {"population": {"phi": [30, 30], "r": [100, 100]}},
    {"population": {"R_E": [5, 5], "r": [28, 28], "smallest_sigma": 8}},  # the bound is 8.05
    {"population": {"R_E": [5, 5], "r": [28, 28], "smallest_sigma": 7}},
    {"source": "spherical"},
    {"source": "spherical", "population": {"R_E": [5, 5], "r": [28, 28], "smallest_sigma": 8}},
    {"population": {"generator": "continuous", "phi": [0, 0], "R_E": [7.5, 7.5]}},
    {"lens": "sie"},
    {"lens": "sie", "population": {"ellipse_ratio": [0.7, 0.7], "orientation": [5, 5]}},
    {"lens": "point_mass", "population": OLDER},
    {"lens": "point_mass", "population": OLDER | {"sigma": [9, 9]}},
    {"lens": "point_mass", "population": OLDER | {"sigma": [40, 40], "longer_axis_first": True}},
    {"lens": "point_mass", "population": OLDER | {"sigma": [1, 1], "longer_axis_first": True}},
    {"lens": "point_mass", "population": OLDER | {"sigma2": [3, 3], "longer_axis_first": True}, "source": "spherical"},
    {"lens": "point_mass", "population": OLDER | {"R_E": [50, 50], "r": [0, 50]}},
    {"lens": "point_mass", "amplitudes": 3, "population": OLDER},
    {"lens": "point_mass", "amplitudes": 3, "chi": 0.5, "population": OLDER | {"R_E": [50, 50], "r": [60, 60], "phi": [10, 10]}},
    {"lens": "sis", "amplitudes": 2, "population": {"R_E": [5, 5], "r": [80, 80], "phi": [10, 10]}},
    {"lens": "sie", "amplitudes": 2, "population": {"R_E": [5, 5], "r": [80, 80], "phi": [10, 10]}},
]  # fmt: skip


@pytest.mark.parametrize("change", POPULATIONS, ids=str)
def test_fixed_parameters_are_those_that_are_drawn_so(change):
    simulation = read_simulation(COSMOSIM | {"image_pixels": 400} | change)
    assert simulation.fixed == fixed_when_drawn(draw_cosmosim, simulation)


def test_fixed_parameters_of_galaxies_are_those_that_are_drawn_so():
    colours = {"magnitude": 20, "colors": {"r": {"normal": [0.5, 0.1]}, "i": 0.2}}
    simulation = read_simulation(changed(GALAXIES, bands=["g", "r", "i"], lens_light=colours))
    assert simulation.fixed == fixed_when_drawn(draw_galaxies, simulation)
    assert "lens_light_magnitude_i" in simulation.fixed and "lens_light_magnitude_r" not in simulation.fixed


def test_cosmosim_parameter_of_one_value_is_refused():
    (text,) = problems(study(["R_E", "chi"], simulation=COSMOSIM))
    assert text.startswith("targets.1: chi does not vary in simulation one")


# ---- lists


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"targets": ["theta_E", "e1", "theta_E"]}, "targets: theta_E: given twice"),
        ({"statistics": ["batch", "batch"]}, "statistics: batch: given twice"),
        ({"only_runs": ["first", "first"]}, "only_runs: first: given twice"),
        ({"stuck_at_mean": {"after_epochs": [5, 5]}}, "stuck_at_mean.after_epochs: 5: given twice"),
        ({"simulations": {"one": changed(GALAXIES, bands=["g", "g"])}}, "simulations.one.bands: g: given twice"),
        ({"runs": {"first": RUN | {"evaluate_on": ["noisy", "clean", "noisy"]}}}, "runs.first.evaluate_on: noisy is given twice"),
        ({"cross_validation": {"recipe": "short", "dataset": "clean", "lenses": 70, "grid": {"loss": ["mse", "mse"]}}}, "cross_validation.grid.loss: mse: given twice"),
        ({"published": [{"run": "first", "domain": "clean", "statistics": "batch", "metric": "r2", "mean": mean, "source": "A"} for mean in (1, 2)]}, "published.1: is of the same run"),
    ],
)  # fmt: skip
def test_list_that_names_something_twice_is_refused(change, words):
    (text,) = problems(study() | change)
    assert text.startswith(words)


@pytest.mark.parametrize(
    ("population", "words"),
    [
        ({"chi": [0.305, 0.335]}, "chi: thesis draws whole per cent, not from 0.305 to 0.335"),
        ({"phi": [0, 720]}, "phi: from 0 to 720 one image has several labels; it repeats after 360"),
        ({"theta": [100, 300]}, "theta: from 100 to 300 one image has several labels; it repeats after 180"),
        ({"generator": "continuous", "orientation": [0, 181]}, "orientation: from 0 to 181"),
        ({"generator": "point_mass_2022", "smallest_sigma": 3}, "smallest_sigma: has no effect here"),
        ({"generator": "point_mass_2022", "redraw_from": 30}, "redraw_from: has no effect here"),
        ({"generator": ["thesis"]}, "generator"),
        ({"generator": {}}, "generator"),
    ],
    ids=str,
)
def test_population_that_could_not_be_drawn_as_written_is_refused(population, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        CosmosimSimulation.model_validate(COSMOSIM | {"population": population})


@pytest.mark.parametrize("chi", [[0.29, 0.57], [0.07, 0.07], [0.01, 1]], ids=str)
def test_whole_per_cent_are_drawn_and_nothing_beyond_their_range(chi):
    simulation = CosmosimSimulation.model_validate(COSMOSIM | {"population": {"chi": chi}})
    drawn = draw_cosmosim(simulation, range(400))["chi"].data
    assert drawn.min() >= chi[0]
    assert drawn.max() <= chi[1]
    assert np.allclose(100 * drawn, np.rint(100 * drawn))


def test_orientation_of_round_sources_is_refused():
    round_sources = COSMOSIM | {"source": "spherical"}
    (text,) = problems(study(["theta"], simulation=round_sources))
    assert text.startswith("targets.0: theta does not show in images of simulation one, for its sources are round")
    assert problems(study(["sigma"], simulation=round_sources)) == []


def measuring(lenses=400, **change):
    """A study that measures what its run is evaluated on."""
    return study(
        simulation=changed(GALAXIES, lenses=lenses), measurement={"runs": ["first"], "datasets": ["noisy"]} | change
    )


def test_a_measurement_that_fits_is_taken():
    own = {"survey": "des"}
    raw = measuring(coverage_within={"noisy": 0.05}, calibrate_on="noisy")
    for dataset in raw["datasets"].values():
        dataset |= own
    assert problems(raw) == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"runs": ["frist"]}, "measurement.runs.0: unknown run 'frist'; did you mean 'first'?"),
        (
            {"coverage_within": {"nosy": 0.1}},
            "measurement.coverage_within.nosy: unknown dataset of `measurement` 'nosy'",
        ),
        ({"coverage_within": {"clean": 0.1}}, "measurement.coverage_within.clean: unknown dataset of `measurement`"),
        ({"coverage_within": {"noisy": 2}}, "measurement.coverage_within.noisy: "),
        ({"lenses": 100}, "datasets.clean.split.validation: has 10 of 100 lenses"),
        ({"lenses": 150, "calibrate_on": "noisy"}, "datasets.noisy.split.validation: has 15 of 150 lenses"),
    ],
)
def test_what_is_wrong_with_a_measurement_is_named(change, text):
    raw = measuring(**change)
    for dataset in raw["datasets"].values():
        dataset["survey"] = "des"
    assert any(problem.startswith(text) for problem in problems(raw)), problems(raw)

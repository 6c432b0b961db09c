"""Costs: time limits from measured speeds, and how costs grow with what they are of."""

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sim2sky import costs
from sim2sky.config import CrossValidation, Dataset, Recipe, read_simulation

ROOT = Path(__file__).parents[2]
NETWORKS = costs.read_networks(ROOT / "resources/networks.csv")
COSMOSIM = {"engine": "cosmosim", "lenses": 1000, "population": {}}


@pytest.fixture
def observed():
    """1,000 images in 8-bit counts, of 400 x 400 pixels of which the dataset keeps the middle."""
    simulation = read_simulation(COSMOSIM)
    dataset = Dataset.model_validate({"title": "d", "simulation": "s", "centre_crop": {"pixels": 100}})
    return costs.Observed(dataset, simulation)


@pytest.mark.parametrize("seconds", [0, 100, 5000])
def test_limit_leaves_room_and_grows_with_attempts(seconds):
    assert 60 * costs.time_limit(seconds, 1) > 2 * seconds
    assert costs.time_limit(seconds, 2) >= 2 * costs.time_limit(seconds, 1) - 1


def test_no_limit_is_longer_than_partitions_allow():
    assert costs.time_limit(1e9, 1) == costs.LONGEST


def test_networks_of_your_own_have_the_numbers_of_another():
    assert costs.network_of(NETWORKS, "alexnet") == NETWORKS["alexnet"]
    assert costs.network_of(NETWORKS, "mine", "resnet152") == NETWORKS["resnet152"]


def test_costs_of_a_shard_grow_with_its_lenses(observed):
    simulation = observed.simulation
    for cost in (costs.simulation_megabytes, costs.simulation_seconds):
        assert cost(simulation, 200) == 2 * cost(simulation, 100) > 0
    for cost in (costs.observation_megabytes, costs.observation_seconds):
        assert cost(observed, 200) == 2 * cost(observed, 100) > 0
    assert costs.simulation_disk(simulation, 500) == 50, "a tenth of a byte per pixel"
    assert costs.observation_disk(observed, 500) == 1, "a whole number, rounded up"


def test_images_of_parts_are_counted_as_they_are_kept(observed):
    assert observed.lenses("train", "validation", "test") == 1000
    assert observed.pixels(1) == 100**2
    assert observed.megabytes("train") == pytest.approx(7), "700 images of one byte a pixel"


def test_training_costs_as_much_as_its_epochs_seeds_and_domains(observed):
    recipe = Recipe.model_validate({"network": "alexnet", "epochs": 2, "optimiser": {"lr": 1e-3}})

    def seconds(domains=1, seeds=1, **change):
        return costs.training_seconds(
            recipe.model_copy(update=change), NETWORKS["alexnet"], observed, 700, domains, seeds
        )

    assert seconds(epochs=4) == pytest.approx(2 * seconds())
    assert seconds(seeds=3) == pytest.approx(3 * seconds())
    assert seconds(domains=2) == pytest.approx(2 * seconds())
    assert seconds(seeds=10, seeds_together=True) < seconds(seeds=10)
    cross = CrossValidation(recipe="r", dataset="d", lenses=700, folds=3, grid={"optimiser.lr": [1, 2], "epochs": [2]})
    assert costs.cross_validation_seconds(cross, recipe, NETWORKS["alexnet"], observed) == pytest.approx(4 * seconds())


def test_memory_grows_with_attempts_and_not_beyond_what_is_streamed():
    recipe = Recipe.model_validate({"network": "alexnet", "epochs": 2, "optimiser": {"lr": 1e-3}})
    network = NETWORKS["alexnet"]
    assert costs.memory(500, 2) == 2 * costs.memory(500, 1) == 3000
    for cost in (costs.training_megabytes, costs.prediction_megabytes):
        assert cost(recipe, network, 8000, 1) == cost(recipe, network, 9000, 1) > cost(recipe, network, 7000, 1)
        assert cost(recipe, network, 100, 2) > cost(recipe, network, 100, 1)
    assert costs.networks_disk(network, 2) == pytest.approx(2 * network.megabytes, abs=1)
    assert costs.prediction_disk(1e6, 2, 1) == 66


def test_large_networks_predict_on_a_gpu_in_a_third_of_a_training_step(observed):
    small, large = NETWORKS["lens_cnn"], NETWORKS["resnet152"]
    assert costs.predicts_on_gpu(large) and not costs.predicts_on_gpu(small)
    reading = observed.pixels(640) / costs.READING_SPEED_COUNTS
    steps = 10 * costs.step_seconds(large, observed.pixels(64))
    assert costs.prediction_seconds(large, observed, 640, 640, 64) == pytest.approx(reading + steps / 3)
    assert costs.prediction_seconds(large, observed, 640, 1280, 64) == pytest.approx(reading + 2 * steps / 3)
    survey = Dataset.model_validate({"title": "d", "simulation": "s", "survey": "des", "centre_crop": {"pixels": 40}})
    floats = observed._replace(dataset=survey)
    assert costs.prediction_seconds(small, floats, 4500, 4500, 64) == pytest.approx(1, rel=0.1), "as was measured"


def test_costs_need_no_heavy_library():
    code = "import sys, sim2sky.costs; sys.exit(bool({'torch', 'numpy', 'pandas', 'snakemake'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_steps_of_a_gpu_take_as_long_as_was_measured():
    """They take half of what is computed, to all of it; VGG, whose convolutions are large, takes a fifth."""
    with open(ROOT / "docs/results/benchmarks/gpu.csv") as file:
        rows = [row for row in csv.DictReader(file) if row["job"].startswith("train")]
    rows = [row for row in rows if not re.search("plain|one core", row["program"])]
    assert len(rows) > 10
    for row in rows:
        pixels, batch = map(int, re.findall(r"\d+", row["job"]))
        domains = 2 if re.search("dann|mmd", row["program"]) else 1
        seeds = int((re.findall(r"(\d+) seeds", row["program"]) or [1])[0])
        network = costs.network_of(NETWORKS, row["program"])
        measured = batch * domains * seeds / float(row["images_per_second"])
        least = 0.15 if row["program"].startswith("vgg") else 0.5
        assert least < measured / costs.step_seconds(network, batch * pixels**2, domains, seeds) < 1.05, row

"""Costs: time limits from measured speeds, and how costs grow with what they are of."""

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sim2sky import costs
from sim2sky.config import Dataset, Recipe, read_simulation

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


def test_steps_of_a_gpu_take_as_long_as_was_measured():
    """Half of what is reckoned, to all of it; VGG, whose convolutions are large, a fifth."""
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

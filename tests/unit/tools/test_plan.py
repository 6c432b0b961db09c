"""Time limits from measured speeds, and hours back from limits."""

import csv
import re
from pathlib import Path

import pytest

from sim2sky.tools.plan import LONGEST, Job, markdown, step_seconds, time_limit

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("seconds", [0, 100, 5000])
def test_limit_leaves_room_grows_and_gives_back_the_measurement(seconds):
    assert 60 * time_limit(seconds, 1) > 2 * seconds
    assert time_limit(seconds, 2) >= 2 * time_limit(seconds, 1) - 1
    job = Job("train", "train", {"runtime": time_limit(seconds, 1)})
    assert job.hours == pytest.approx(seconds / 3600, abs=12 / 3600)


def test_no_limit_is_longer_than_partitions_allow():
    assert time_limit(1e9, 1) == LONGEST


def test_table_adds_up_gpu_and_cpu_hours_apart():
    limit = time_limit(3600, 1)
    gpus, cores = {"gpu": 4, "_cores": 4}, {"_cores": 3, "disk_mb": 500}
    jobs = [Job("adapt", "adapt", {"runtime": limit, "mem_mb": 3000} | gpus)] * 3
    jobs += [Job("observe", "inject_noise", {"runtime": limit, "mem_mb": 1000} | cores)] * 2
    adapt, noise, total = (row.strip("| ").split(" | ") for row in markdown(jobs).splitlines()[2:])
    assert adapt[2:5] == ["3", "12.0", "0.0"] and noise[2:5] == ["2", "0.0", "6.0"]
    assert total == ["total", "", "5", "12.0", "6.0", f"{limit / 60:.1f}", "3.0", "1.0"]


def test_hours_of_a_training_are_not_cut_by_the_longest_limit():
    long, short = {"runtime": LONGEST, "expected_minutes": 3000}, {"runtime": 20, "expected_minutes": 1}
    jobs = [Job("train", "train", {"mem_mb": 1, "gpu": 2} | times) for times in (long, long, short)]
    assert markdown(jobs).count("| 3 (2) | 200.0 | 0.0 | 120.0 |") == 2


def test_steps_of_a_gpu_take_as_long_as_was_measured():
    """Half of what is reckoned, to all of it; VGG, whose convolutions are large, a fifth."""
    with open(ROOT / "resources/networks.csv") as file:
        networks = {row.pop("network"): {key: int(value) for key, value in row.items()} for row in csv.DictReader(file)}
    with open(ROOT / "docs/results/benchmarks/gpu.csv") as file:
        rows = [row for row in csv.DictReader(file) if row["job"].startswith("train")]
    rows = [row for row in rows if not re.search("plain|one core", row["program"])]
    assert len(rows) > 10
    for row in rows:
        pixels, batch = map(int, re.findall(r"\d+", row["job"]))
        domains = 2 if re.search("dann|mmd", row["program"]) else 1
        seeds = int((re.findall(r"(\d+) seeds", row["program"]) or [1])[0])
        network = networks.get(row["program"], networks["lens_cnn"])
        measured = batch * domains * seeds / float(row["images_per_second"])
        least = 0.15 if row["program"].startswith("vgg") else 0.5
        assert least < measured / step_seconds(network, batch * pixels**2, domains, seeds) < 1.05, row

"""Time limits from measured speeds, and hours back from limits."""

import pytest

from sim2sky.plan import LONGEST, Job, expected_hours, markdown, time_limit


@pytest.mark.parametrize("seconds", [0, 100, 5000])
def test_limit_leaves_room_grows_and_gives_back_the_measurement(seconds):
    assert 60 * time_limit(seconds, 1) > 2 * seconds
    assert time_limit(seconds, 2) >= 2 * time_limit(seconds, 1) - 1
    assert expected_hours(time_limit(seconds, 1)) == pytest.approx(seconds / 3600, abs=12 / 3600)


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


def test_jobs_that_go_on_after_the_longest_limit_are_counted():
    jobs = [Job("train", "train", {"runtime": LONGEST, "mem_mb": 1, "gpu": 1})] * 2
    assert markdown(jobs + [Job("train", "train", {"runtime": 20, "mem_mb": 1, "gpu": 1})]).count("| 3 (2) |") == 2

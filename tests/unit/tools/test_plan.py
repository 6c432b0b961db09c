"""Stages of rules, and hours back from time limits."""

import pytest

from sim2sky.costs import LONGEST, time_limit
from sim2sky.tools.plan import Job, markdown, stage_of


@pytest.mark.parametrize("seconds", [0, 100, 5000])
def test_a_limit_gives_back_the_measurement(seconds):
    job = Job("train", "train", {"runtime": time_limit(seconds, 1)})
    assert job.hours == pytest.approx(seconds / 3600, abs=12 / 3600)


def test_a_rule_that_no_stage_has_is_an_error():
    assert stage_of("draw_figures_transfer") == "report"
    with pytest.raises(LookupError, match="rule measure is not in"):
        stage_of("measure")


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

"""The whole DAG through `snakemake --profile slurm`, and where SLURM says that its jobs ran."""

import pandas as pd
import pytest

from tests.slurm.conftest import ADAPTED, TRAINED

pytestmark = pytest.mark.slow
TRAINS = {"train_source_only", "adapt", "cross_validate"}


def test_rules_that_train_run_on_gpus_and_no_other(new_project, undisturbed):
    project = new_project("placement")
    with project.background() as process:
        assert process.wait(3600) == 0, project.log
    jobs = {job["Comment"].removeprefix("rule_").split("_wildcards")[0]: job for job in project.jobs()}
    assert set(jobs) > TRAINS | {"predict", "evaluate_run", "aggregate_metrics", "write_report"}
    for rule, job in jobs.items():
        assert (job["JobState"], job["Account"]) == ("COMPLETED", "ie-idi")
        gpu = (job["Partition"], job["NodeList"][:3], job["Features"], job.get("TresPerJob"))
        expected = ("GPUQ", "gpu", "A100", "gres:gpu:a100:1") if rule in TRAINS else ("CPUQ", "cpu", "(null)", None)
        assert gpu == expected, rule
    assert project.same(ADAPTED) and project.same(TRAINED)
    tables = [pd.read_csv(p.folder / "results/evaluate/einstein_radius/metrics.csv") for p in (project, undisturbed)]
    pd.testing.assert_frame_equal(*tables)

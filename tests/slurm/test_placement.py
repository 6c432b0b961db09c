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


def test_one_training_on_two_nodes(new_project, undisturbed):
    """Torch's launcher on each node; the whole batch is seen by both, so losses are those of one process."""
    project = new_project("nodes")
    project.edit("config/studies/einstein_radius.yaml", "network: lens_cnn", "network: lens_cnn\n    nodes: 2")
    with project.background(ADAPTED) as process:
        assert process.wait(1800) == 0, project.log
    (job,) = project.jobs("adapt")
    assert (job["JobState"], job["NumNodes"], job["NumTasks"]) == ("COMPLETED", "2", "2")
    assert (job["Partition"], job["TresPerJob"]) == ("GPUQ", "gres:gpu:a100:2")
    log = (project.folder / "results/logs/adapt/einstein_radius/tuned-mmd/0-0.log").read_text()
    assert log.count("epoch 2/2") == 1
    one, two = (
        pd.read_csv(p.folder / "results/adapt/einstein_radius/tuned-mmd/0-0/history.csv")
        for p in (undisturbed, project)
    )
    assert two.source_loss.tolist() == pytest.approx(one.source_loss.tolist(), rel=0.05)

"""What can happen to a training on a cluster: its networks are those of an undisturbed run all the same."""

import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.slurm.cluster import wait_for
from tests.slurm.conftest import ADAPTED, METRICS, TRAINED, SupervisedCluster

pytestmark = pytest.mark.slow


def finish(project, process):
    """Let the training go on, and Snakemake end well."""
    project.release()
    assert process.wait(1800) == 0, project.log


def resumed(project):
    log = project.folder / "results/logs/adapt/einstein_radius/tuned-mmd/0-0.log"
    return "goes on after epoch 1" in log.read_text()


def cancelled_job_is_submitted_again_and_resumes(project, cluster):
    with project.training(ADAPTED) as (process, job):
        cluster.run("scancel", job["JobId"])
        project.wait_for_state(job, "CANCELLED")
        finish(project, process)
    assert [job["JobState"] for job in project.jobs("adapt")] == ["CANCELLED", "COMPLETED"]
    assert resumed(project) and project.same(ADAPTED)


def time_limit_is_longer_at_the_next_attempt(project, cluster):
    with project.training(ADAPTED) as (process, job):
        cluster.run("scontrol", "update", f"JobId={job['JobId']}", "TimeLimit=1")
        project.wait_for_state(job, "TIMEOUT")
        finish(project, process)
    _, second = project.jobs("adapt")
    assert second["JobState"] == "COMPLETED"
    assert second["TimeLimit"] > job["TimeLimit"]
    assert second["MinMemoryNode"] != job["MinMemoryNode"]
    assert resumed(project) and project.same(ADAPTED)


def job_of_a_dead_node_is_submitted_to_another(project, cluster):
    with project.training(ADAPTED) as (process, job):
        cluster.tell("kill", job["NodeList"])
        try:
            project.wait_for_state(job, "NODE_FAIL")
            finish(project, process)
        finally:
            cluster.tell("start", job["NodeList"])
    first, second = project.jobs("adapt")
    assert second["JobState"] == "COMPLETED" and second["NodeList"] != first["NodeList"]
    assert resumed(project) and project.same(ADAPTED)


def preempted_job_is_requeued_by_slurm(project, cluster):
    project.edit("profiles/slurm/config.yaml", "slurm_partition: GPUQ", "slurm_partition: preemptible")
    project.edit("profiles/slurm/config.yaml", "slurm-no-requeue: true", "slurm-requeue: true")
    with project.training(ADAPTED) as (process, job):
        wish = ["-p", "urgent", "--gpus=1", "--mem=100", "-D", "/", "-o", "/dev/null"]
        urgent = cluster.run("sbatch", "--parsable", *wish, "--wrap", "sleep 3600").strip()
        wait_for(lambda: project.record(job)["Restarts"] == "1", "preemption")
        cluster.run("scancel", urgent)
        finish(project, process)
    (job,) = project.jobs("adapt")
    assert (job["JobState"], job["Restarts"], job["Partition"]) == ("COMPLETED", "1", "preemptible")
    assert resumed(project) and project.same(ADAPTED)


def drained_node_finishes_its_job_and_takes_no_other(project, cluster):
    project.edit("profiles/slurm/config.yaml", "slurm_partition: GPUQ", "slurm_partition: maintained")
    with project.training(ADAPTED, TRAINED) as (process, job):
        cluster.run("scontrol", "update", f"NodeName={job['NodeList']}", "State=DRAIN", "Reason=maintenance")
        project.release()
        project.wait_for_state(job, "COMPLETED")
        project.wait_for(lambda: len(project.jobs()) == 2, process)
        assert [other["JobState"] for other in project.jobs() if other["JobId"] != job["JobId"]] == ["PENDING"]
        cluster.run("scontrol", "update", f"NodeName={job['NodeList']}", "State=RESUME")
        assert process.wait(1800) == 0, project.log
    assert project.same(ADAPTED) and project.same(TRAINED)


def snakemake_killed_and_started_again(project, cluster):
    """Its job goes on; a second one beside it is refused until that is gone."""
    with project.training(ADAPTED) as (process, job):
        process.kill()
        process.wait()
        assert project.record(job)["JobState"] == "RUNNING"
        unlock = subprocess.run(project.slurm("--unlock"), cwd=project.folder, env=project.environment)
        assert unlock.returncode == 0
        refused = subprocess.run(
            project.slurm(ADAPTED), cwd=project.folder, env=project.environment, capture_output=True, text=True
        )
        assert refused.returncode == 1 and f"scancel {job['JobId']}" in refused.stderr, refused.stderr
        assert len(project.jobs()) == 1
        cluster.run("scancel", job["JobId"])
        project.wait_for_state(job, "CANCELLED")
        project.release()
    with project.background(METRICS) as process:
        assert process.wait(1800) == 0, project.log
    assert resumed(project) and project.same(ADAPTED)
    assert project.same(METRICS) and project.same(METRICS.replace("metrics.csv", "predictions.parquet"))


STORIES = [
    time_limit_is_longer_at_the_next_attempt,
    preempted_job_is_requeued_by_slurm,
    drained_node_finishes_its_job_and_takes_no_other,
    snakemake_killed_and_started_again,
    job_of_a_dead_node_is_submitted_to_another,
    cancelled_job_is_submitted_again_and_resumes,
]


@pytest.fixture(scope="module")
def told(new_project, cluster):
    """All stories, three at a time because they mostly wait; each in a project of its own."""
    with ThreadPoolExecutor(3) as pool:
        yield {story: pool.submit(story, new_project(story.__name__), cluster) for story in STORIES}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_interruption(told, story):
    told[story].result()


@pytest.mark.parametrize("end", ["supervisor told to end", "test process gone"])
def test_nothing_of_a_cluster_is_left(cluster, end):
    with SupervisedCluster() as second:
        job = second.run("sbatch", "--parsable", "-o", "/dev/null", "--mem=100", "--wrap", "sleep 3600").strip()
        wait_for(lambda: second.run("squeue", "-h", "-j", job, "-o", "%T").strip() == "RUNNING", "a job")
        processes = second.processes()
        assert len(processes) > 8  # munged, slurmctld, seven slurmd
        if end == "supervisor told to end":
            second.supervisor.send_signal(signal.SIGTERM)
        else:
            second.supervisor.stdin.close()
        second.supervisor.wait(600)
        assert not [process for process in processes if process.is_running()]
        assert not second.folder.exists()
    assert "UP" in cluster.run("scontrol", "ping")

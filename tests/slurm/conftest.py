"""A cluster for the session, one undisturbed local run, and copies of it that training is still missing from."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import yaml

from tests.slurm.cluster import PATH, Cluster, wait_for
from tests.workflow.conftest import ROOT, Project

IMPATIENT = str(ROOT / "tests/slurm/impatient.py")
BLOCK = "einstein_radius/{run}/0-0"
ADAPTED = f"results/adapt/{BLOCK.format(run='tuned-mmd')}/model.safetensors"
METRICS = f"results/evaluate/{BLOCK.format(run='tuned-mmd')}/metrics.csv"
TRAINED = f"results/train/{BLOCK.format(run='tuned-none')}/model.safetensors"
# After its first checkpoint a training waits while this file exists, so that tests meet it there however fast the machine is.
HOLD = """

save_checkpoint = save


def save(*args):
    import time

    save_checkpoint(*args)
    while Path("hold").exists():
        time.sleep(0.1)
"""


class SupervisedCluster(Cluster):
    """A cluster of which another process is in charge; use it as a context."""

    def __init__(self):
        super().__init__(Path(tempfile.mkdtemp(prefix="slurm-test-")))

    def __enter__(self):
        command = [sys.executable, "-m", "tests.slurm.cluster", str(self.folder)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        for _ in range(5):  # a port may be taken between being found free and being used
            self.folder.mkdir(exist_ok=True)
            self.supervisor = subprocess.Popen(command, cwd=ROOT, start_new_session=True, **pipes)
            if self.supervisor.stdout.readline() == "ready\n":
                return self
            self.supervisor.wait()
        raise RuntimeError("the cluster did not start")

    def __exit__(self, *_):
        self.supervisor.stdin.close()
        self.supervisor.wait()

    def processes(self) -> list[psutil.Process]:
        return psutil.Process(self.supervisor.pid).children(recursive=True)

    def tell(self, verb: str, node: str) -> None:
        self.supervisor.stdin.write(f"{verb} {node}\n")
        self.supervisor.stdin.flush()
        assert self.supervisor.stdout.readline() == "done\n"


def missing() -> str | None:
    """Why no cluster can be started here."""
    if os.geteuid() != 0:
        return "SLURM's daemons are started as root"
    absent = [name for name in ("slurmctld", "slurmd", "munged", "setpriv") if not shutil.which(name, path=PATH)]
    return f"not installed: {', '.join(absent)} (`make test` installs them as root on Debian)" if absent else None


@pytest.fixture(scope="session")
def cluster():
    if reason := missing():
        pytest.skip(reason)
    with SupervisedCluster() as cluster:
        yield cluster


class SlurmProject(Project):
    """A project whose jobs a cluster runs; in `folder`, which may hold one already."""

    def __init__(self, folder: Path, cluster: SupervisedCluster, undisturbed: Project | None = None):
        self.folder, self.cluster, self.undisturbed = folder, cluster, undisturbed
        if not folder.exists():
            super().__init__(folder)

    @property
    def environment(self):
        return super().environment | self.cluster.environment

    def slurm(self, *arguments: str) -> list[str]:
        """The command of a user, with less patience."""
        python = ["setpriv", "--pdeathsig", "KILL", sys.executable]  # never outlives the tests
        return [*python, IMPATIENT, "--profile", "slurm", "--latency-wait", "30", *arguments]

    def jobs(self, rule: str | None = None) -> list[dict[str, str]]:
        found = self.cluster.jobs(self.folder)
        return [job for job in found if rule is None or job["Comment"].startswith(f"rule_{rule}_wildcards")]

    @contextmanager
    def training(self, *targets: str):
        """Snakemake in the background, and the record of its training job when that waits after its first epoch."""
        (self.folder / "hold").touch()
        with self.background(*targets) as process:
            checkpoints = self.folder / "results"
            self.wait_for(lambda: list(checkpoints.glob("*/*/*/*/last.ckpt")), process)
            yield process, next(job for job in self.jobs() if job["JobState"] == "RUNNING")

    @contextmanager
    def background(self, *targets: str):
        with open(self.folder / "snakemake.log", "a") as log:
            process = subprocess.Popen(
                self.slurm(*targets), cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            for job in self.jobs():
                self.cluster.run("scancel", job["JobId"])

    def wait_for(self, condition, process: subprocess.Popen) -> None:
        """Until `condition`; an error if Snakemake has ended before."""

        def holds():
            assert process.poll() is None, self.log
            return condition()

        wait_for(holds, f"snakemake, which says:\n{self.log}")

    def wait_for_state(self, job: dict[str, str], state: str) -> None:
        wait_for(lambda: self.record(job)["JobState"] == state, f"job {job['JobId']} to be {state}")

    def record(self, job: dict[str, str]) -> dict[str, str]:
        return next(record for record in self.jobs() if record["JobId"] == job["JobId"])

    def release(self) -> None:
        (self.folder / "hold").unlink()

    def same(self, path: str) -> bool:
        """Whether a result, and with networks their learning curves, has the bytes of the undisturbed run."""
        paths = [path, path.replace("model.safetensors", "history.csv")]
        here, there = (
            [(root / each).read_bytes() for each in paths] for root in (self.folder, self.undisturbed.folder)
        )
        return here == there

    @property
    def log(self) -> str:
        return (self.folder / "snakemake.log").read_text()


def small_study(text: str) -> str:
    study = yaml.safe_load(text)
    study |= {"seeds": 1, "seeds_per_job": 1, "published": []}
    study["simulations"]["galaxy_lenses"] |= {"lenses": 400, "shard_size": 400}
    study["recipes"] = {"tuned": study["recipes"]["tuned"] | {"epochs": 2}}
    study["runs"] = {name: study["runs"][name] for name in ("tuned-none", "tuned-mmd")}
    study["cross_validation"] |= {"lenses": 100, "folds": 2, "grid": {"optimiser.lr": [3.0e-4]}}
    return yaml.safe_dump(study)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """Both runs, trained and evaluated on this machine without SLURM."""
    project = Project(tmp_path_factory.mktemp("undisturbed"))
    study = project.folder / "config/studies/einstein_radius.yaml"
    study.write_text(small_study(study.read_text()))
    (project.folder / "config/config.yaml").write_text("studies: [einstein_radius]\ncutouts: {des_coadd_g: null}\n")
    with open(project.folder / "workflow/src/sim2sky/train/checkpoint.py", "a") as module:
        module.write(HOLD)
    result = project.snakemake("results/evaluate/einstein_radius/metrics.csv")
    assert result.returncode == 0, result.stdout + result.stderr
    return project


@pytest.fixture(scope="session")
def new_project(cluster, undisturbed, tmp_path_factory):
    """Makes copies of the undisturbed project from before its training."""

    def make(name: str) -> SlurmProject:
        folder = tmp_path_factory.mktemp(name) / "project"
        shutil.copytree(undisturbed.folder, folder, symlinks=True)
        for stage in ("train", "adapt", "evaluate"):
            shutil.rmtree(folder / "results" / stage)
        return SlurmProject(folder, cluster, undisturbed)

    return make

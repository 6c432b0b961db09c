"""A copy of the project that workflow tests may edit, with its own library first on the path."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.workflow.forked import snakemake

ROOT = Path(__file__).parents[2]
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# The DAG of study A, small enough for a test: fewer runs, but some of every kind.
TINY = """
studies: [einstein_radius]
overrides:
  einstein_radius:
    seeds: 1
    seeds_per_job: 1
    only_runs: [paper-none, paper-dann, paper-mmd, paper-oracle, tuned-none, tuned-mmd, tuned-dann-sky, tuned-oracle-sky]
    simulations: {galaxy_lenses: {lenses: 400, shard_size: 200}}
    recipes: {paper: {epochs: 1}, matched_lr: {epochs: 1}, normalised: {epochs: 1}, tuned: {epochs: 1}}
    cross_validation: {lenses: 100, folds: 2, grid: {optimiser.lr: [3.0e-4]}}
"""
TINY_RUN = ("--configfile", "config/tiny.yaml", "--config", "cutouts={des_coadd_g: cutouts.fits}")


def write_sky(path: Path, seed: int = 0) -> None:
    """Made-up cutouts of a survey."""
    sky = np.random.default_rng(seed).normal(0, 2.9, (20, 60, 60)).astype(np.float32)
    fits.writeto(path, sky, overwrite=True)


class Project:
    """A copy of the project in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name in ("workflow", "config", "resources", "profiles"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        shutil.copy(ROOT / "Snakefile", folder)
        (folder / "slurm").symlink_to("profiles/slurm")
        (folder / "config/tiny.yaml").write_text(TINY)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"PYTHONPATH": str(self.folder / "workflow/src"), "OMP_NUM_THREADS": "1"}

    def python(self, *arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess:
        """Run snakemake with two cores; the caller checks the return code."""
        return snakemake(["--cores", "2", *arguments], self.folder, self.environment)

    def copy(self, folder: Path) -> "Project":
        """Another folder with the same files and results."""
        shutil.copytree(self.folder, folder, symlinks=True)
        other = object.__new__(Project)
        other.folder = folder
        return other

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text()
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new, 1))


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser without a network."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    if not (CHROMIUM and DRIVER):
        pytest.skip("no Chromium here (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.set_network_conditions(offline=True, latency=0, download_throughput=0, upload_throughput=0)
    driver.implicitly_wait(20)  # seconds, for what a script of the page adds
    yield driver
    driver.quit()


def planned(result: subprocess.CompletedProcess) -> dict[str, int]:
    """Rule -> number of jobs, from the output of ``--dry-run --quiet rules``; empty when there is nothing to do."""
    assert result.returncode == 0, result.stdout + result.stderr
    rows = [line.split() for line in result.stdout.splitlines()]
    counts = {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}
    return {rule: count for rule, count in counts.items() if rule not in ("total", "all")}

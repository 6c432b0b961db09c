"""Kill two small studies at random moments, start it again each time, and compare what it ends with to an undisturbed run.

    python -m tests.faults.campaign [--kills 200] [--seed 0] [--output docs/results/faults.csv]

Each kill is a SIGKILL of Snakemake alone (its job goes on without it), of a job alone (Snakemake starts it again), or of both. When both are done before
enough kills, their results are deleted and it begins anew. Shards, networks, predictions, latents and tables must be the same bytes in the end.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from tests.workflow.conftest import Project

KINDS = ("snakemake", "job", "both")
WANTED = (
    "results/evaluate/einstein_radius/summary.csv",
    "results/train/einstein_radius/cross_validation.csv",
    "results/evaluate/hard_examples/summary.csv",
)
# Of study A, a run on labels alone and one that adapts; enough epochs that some kills fall between two of them, and two
# networks per job, that some fall between those. Of study B, networks that go on, in two processes, on what earlier ones
# predict worst.
CONFIG = """
studies: [einstein_radius, hard_examples]
overrides:
  einstein_radius:
    seeds: 2
    seeds_per_job: 2
    only_runs: [tuned-none, tuned-mmd]
    simulations: {galaxy_lenses: {lenses: 400, shard_size: 200}}
    recipes: {tuned: {epochs: 6}}
    cross_validation: {lenses: 100, folds: 2, grid: {optimiser.lr: [3.0e-4]}}
  hard_examples:
    seeds: 2
    seeds_per_job: 2
    only_runs: [then-worst]
    simulations: {cosmosim_sis: {lenses: 200, shard_size: 100, downscale: 64}}
    recipes:
      small: {network: lens_cnn, epochs: 4, batch_size: 10, seeds_together: true, loss: mae, normalisation: eight_bit, optimiser: {name: adam, lr: 1.0e-4}}
    runs:
      first: &run {method: none, recipe: small, source: cosmosim, evaluate_on: [cosmosim]}
      then-worst: {<<: *run, start_from: first, train_on: {worst_of: first, fraction: 0.5}, change: {seeds_together: false, devices: 2}}
"""
COMPARED = (".zarr.zip", ".safetensors", ".parquet", ".csv")


class Campaign:
    """A project in `folder`, and the digests of what an undisturbed run of it leaves."""

    def __init__(self, folder: Path, seed: int = 0):
        self.random = np.random.default_rng(seed)
        folder.mkdir(parents=True, exist_ok=True)
        self.project = Project(folder)
        (folder / "config/campaign.yaml").write_text(CONFIG)
        start = time.monotonic()
        self._finish()
        self.duration = time.monotonic() - start
        self.expected = self.digests()
        self.begin_anew()

    def digests(self) -> dict[str, str]:
        """Hash of every result that must not depend on kills."""
        results = self.project.folder / "results"
        paths = [path for path in results.rglob("*") if path.name.endswith(COMPARED)]
        return {str(path.relative_to(results)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

    def begin_anew(self) -> None:
        """Forget all results."""
        subprocess.run(["rm", "-rf", "results", ".snakemake"], cwd=self.project.folder, check=True)

    def kills(self, count: int):
        """Kill `count` times; a row about each. Ends with a whole run, and raises AssertionError if results differ."""
        done, process = 0, None
        while done < count:
            process = process or self._start()
            kind = KINDS[done % len(KINDS)]
            after = float(
                self.random.uniform(1, max(2, 0.25 * self.duration))
            )  # what is done stays done: it gets to the end
            try:
                process.wait(after)
            except subprocess.TimeoutExpired:
                rules = self._kill(process, kind)
                if kind == "job" and not rules:
                    continue  # there was none to kill
                done += 1
                yield {"kill": done, "of": kind, "after_s": round(after, 1), "running": " ".join(rules)}
                if kind != "job":  # otherwise Snakemake goes on, and submits the job again
                    process.wait(900)
                    process = None
                continue
            assert process.returncode == 0, self.log
            process = None
            self.compare()
            self.begin_anew()
        if process:
            process.wait(900)
        self._finish()
        self.compare()

    def compare(self) -> None:
        """Compare all results with those of the undisturbed run."""
        self._wait_for_orphans()
        found = self.digests()
        differing = [name for name in self.expected if found.get(name) != self.expected[name]]
        assert not differing, f"not the same bytes: {differing}"

    @property
    def log(self) -> str:
        return (self.project.folder / "campaign.log").read_text()[-5000:]

    def _start(self) -> subprocess.Popen:
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", "config/campaign.yaml"]
        command += ["--retries", "100"]  # the profile of a cluster has two; here a job is killed more often
        for lock in self.project.folder.glob(".snakemake/locks/*"):  # what --unlock does, in less time
            lock.unlink()
        with open(self.project.folder / "campaign.log", "a") as log:
            options = {"cwd": self.project.folder, "env": self.project.environment, "stdout": log, "stderr": log}
            return subprocess.Popen([*command, "--", *WANTED], start_new_session=True, **options)

    def _finish(self) -> None:
        """Let it end; after the kill of a job, Snakemake may have to be started once more."""
        for _ in range(3):
            self._wait_for_orphans()
            process = self._start()
            if process.wait(900) == 0:
                return
        raise AssertionError(f"the studies do not end:\n{self.log}")

    def _kill(self, process: subprocess.Popen, kind: str) -> list[str]:
        """Kill, and say which rules' scripts were running."""
        snakemake = psutil.Process(process.pid)
        children = snakemake.children(recursive=True)
        scripts = [child for child in children if ".snakemake/scripts" in " ".join(_command(child))]
        rules = sorted(
            {Path(part).name.split(".")[1] for child in scripts for part in _command(child) if "scripts/tmp" in part}
        )
        if kind in ("snakemake", "both"):
            snakemake.kill()
        victims = children if kind == "both" else scripts[:1] if kind == "job" else []
        for child in victims:
            try:
                child.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        return rules

    def _wait_for_orphans(self) -> None:
        """Jobs of a killed Snakemake go on; they may still write."""
        here = str(self.project.folder)
        for process in psutil.process_iter(["cwd", "cmdline"]):
            if process.info["cwd"] == here and "python" in " ".join(process.info["cmdline"] or []):
                try:
                    process.wait(600)
                except psutil.NoSuchProcess:
                    continue


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="CSV to write, one row per kill")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        campaign = Campaign(Path(folder) / "project", arguments.seed)
        print(f"undisturbed: {campaign.duration:.0f} s, {len(campaign.expected)} results", flush=True)
        rows = []
        for row in campaign.kills(arguments.kills):
            rows.append(row)
            print("  ".join(f"{key}: {value}" for key, value in row.items()), flush=True)
        print(f"{len(rows)} kills, and the results are the same bytes")
    if arguments.output:
        with open(arguments.output, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()

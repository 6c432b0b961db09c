"""What a run of the configured studies costs: jobs, hours and disk per rule, from Snakemake's own dry-run with the SLURM profile.

``sim2sky plan``, with further arguments of Snakemake if wanted, prints it as Markdown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sim2sky.costs import LONGEST, MARGIN, START
from sim2sky.tools.dryrun import planned_records

# Rules of each stage, by how their names begin. A test compares them with the files of workflow/rules.
STAGES = {
    "simulate": ("simulate_shard",),
    "observe": ("centre_crop", "inject_noise", "ingest", "bound_errors"),
    "train": ("train_source_only", "cross_validate"),
    "adapt": ("adapt",),
    "measure": ("calibrate", "measure_simulated", "measure_images", "gather_catalogue"),
    "evaluate": (
        "predict",
        "evaluate_run",
        "compare_degenerate",
        "reconstruct",
        "evaluate_errors",
        "aggregate_metrics",
    ),
    "report": ("draw_figures", "write_report"),
}
CORES = "1000"  # so that no job is cut down to the cores of this machine
TEXT = """# What a full run costs

<!-- Printed by `make plan`, written by `make docs`. -->

This table lists the jobs that `snakemake --profile slurm` submits for the configured studies from nothing, with the hours of GPUs and of CPUs that they
hold. CPU-hours follow from what one core was measured to take. GPU-hours follow from thirteen networks that were trained on an H100: they took half to all of
the time that is counted here, VGG-19 a fifth; a prediction counts as a third of a training step for each batch. The number of jobs that are given the longest limit, five days, is
in brackets; one of them that uses CPUs counts as one day. The longest limit and the largest memory are those of the first attempt.

"""


@dataclass(frozen=True)
class Job:
    """A job of the dry-run, and the stage of its rule."""

    stage: str
    rule: str
    resources: dict[str, Any]

    @property
    def limit(self) -> int:
        """Time limit in minutes."""
        return self.resources["runtime"]

    @property
    def hours(self) -> float:
        """Hours that the job takes at the measured speed. A training states them, for its limit may have been cut to the longest."""
        minutes = self.resources.get("expected_minutes", (self.limit - START) / MARGIN)
        return minutes / 60

    @property
    def disk(self) -> int:
        """Size of the job's files [MB]; 0 if its rule does not state it because they are small."""
        stated = self.resources.get("disk_mb")
        return stated if isinstance(stated, int) else 0


def stage_of(rule: str) -> str:
    """The stage that a rule belongs to; LookupError for a rule that is not in `STAGES`."""
    for stage, names in STAGES.items():
        if rule.startswith(names):
            return stage
    raise LookupError(f"rule {rule} is not in sim2sky.tools.plan.STAGES")


def planned_jobs(arguments: Sequence[str] = ()) -> list[Job]:
    """Every job of a run from nothing, by stage and rule, without those that ask for nothing.

    Parameters
    ----------
    arguments : sequence of str
        Further arguments of Snakemake, for example ``--configfile config/demo.yaml``.

    Raises
    ------
    RuntimeError
        The dry-run failed; Snakemake has said why.
    """
    jobs = []
    for record in planned_records(["--profile", "slurm", "--forceall", "--cores", CORES, *arguments]):
        resources = dict(record.resources.items())
        if "runtime" in resources:
            jobs.append(Job(stage_of(record.rule_name), record.rule_name, resources))
    return sorted(jobs, key=lambda job: (list(STAGES).index(job.stage), job.rule))


def markdown(jobs: Sequence[Job]) -> str:
    """The jobs as a table with a row for each rule and a total."""
    kinds = dict.fromkeys((job.stage, job.rule) for job in jobs)
    rows = [[stage, f"`{rule}`", *_costs([job for job in jobs if job.rule == rule])] for stage, rule in kinds]
    rows.append(["total", "", *_costs(jobs)])
    head = ["stage", "rule", "jobs", "GPU-hours", "CPU-hours", "longest limit (h)", "largest memory (GB)", "disk (GB)"]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---", "---", *["---:"] * 6], *rows]) + "\n"


def _costs(jobs: Sequence[Job]) -> list[str]:
    """Cells of a row about some jobs: all but its stage and rule."""
    gpu, cpu, cut = 0.0, 0.0, sum(job.limit == LONGEST for job in jobs)
    for job in jobs:
        gpus = job.resources.get("gpu", 0)
        gpu += gpus * job.hours
        cpu += 0 if gpus else job.resources.get("_cores", 1) * job.hours
    figures = [
        gpu,
        cpu,
        max(job.limit for job in jobs) / 60,
        max(job.resources["mem_mb"] for job in jobs) / 1000,
        sum(job.disk for job in jobs) / 1000,
    ]
    return [f"{len(jobs)} ({cut})" if cut else str(len(jobs)), *(f"{figure:.1f}" for figure in figures)]


def main(arguments: Sequence[str] = ()) -> None:
    """Print the page; `arguments` as for :func:`planned_jobs`."""
    print(TEXT + markdown(planned_jobs(arguments)), end="")

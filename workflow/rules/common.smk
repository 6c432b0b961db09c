# Reads and checks the configuration once, constrains the wildcards, and defines the functions that rules share.
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from sim2sky.configure import ConfigError, load
from sim2sky.fingerprint import fingerprint
from sim2sky.paths import Paths

min_version("9.0")

try:
    CONFIG, STUDIES, SURVEYS = load(config, Path(workflow.basedir))
except ConfigError as error:
    raise WorkflowError(f"The configuration is wrong; nothing was started.\n{error}") from None

PATHS = Paths(CONFIG.results)
SIMULATIONS = {name: item for study in STUDIES.values() for name, item in study.simulations.items()}
DATASETS = {name: item for study in STUDIES.values() for name, item in study.datasets.items()}
SCRIPTS = Path(workflow.basedir) / "workflow/scripts"


wildcard_constraints:
    study="|".join(STUDIES),
    simulation="|".join(SIMULATIONS),
    dataset="|".join(DATASETS),
    shard=r"\d{7}-\d{7}",
    seeds=r"\d+-\d+",
    run=r"[\w-]+",
    figure=r"[\w-]+",


def code(rule):
    """Fingerprint of the library code behind a rule's script."""
    return fingerprint(str(SCRIPTS / f"{rule}.py"))


def log_of(rule, pattern):
    return f"{PATHS.logs}/{rule}/{pattern}.log"


def benchmark_of(rule, pattern):
    return f"{PATHS.benchmarks}/{rule}/{pattern}.tsv"


def shards_of(dataset):
    """Observed shards of a dataset, in the order of the lenses."""
    return expand(PATHS.observed, dataset=dataset, shard=SIMULATIONS[DATASETS[dataset].simulation].shards)


def domain_of(dataset):
    """A dataset as the training and evaluation stages take it."""
    simulation = SIMULATIONS[DATASETS[dataset].simulation]
    return {"name": dataset, "shards": shards_of(dataset), "bounds": DATASETS[dataset].split.bounds(simulation.lenses)}


def run_of(wildcards):
    return STUDIES[wildcards.study].runs[wildcards.run]


def runs_with(study, adapted):
    """Names of the runs that adapt to a target, or of those that do not."""
    return [name for name, run in STUDIES[study].runs.items() if (run.target is not None) == adapted]


def is_adapted(study, run):
    return STUDIES[study].runs[run].target is not None


def of_run(pattern, study, run, seeds):
    """`pattern` filled in for one run and block of seeds, in the stage (train or adapt) that makes it."""
    return pattern.format(stage="adapt" if is_adapted(study, run) else "train", study=study, run=run, seeds=seeds)


def of_all_runs(pattern, study):
    """(run, seeds, path) of every run and block; with `partial`, of those that exist."""
    blocks = [(run, seeds) for run in STUDIES[study].runs for seeds in STUDIES[study].seed_blocks]
    rows = [(run, seeds, of_run(pattern, study, run, seeds)) for run, seeds in blocks]
    return [row for row in rows if not CONFIG.partial or Path(row[2]).exists()]


def megabytes(dataset):
    """Pixels of a dataset in memory."""
    simulation = SIMULATIONS[DATASETS[dataset].simulation]
    return simulation.lenses * len(simulation.bands) * simulation.pixels**2 * 4 / 1e6


def report_what_exists():
    """After a failure: write the report from the runs that are there, naming those that are not."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(dict(config) | {"partial": True}, file)
        file.flush()
        command = [sys.executable, "-m", "snakemake", "--snakefile", workflow.main_snakefile, "--configfile", file.name]
        command += ["--cores", "1", "--nolock", "--quiet", "all", "--", "write_report"]
        done = subprocess.run(command).returncode == 0
    sys.stderr.write(f"\nReport of the runs that exist: {PATHS.report}\n" if done else "\nNo report could be written.\n")


onerror:
    if not CONFIG.partial:
        report_what_exists()

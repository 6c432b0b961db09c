# Reads and checks the configuration once, constrains the wildcards, and says what stages have in common.
import os
import sys
from functools import cache, partial
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

# Rules, scripts and library are always of one checkout, whatever is installed.
LIBRARY = str(Path(workflow.basedir) / "workflow/src")
sys.path.insert(0, LIBRARY)
os.environ.update({name: os.pathsep.join(filter(None, [LIBRARY, os.environ.get(name)])) for name in ["PYTHONPATH"]})
# glibc would give the memory of each batch back and have it zeroed anew for the next: up to a quarter of a small network's time on a CPU
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(2**30))
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(2**25))

from sim2sky.config import Recipe, Split, merge, nested
from sim2sky.config.load import ConfigError, load
from sim2sky.fingerprint import digest, fingerprint
from sim2sky.paths import WEIGHTS, Paths
from sim2sky.report.comparisons import shown_statistics

min_version("9.0")

try:
    CONFIG, STUDIES, SURVEYS = load(config, Path(workflow.basedir))
    # the studies as their files have them: the report says how much smaller this run is
    FULL_STUDIES = load(config | {"overrides": {}}, Path(workflow.basedir))[1] if CONFIG.overrides else STUDIES
except ConfigError as error:
    raise WorkflowError(f"The configuration is wrong; nothing was started.\n{error}") from None

config["results"] = CONFIG.results  # for scripts
TRAINED_STUDIES = [name for name, study in STUDIES.items() if study.runs]
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
    network=r"\w+",


def code(rule, **used):
    """Fingerprint of a rule's script and the library behind it; of what is registered, that which is `used`."""
    return fingerprint(str(SCRIPTS / f"{rule}.py"), **{package: frozenset(names) for package, names in used.items()})


def log_of(rule, pattern):
    return f"{PATHS.logs}/{rule}/{pattern}.log"


def benchmark_of(rule, pattern):
    return f"{PATHS.benchmarks}/{rule}/{pattern}.tsv"


@cache  # Snakemake asks for every job
def shards_of(dataset):
    """Observed shards of a dataset, in the order of the lenses."""
    return expand(PATHS.observed, dataset=dataset, shard=SIMULATIONS[DATASETS[dataset].simulation].shards)


def domain_of(dataset):
    """A dataset as the training and evaluation stages take it."""
    simulation = SIMULATIONS[DATASETS[dataset].simulation]
    return {"name": dataset, "shards": shards_of(dataset), "bounds": DATASETS[dataset].split.bounds(simulation.lenses)}


def surveys_of(study):
    """Surveys of a study's datasets, with the bands in use."""
    bands = {}
    for dataset in [dataset for dataset in STUDIES[study].datasets.values() if dataset.survey]:
        bands.setdefault(dataset.survey, set()).update(SIMULATIONS[dataset.simulation].bands)
    return {name: survey_with(name, used) for name, used in sorted(bands.items())}


def run_of(wildcards):
    return STUDIES[wildcards.study].runs[wildcards.run]


@cache
def recipe_of(study, run):
    return STUDIES[study].recipe_of(run)


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

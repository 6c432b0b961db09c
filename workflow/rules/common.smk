# Reads and checks the configuration once, constrains the wildcards, and says what stages have in common.
#
# The file of each stage has its rules and the functions that only they use. There each rule has its name inside,
# because `snakemake --lint` objects to functions in a file whose rules are named in the `rule` line.
import gc
import json
import os
import sys
from functools import cache, partial
from math import ceil
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

# A DAG is a million objects, nearly all of which live to the end: looking for garbage among them takes a tenth of a dry-run. A run, which is
# longer, looks for it again from its first job on (hooks.smk).
gc.disable()
# Rules, scripts and library are always of one checkout, whatever is installed.
LIBRARY = str(Path(workflow.basedir) / "workflow/src")
sys.path.insert(0, LIBRARY)
os.environ.update({name: os.pathsep.join(filter(None, [LIBRARY, os.environ.get(name)])) for name in ["PYTHONPATH"]})
# glibc would give the memory of each batch back and have it zeroed anew for the next: up to a quarter of a small network's time on a CPU
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(2**30))
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(2**25))

from sim2sky import costs
from sim2sky.config import Recipe, Split, merge, nested
from sim2sky.config.leaks import cutouts_twice
from sim2sky.config.load import ConfigError, load, merged, read_layers
from sim2sky.config.unlabelled import frame_of
from sim2sky.fingerprint import digest, fingerprint
from sim2sky.paths import WEIGHTS, Paths, of_run
from sim2sky.provenance.checksums import joined, key_of_images
from sim2sky.provenance.listing import checksums, listed
from sim2sky.provenance.remembered import remembered
from sim2sky.report.comparisons import shown_statistics

min_version("9.16.3")
SCRIPTS = Path(workflow.basedir) / "workflow/scripts"


def code(rule, **used):
    """Fingerprint of a rule's script and the library behind it; of what is registered, that which is `used`."""
    return fingerprint(str(SCRIPTS / f"{rule}.py"), **{package: frozenset(names) for package, names in used.items()})


@cache
def listing_of(path):
    """The real images at a path; they are listed only if they are new."""

    def list_images(path):
        from sim2sky.observe.ingest import list_images  # takes longer than a dry-run should

        return list_images(path)

    return listed(path, digest(code("ingest")), list_images)


def count_images(path):
    return listing_of(path).total


def config_files():
    """Config files in the order in which they count; Snakemake keeps those of its command line before that of the Snakefile."""
    given = workflow.config_settings
    named = workflow.configfiles[len(given.configfiles) :]
    return [*([] if given.replace_workflow_config and given.overwrite_config else named), *given.configfiles]


try:
    LAYERS = read_layers(config_files(), workflow.config_settings.config, Path(workflow.basedir))
    CONFIG, STUDIES, SURVEYS = load(merged(LAYERS), Path(workflow.basedir), LAYERS, count_images)
    # the studies as their files have them: the report says how much smaller this run is
    as_filed = merged(LAYERS) | {"overrides": {}}
    FULL_STUDIES = load(as_filed, Path(workflow.basedir), count=count_images)[1] if CONFIG.overrides else STUDIES
except ConfigError as error:
    raise WorkflowError(f"The configuration is wrong; nothing was started.\n{error}") from None

config["results"] = CONFIG.results  # for scripts
TRAINED_STUDIES = [name for name, study in STUDIES.items() if study.runs]
PATHS = Paths(CONFIG.results)
SIMULATIONS = {name: item for study in STUDIES.values() for name, item in study.simulations.items()}
DATASETS = {name: item for study in STUDIES.values() for name, item in study.datasets.items()}
# each dataset with its simulation; of real images, what they are like, with as many lenses as there are images
OBSERVED = {name: study.observed(name) for study in STUDIES.values() for name in study.datasets}
REAL = [name for name, dataset in DATASETS.items() if dataset.images]
NETWORKS = costs.read_networks(Path(workflow.basedir) / "resources/networks.csv")


wildcard_constraints:
    study="|".join(STUDIES),
    simulation="|".join(SIMULATIONS),
    dataset="|".join(DATASETS),
    shard=r"\d{7}-\d{7}",
    seeds=r"\d+-\d+",
    run=r"[\w-]+",
    figure=r"[\w-]+",
    network=r"\w+",


def log_of(rule, pattern):
    return f"{PATHS.logs}/{rule}/{pattern}.log"


def benchmark_of(rule, pattern):
    return f"{PATHS.benchmarks}/{rule}/{pattern}.tsv"


def check_sky():
    """What is known of the cutouts beneath each dataset; they are read only if they, or what is asked of them, are new."""
    found, problems = {}, []
    for name, dataset in [item for item in DATASETS.items() if item[1].background]:
        path, simulation = CONFIG.cutouts[dataset.background.cutouts], SIMULATIONS[dataset.simulation]
        used = (dataset.side(simulation.pixels), simulation.bands[0])

        def read():
            from sim2sky.observe.background import check_cutouts  # takes longer than a dry-run should

            return check_cutouts(dataset, path, *used)

        asked = [dataset.model_copy(update={"title": ""}).params(), used, digest(code("inject_noise"))]
        try:
            found[name] = remembered(".snakemake/sim2sky/cutouts.json", path, json.dumps(asked), read)
        except ValueError as error:
            problems.append(f"datasets.{name}.background: {error}")
    for study in STUDIES.values():
        sky = {name: (about["sha256"], about["hdu"]) for name, about in found.items() if name in study.datasets}
        problems += cutouts_twice((DATASETS[name].background.cutouts, image) for name, image in sky.items())
    if problems:
        text = "\n".join(dict.fromkeys(problems))
        raise WorkflowError(f"The survey cutouts do not fit the configuration; nothing was started.\n{text}")
    return found


SKY = check_sky()


@cache
def sums_of_images(dataset):
    """Checksums of real images by the shard that they are in."""
    path, simulation = CONFIG.images[DATASETS[dataset].images.folder], OBSERVED[dataset][1]
    return checksums(path, listing_of(path), simulation.shards, simulation.bands)


def sums_of_cutouts(datasets):
    """Checksums of what is not simulated: of the cutouts beneath datasets by their key in the configuration, and of real images."""
    cutouts = {DATASETS[name].background.cutouts: SKY[name]["sha256"] for name in datasets if name in SKY}
    return cutouts | {key_of_images(name): joined(sums_of_images(name).values()) for name in datasets if name in REAL}


@cache  # Snakemake asks for every job
def shards_of(dataset):
    """Observed shards of a dataset, in the order of the lenses."""
    return expand(PATHS.observed, dataset=dataset, shard=OBSERVED[dataset][1].shards)


@cache
def domain_of(dataset, parts=("train", "validation", "test")):
    """A dataset as the training and evaluation stages take it: the shards from the first lens of `parts` to the last, and bounds within them."""
    _, simulation = OBSERVED[dataset]
    bounds = {part: ends for part, ends in DATASETS[dataset].split.bounds(simulation.lenses).items() if part in parts}
    first = min(start for start, _ in bounds.values()) // simulation.shard_size
    last = (max(stop for _, stop in bounds.values()) - 1) // simulation.shard_size
    skipped = first * simulation.shard_size
    return {
        "name": dataset,
        "shards": shards_of(dataset)[first : last + 1],
        "bounds": {part: (start - skipped, stop - skipped) for part, (start, stop) in bounds.items()},
    } | ({"labelled": False} if dataset in REAL else {})


def simulation_of(wildcards):
    return SIMULATIONS[wildcards.get("simulation") or DATASETS[wildcards.dataset].simulation]


def survey_with(name, bands):
    survey = SURVEYS[name].params()
    return survey | {"bands": {band: conditions for band, conditions in survey["bands"].items() if band in bands}}


def surveys_of(study):
    """Surveys of a study's datasets, with the bands in use."""
    bands = {}
    for dataset in [dataset for dataset in STUDIES[study].datasets.values() if dataset.survey]:
        bands.setdefault(dataset.survey, set()).update(SIMULATIONS[dataset.simulation].bands)
    return {name: survey_with(name, used) for name, used in sorted(bands.items())}


# ---- runs


def run_of(wildcards):
    return STUDIES[wildcards.study].runs[wildcards.run]


@cache
def recipe_of(study, run):
    return STUDIES[study].recipe_of(run)


@cache
def recipe_params(study, run):
    return recipe_of(study, run).params()


def of_block(pattern, wildcards, run=None):
    """`pattern` filled in for a job's block of seeds, of its own run or of another."""
    return of_run(pattern, wildcards.study, STUDIES[wildcards.study], run or wildcards.run, wildcards.seeds)


def of_all_runs(pattern, study):
    """(run, seeds, path) of every run and block; with `partial`, of those that exist."""
    blocks = [(run, seeds) for run in STUDIES[study].runs for seeds in STUDIES[study].seed_blocks]
    rows = [(run, seeds, of_run(pattern, study, STUDIES[study], run, seeds)) for run, seeds in blocks]
    return [row for row in rows if not CONFIG.partial or Path(row[2]).exists()]


# ---- resources


def length(block):
    """How many lenses or seeds there are in ``first-last``."""
    first, last = map(int, block.split("-"))
    return last - first + 1


@cache
def observed(dataset):
    return costs.Observed(*OBSERVED[dataset])


def network_of(wildcards, unknown="lens_cnn"):
    return costs.network_of(NETWORKS, recipe_of(wildcards.study, wildcards.run).network, unknown)


def shard_memory(wildcards, attempt):
    return costs.memory(costs.simulation_megabytes(simulation_of(wildcards), length(wildcards.shard)), attempt)


def shard_runtime(wildcards, attempt):
    return costs.time_limit(costs.simulation_seconds(simulation_of(wildcards), length(wildcards.shard)), attempt)


def simulated_disk(wildcards):
    return costs.simulation_disk(simulation_of(wildcards), length(wildcards.shard))


def table_memory(wildcards, attempt):
    return costs.memory(costs.TABLES, attempt)


def table_runtime(wildcards, attempt):
    return costs.time_limit(costs.TABLE_SECONDS, attempt)


def figure_memory(wildcards, attempt):
    return costs.memory(costs.FIGURES, attempt)


def figure_runtime(wildcards, attempt):
    return costs.time_limit(costs.FIGURE_SECONDS, attempt)

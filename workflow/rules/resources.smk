# Memory (MB), time limit (minutes) and files left behind (MB) of every rule, as functions of the size of the data and of the attempt.
#
# They come from the benchmark files of the full-size study in docs/results/einstein_radius (50,000 lenses of 40 x 40 pixels; two cores, busy):
#
#   rule               largest job                                            s    max_rss
#   simulate_shard     2,500 lenses                                         4.3     634 MB
#   inject_noise       2,500 lenses                                         3.6     786 MB
#   train_source_only  35,000 images x 30 epochs                            228    1516 MB
#   adapt              2 x 35,000 images x 30 epochs                        406    1565 MB
#   cross_validate     8,000 images x 15 trainings x 8 epochs               193    1080 MB
#   predict            10,000 images x 3 domains x 1 network                 21    1446 MB
#   evaluate_run       the same predictions                                 3.8     837 MB
#
# Networks are known by their floating-point operations per pixel and the tensors of their weights (resources/networks.csv). On one core,
# training at 64 to 80 pixels in batches of 32, they reached 23 to 130 billion a second, three times the forward ones counted: EfficientNet-B0
# 23, AlexNet 25, the network of the table above 25, MNASNet 1.0 30, VGG-11 55, SqueezeNet 56, DenseNet-121 61, ResNet-18 71, Inception 130.
#
# On an H100 sim2sky.tools.plan.step_seconds is what was measured, with batch statistics frozen in the large networks. Of the host's memory a training on 115,000
# images in 8-bit counts of 400 x 400 pixels (17,548 MiB) took 18,640 MiB, a prediction of 10,000 (1,526 MiB) 2,592 MiB: libraries took 1,100 of them.
#
# Images in 8-bit counts, of 500 roulettes of 1000 x 1000 pixels kept as 400 x 400, took 7.3 s, 731 MB and, of 125,000, 0.085 bytes on disk per pixel.
#
# sim2sky.tools.plan.time_limit makes a limit of what was measured. Memory is that of the libraries (a GPU takes more of the host's) and of the
# images, as often as they were found in memory at once. Figures and tables were measured at demo size alone, and are given plenty.

import csv
from math import ceil, prod

from sim2sky.tools.plan import step_seconds, time_limit

COMPUTING_SPEED = 25e9  # operations a second of one core
IMAGING_SPEED = 600 * 40**2  # pixels a second
COUNTING_SPEED = 60 * 1000**2  # of images in 8-bit counts: of the whole image, most of which is dark and not computed
PREDICTION_SPEED, PREDICTION_THREADS = 1500 * 40**2, 4
LIBRARIES, LIBRARIES_GPU = 1000, 2000
SIMULATED, OBSERVED, COUNTED = 6.4, 3.7, 0.1  # bytes on disk per pixel
PREDICTED = 60  # bytes on disk per lens, domain and seed
LATENTS = 3  # megabytes on disk per domain


with open(Path(workflow.basedir) / "resources/networks.csv") as table:
    NETWORKS = {row["network"]: {key: int(row[key]) for key in ("parameters", "tensors", "operations_per_pixel")} for row in csv.DictReader(table)}


def pixels_of(simulation, lenses):
    return lenses * len(simulation.bands) * simulation.pixels**2


def observed_pixels(dataset, lenses):
    """Those of a dataset, which may have kept the middle of its simulation alone."""
    simulation = SIMULATIONS[DATASETS[dataset].simulation]
    return lenses * len(simulation.bands) * DATASETS[dataset].side(simulation.pixels) ** 2


def megabytes(pixels):
    return pixels * 4 / 1e6


def memory(libraries, megabytes, attempt):
    return ceil((libraries + megabytes) * attempt)


def processes_of(wildcards):
    """Processes of a training, each of which has a GPU where there are GPUs."""
    return recipe_of(wildcards.study, wildcards.run).processes


def devices_of(wildcards):
    """Those on each node."""
    return recipe_of(wildcards.study, wildcards.run).devices


def nodes_of(wildcards):
    """Nodes of a training; None, which asks for nothing, if one is enough."""
    nodes = recipe_of(wildcards.study, wildcards.run).nodes
    return nodes if nodes > 1 else None


def launcher_of(wildcards):
    """With several nodes the job starts its own processes, as it would with MPI, instead of being one process of SLURM's."""
    return "srun" if nodes_of(wildcards) else None


def no_tasks_per_gpu(wildcards):
    """With several nodes it is one task per node, whose processes share the node's GPUs."""
    return 0 if nodes_of(wildcards) else None


def seeds_in(wildcards):
    first, last = map(int, wildcards.seeds.split("-"))
    return last - first + 1


# ---- simulate, observe


def simulation_of(wildcards):
    return SIMULATIONS[wildcards.get("simulation") or DATASETS[wildcards.dataset].simulation]


def in_counts(wildcards):
    """Whether images are simulated in 8-bit counts."""
    return simulation_of(wildcards).engine == "cosmosim"


def shard_lenses(wildcards):
    first, last = map(int, wildcards.shard.split("-"))
    return last - first + 1


def shard_pixels(wildcards):
    return pixels_of(simulation_of(wildcards), shard_lenses(wildcards))


def shard_memory(wildcards, attempt):
    return memory(LIBRARIES, (1 if in_counts(wildcards) else 12) * megabytes(shard_pixels(wildcards)), attempt)


def shard_runtime(wildcards, attempt):
    if in_counts(wildcards):
        return time_limit(shard_lenses(wildcards) * simulation_of(wildcards).image_pixels ** 2 / COUNTING_SPEED, attempt)
    return time_limit(shard_pixels(wildcards) / IMAGING_SPEED, attempt)


def simulated_disk(wildcards):
    return ceil(shard_pixels(wildcards) * (COUNTED if in_counts(wildcards) else SIMULATED) / 1e6)


def noisy_memory(wildcards, attempt):
    pixels = observed_pixels(wildcards.dataset, shard_lenses(wildcards))
    return memory(LIBRARIES, (12 if DATASETS[wildcards.dataset].survey else 1) * megabytes(pixels), attempt)


def noisy_runtime(wildcards, attempt):
    return time_limit(observed_pixels(wildcards.dataset, shard_lenses(wildcards)) / IMAGING_SPEED, attempt)


def observed_disk(wildcards):
    pixels = observed_pixels(wildcards.dataset, shard_lenses(wildcards))
    return ceil(pixels * (OBSERVED if DATASETS[wildcards.dataset].survey else COUNTED) / 1e6)


# ---- train, adapt


def size_of(recipe, unknown="lens_cnn"):
    """Numbers of a network; one of your own, until `make docs` has counted it, has those of the one named `unknown`."""
    return NETWORKS.get(recipe.network, NETWORKS[unknown])


def network_megabytes(wildcards):
    """Four bytes per parameter."""
    return size_of(recipe_of(wildcards.study, wildcards.run))["parameters"] * 4 / 1e6


def computing_seconds(recipe, pixels):
    """Of one core, to take images of so many pixels in all through a recipe's network, forwards."""
    return pixels * size_of(recipe)["operations_per_pixel"] / COMPUTING_SPEED


def part_lenses(dataset, *parts):
    bounds = DATASETS[dataset].split.bounds(SIMULATIONS[DATASETS[dataset].simulation].lenses)
    return sum(bounds[part][1] - bounds[part][0] for part in parts)


def part_pixels(dataset, *parts):
    return observed_pixels(dataset, part_lenses(dataset, *parts))


def part_megabytes(dataset, *parts):
    """Images in memory as they are stored."""
    return megabytes(part_pixels(dataset, *parts)) * (1 if DATASETS[dataset].survey else 1 / 4)


def training_memory(wildcards, attempt):
    run = run_of(wildcards)
    domains = {run.source, run.second_domain} - {None}
    images = sum(part_megabytes(name, "train", "validation") for name in domains)
    recipe = recipe_of(wildcards.study, wildcards.run)
    # finished networks, twice while they are written; of one in training weights, gradient, and two moments
    networks = 2 * seeds_in(wildcards) + 4 * (seeds_in(wildcards) if recipe.seeds_together else 1)
    return memory(LIBRARIES_GPU, 2 * min(images, recipe.memory_limit_gb * 1000) + networks * network_megabytes(wildcards), attempt)


def epochs_seconds(recipe, dataset, images, **step):
    """Seconds of a training on a GPU with so many images; `step` are options of :func:`sim2sky.tools.plan.step_seconds`."""
    batch = observed_pixels(dataset, recipe.batch_size)
    return recipe.epochs * images / recipe.batch_size * step_seconds(size_of(recipe, "resnet152"), batch, **step)


def training_seconds(wildcards):
    run, recipe, seeds = run_of(wildcards), recipe_of(wildcards.study, wildcards.run), seeds_in(wildcards)
    together = seeds if recipe.seeds_together else 1
    images = part_lenses(run.source, "train") * (run.train_on.fraction if run.train_on else 1)
    step = {"domains": 2 if run.target else 1, "seeds": together, "processes": recipe.processes}
    return epochs_seconds(recipe, run.source, images, **step) * seeds / together


def training_minutes(wildcards):
    """Expected time, for sim2sky.tools.plan; a limit that is the longest does not tell it."""
    return ceil(training_seconds(wildcards) / 60)


def training_runtime(wildcards, attempt):
    return time_limit(training_seconds(wildcards), attempt)


def networks_disk(wildcards):
    return ceil(seeds_in(wildcards) * network_megabytes(wildcards))


def cross_validation_memory(wildcards, attempt):
    images = part_megabytes(STUDIES[wildcards.study].cross_validation.dataset, "train")
    return memory(LIBRARIES_GPU, 2 * images, attempt)


def cross_validation_seconds(wildcards):
    study = STUDIES[wildcards.study]
    cross = study.cross_validation
    trainings = prod(len(values) for values in cross.grid.values()) * (cross.folds - 1)
    return trainings * epochs_seconds(study.recipes[cross.recipe], cross.dataset, cross.lenses)


def cross_validation_minutes(wildcards):
    return ceil(cross_validation_seconds(wildcards) / 60)


def cross_validation_runtime(wildcards, attempt):
    return time_limit(cross_validation_seconds(wildcards), attempt)


# ---- evaluate, report


def prediction_memory(wildcards, attempt):
    limit = recipe_of(wildcards.study, wildcards.run).memory_limit_gb * 1000  # images beyond it are streamed
    images = max(min(limit, part_megabytes(name, "train", "validation", "test")) for name in run_of(wildcards).evaluate_on)
    networks = 3 * seeds_in(wildcards) * network_megabytes(wildcards)  # as read, as networks, and copies for AdaBN
    return memory(LIBRARIES, 2 * images + networks, attempt)


def prediction_runtime(wildcards, attempt):
    parts = ["test", *(["train"] if "adabn" in STUDIES[wildcards.study].statistics else [])]
    pixels = sum(part_pixels(name, *parts) for name in run_of(wildcards).evaluate_on) * seeds_in(wildcards)
    recipe = recipe_of(wildcards.study, wildcards.run)
    return time_limit(pixels / PREDICTION_SPEED + computing_seconds(recipe, pixels) / PREDICTION_THREADS, attempt)


def prediction_disk(wildcards):
    domains = run_of(wildcards).evaluate_on
    lenses = sum(SIMULATIONS[DATASETS[name].simulation].lenses * DATASETS[name].split.test for name in domains)
    return ceil(LATENTS * len(domains) + lenses * seeds_in(wildcards) * PREDICTED / 1e6)


def table_memory(wildcards, attempt):
    return memory(LIBRARIES, 1000, attempt)


def table_runtime(wildcards, attempt):
    return time_limit(30, attempt)


def figure_memory(wildcards, attempt):
    return memory(LIBRARIES, 3000, attempt)


def figure_runtime(wildcards, attempt):
    return time_limit(600, attempt)

"""Time, memory and disk of every rule, as plain arithmetic on configuration objects and numbers.

The rules ask Snakemake, and through it SLURM, for what these functions say; ``sim2sky.tools.plan`` adds it up. The constants come from the
benchmark files of the full-size study in ``docs/results/einstein_radius`` (50,000 lenses of 40 x 40 pixels; two busy cores):

================= ======================================== ===== =======
rule              largest job                                  s max_rss
================= ======================================== ===== =======
simulate_shard    2,500 lenses                               4.3  634 MB
inject_noise      2,500 lenses                               3.6  786 MB
train_source_only 35,000 images x 30 epochs                  228 1516 MB
adapt             2 x 35,000 images x 30 epochs              406 1565 MB
cross_validate    8,000 images x 15 trainings x 8 epochs     193 1080 MB
predict           10,000 images x 3 domains x 1 network       21 1446 MB
evaluate_run      the same predictions                       3.8  837 MB
================= ======================================== ===== =======

A network is described by its floating-point operations per pixel and by the number of its parameters and of the tensors that hold them
(``resources/networks.csv``). Training on one core, with 64 to 80 pixels a side and batches of 32, reached 23 to 130 billion operations a
second, if a training step counts as three forward passes: EfficientNet-B0 23, AlexNet 25, the network of the table above 25, MNASNet 1.0 30,
VGG-11 55, SqueezeNet 56, DenseNet-121 61, ResNet-18 71, Inception 130.

On an H100, :func:`step_seconds` follows measurements in which the batch statistics of the large networks were frozen. A training on 115,000
images in 8-bit counts of 400 x 400 pixels (17,548 MiB) took 18,640 MiB of the host's memory, a prediction of 10,000 (1,526 MiB) 2,592 MiB;
the libraries took 1,100 MiB of both.

Images of 500 roulettes in 8-bit counts, of 1000 x 1000 pixels kept as 400 x 400, took 7.3 s and 731 MB; 125,000 of them took 0.085 bytes per
pixel on disk.

Figures and tables were measured at demo size only, so they are given plenty.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from math import ceil, prod
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

if TYPE_CHECKING:
    from sim2sky.config import AnySimulation, CosmosimSimulation, CrossValidation, Dataset, Recipe

# Time limits, in minutes
START = 10  # of every job
MARGIN = 5  # times what was measured
# A longer training is cut and goes on from its checkpoint; a job with a limit beyond the partition's would never start
LONGEST = 5 * 24 * 60

# One core
COMPUTING_SPEED = 25e9  # operations of a network a second
IMAGING_SPEED = 600 * 40**2  # pixels a second, simulated or observed
# Pixels a second of images in 8-bit counts: of the whole image, most of which is dark and not computed
COUNTING_SPEED = 60 * 1000**2
# Pixels a second that a prediction reads beside what the network computes: with lens_cnn, 4,500 images of 40 x 40 pixels a second in all;
# 7,100 images of 400 x 400 pixels in 8-bit counts in docs/results/benchmarks/input_pipeline.csv
READING_SPEED, READING_SPEED_COUNTS = 7900 * 40**2, 5000 * 400**2

# An H100, by docs/results/benchmarks/gpu.csv, with which tests/unit/test_costs.py compares
GPU_SPEED = 20e12  # operations a second
STARTING = 0.22e-3  # seconds per tensor of weights, whose kernels are started one by one
BACKWARDS = 3  # operations of a training step over those of a forward pass

MEASURED, QUANTILES = 2000, 103  # images in memory at once, and quantiles of each parameter

LARGE = 2000  # operations per pixel, at which one core computes about as long as it reads; lens_cnn has 1,499, the smallest of torchvision 3,969

COMBINING = (
    2e-3  # seconds that one core takes for the samples of one network's flow for an image; other losses take less
)

# Memory (MB) of imported libraries; those of CUDA take more of the host's
LIBRARIES, LIBRARIES_GPU = 1000, 2000
COPIES = 12  # arrays of the size of the images that simulating and observing hold at once
TABLES, FIGURES = 1000, 3000  # MB

# Disk
SIMULATED, OBSERVED, COUNTED = 6.4, 3.7, 0.1  # bytes per pixel
PREDICTED = 60  # bytes per lens, domain and seed
LATENTS = 3  # MB per domain

TABLE_SECONDS, FIGURE_SECONDS = 30, 600


def time_limit(seconds: float, attempt: int) -> int:
    """Minutes that a job asks for if it took `seconds` where it was measured.

    The limit is `START` minutes and `MARGIN` times what was measured, for slower machines and file systems; it grows with each attempt,
    up to `LONGEST`.
    """
    return min(ceil((START + MARGIN * seconds / 60) * attempt), LONGEST)


def memory(megabytes: float, attempt: int, libraries: int = LIBRARIES) -> int:
    """Memory [MB] that a job asks for if its data take `megabytes`; it grows with each attempt."""
    return ceil((libraries + megabytes) * attempt)


def megabytes(pixels: float) -> float:
    """Memory [MB] of so many pixels in single precision."""
    return pixels * 4 / 1e6


# ---- simulate, observe


def in_counts(simulation: AnySimulation) -> TypeGuard[CosmosimSimulation]:
    """Whether the images of a simulation are in 8-bit counts, which are those of CosmoSim."""
    return simulation.engine == "cosmosim"


def simulated_pixels(simulation: AnySimulation, lenses: int) -> int:
    """Pixels of simulated images, in all bands."""
    return lenses * len(simulation.bands) * simulation.pixels**2


def simulation_megabytes(simulation: AnySimulation, lenses: int) -> float:
    """Memory [MB] of the images while a shard of so many lenses is simulated."""
    return (1 if in_counts(simulation) else COPIES) * megabytes(simulated_pixels(simulation, lenses))


def simulation_seconds(simulation: AnySimulation, lenses: int) -> float:
    """Seconds to simulate so many lenses."""
    if in_counts(simulation):
        return lenses * simulation.image_pixels**2 / COUNTING_SPEED
    return simulated_pixels(simulation, lenses) / IMAGING_SPEED


def simulation_disk(simulation: AnySimulation, lenses: int) -> int:
    """Size [MB] of a file of so many simulated lenses."""
    return ceil(simulated_pixels(simulation, lenses) * (COUNTED if in_counts(simulation) else SIMULATED) / 1e6)


class Observed(NamedTuple):
    """A dataset, and the simulation that it observes."""

    dataset: Dataset
    simulation: AnySimulation

    def pixels(self, lenses: float) -> float:
        """Pixels of so many images, in all bands; the dataset may have kept only the middle of each."""
        return lenses * len(self.simulation.bands) * self.dataset.side(self.simulation.pixels) ** 2

    def lenses(self, *parts: str) -> int:
        """Lenses in parts of the dataset: ``train``, ``validation``, ``test``."""
        bounds = self.dataset.split.bounds(self.simulation.lenses)
        return sum(bounds[part][1] - bounds[part][0] for part in parts)

    def megabytes(self, *parts: str) -> float:
        """Memory [MB] of the images of parts, kept as they are stored."""
        return megabytes(self.pixels(self.lenses(*parts))) * (1 if self.dataset.survey else 1 / 4)


def observation_megabytes(observed: Observed, lenses: int) -> float:
    """Memory [MB] of the images while a shard of so many lenses is observed."""
    return (COPIES if observed.dataset.survey else 1) * megabytes(observed.pixels(lenses))


def observation_seconds(observed: Observed, lenses: int) -> float:
    """Seconds to observe so many lenses."""
    return observed.pixels(lenses) / IMAGING_SPEED


def information_seconds(observed: Observed, lenses: int) -> float:
    """Seconds to bound the errors of so many lenses: each is rendered and blurred twice for every parameter of mass and light."""
    simulation = observed.simulation
    assert simulation.engine == "galaxy"
    rendered = 2 * len(simulation.parameters) * observed.pixels(lenses)
    return rendered * (simulation.supersampling**2 + 1) / IMAGING_SPEED


def observation_disk(observed: Observed, lenses: int) -> int:
    """Size [MB] of a file of so many observed lenses."""
    return ceil(observed.pixels(lenses) * (OBSERVED if observed.dataset.survey else COUNTED) / 1e6)


# ---- train, adapt


class Network(NamedTuple):
    """A row of ``resources/networks.csv``."""

    parameters: int
    tensors: int
    operations_per_pixel: int

    @property
    def megabytes(self) -> float:
        """Memory and disk [MB] of one set of weights, of four bytes each."""
        return self.parameters * 4 / 1e6


def read_networks(path: str | Path) -> dict[str, Network]:
    """Networks by name, from ``resources/networks.csv``."""
    with open(path, newline="") as file:
        return {
            row.pop("network"): Network(**{key: int(value) for key, value in row.items()})
            for row in csv.DictReader(file)
        }


def network_of(networks: Mapping[str, Network], name: str, unknown: str = "lens_cnn") -> Network:
    """The numbers of a network; those of the network named `unknown` until ``make docs`` has counted a new one."""
    return networks.get(name, networks[unknown])


def step_seconds(network: Network, pixels: float, domains: int = 1, seeds: int = 1, processes: int = 1) -> float:
    """Seconds of a training step on a GPU: those of its operations, or those of starting its kernels, whichever are more.

    Parameters
    ----------
    network : Network
        What is trained.
    pixels : float
        Pixels in a batch of images of one domain.
    domains : int
        Two with adaptation.
    seeds : int
        Networks trained as one batched model.
    processes : int
        Processes that share the batch.
    """
    operations = BACKWARDS * network.operations_per_pixel * pixels * domains * seeds / processes
    batched = 2.3 * (1 + seeds / 100) if seeds > 1 else 1  # as ten and a hundred seeds were measured
    return max(operations / GPU_SPEED, batched * network.tensors * domains * STARTING)


def training_megabytes(recipe: Recipe, network: Network, images: float, seeds: int) -> float:
    """Memory [MB] of a training job: images, which take `images` MB, and networks of so many seeds."""
    # Finished networks are there twice while they are written; one in training has weights, a gradient and two moments.
    networks = 2 * seeds + 4 * (seeds if recipe.seeds_together else 1)
    return 2 * min(images, recipe.memory_limit_gb * 1000) + networks * network.megabytes


def training_seconds(
    recipe: Recipe, network: Network, source: Observed, images: float, domains: int, seeds: int
) -> float:
    """Seconds of a training job on a GPU.

    Parameters
    ----------
    recipe : Recipe
        How each network is trained.
    network : Network
        What is trained.
    source : Observed
        Where the images come from.
    images : float
        Images per epoch.
    domains : int
        Two with adaptation.
    seeds : int
        Networks of the job.
    """
    together = seeds if recipe.seeds_together else 1
    step = step_seconds(network, source.pixels(recipe.batch_size), domains, together, recipe.processes)
    return recipe.epochs * images / recipe.batch_size * step * seeds / together


def cross_validation_seconds(cross: CrossValidation, recipe: Recipe, network: Network, source: Observed) -> float:
    """Seconds of all trainings of a cross-validation on a GPU."""
    epochs = recipe.epochs * cross.lenses / recipe.batch_size
    trainings = prod(len(values) for values in cross.grid.values()) * (cross.folds - 1)
    return trainings * epochs * step_seconds(network, source.pixels(recipe.batch_size))


def networks_disk(network: Network, seeds: int) -> int:
    """Size [MB] of a file of trained networks."""
    return ceil(seeds * network.megabytes)


# ---- evaluate


def prediction_megabytes(recipe: Recipe, network: Network, images: float, seeds: int) -> float:
    """Memory [MB] of a prediction job, of which the images of the largest domain take `images` MB."""
    # Networks are there as read, as modules, and as copies for AdaBN; images beyond the limit are streamed.
    return 2 * min(images, recipe.memory_limit_gb * 1000) + 3 * seeds * network.megabytes


def predicts_on_gpu(network: Network) -> bool:
    """Whether a network is so large that its predictions ask for a GPU; on one core they take longer than reading the images."""
    return network.operations_per_pixel > LARGE


def prediction_seconds(network: Network, observed: Observed, read: int, passed: int, batch: int) -> float:
    """Seconds of a prediction, on the GPU that it asks for or on one core.

    A forward pass on a GPU is taken as a third of a training step.

    Parameters
    ----------
    network : Network
        What predicts.
    observed : Observed
        The dataset.
    read, passed : int
        Images that are read, and those that pass a network, each as often as it does.
    batch : int
        Images per batch.
    """
    reading = observed.pixels(read) / (READING_SPEED if observed.dataset.survey else READING_SPEED_COUNTS)
    if predicts_on_gpu(network):
        return reading + passed / batch * step_seconds(network, observed.pixels(batch)) / BACKWARDS
    return reading + observed.pixels(passed) * network.operations_per_pixel / COMPUTING_SPEED


def measuring_seconds(network: Network, observed: Observed, read: int, passed: int) -> float:
    """Seconds of measuring, or of a calibration, on one core; arguments as for `prediction_seconds`."""
    reading = observed.pixels(read) / (READING_SPEED if observed.dataset.survey else READING_SPEED_COUNTS)
    computing = observed.pixels(passed) * network.operations_per_pixel / COMPUTING_SPEED
    return reading + computing + passed * COMBINING


def prediction_disk(lenses: float, domains: int, seeds: int) -> int:
    """Size [MB] of predictions and latent features of so many lenses, the sum over the domains."""
    return ceil(LATENTS * domains + lenses * seeds * PREDICTED / 1e6)


def quantiles_megabytes(lenses: float, parameters: int) -> float:
    """Memory [MB] of the quantiles of so many lenses, before and after calibration, and their copies for the file."""
    return 4 * lenses * parameters * QUANTILES * 8 / 1e6

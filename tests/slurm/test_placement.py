"""The demo through `snakemake --profile slurm`, and where SLURM says that its jobs ran."""

import shlex
from collections import Counter

import pandas as pd
import pytest

from tests import pages
from tests.slurm.conftest import ADAPTED, SlurmProject
from tests.workflow.conftest import planned

pytestmark = pytest.mark.slow
ON_GPU = {"train_source_only", "adapt", "cross_validate", "predict_on_gpu"}
# On top of config/demo.yaml: one shard, one epoch, one run of each kind, and the rules that other studies have. A job costs seconds here whatever it does.
SMALLER = """
studies: [einstein_radius, architectures, degeneracy]
overrides:
  einstein_radius:
    seeds: 1
    only_runs: [tuned-none, tuned-mmd]
    simulations: {galaxy_lenses: {lenses: 200, shard_size: 200}}
    datasets: {noise_free: {centre_crop: {pixels: 40}}, des: {centre_crop: {pixels: 40}}}
    recipes: {tuned: {epochs: 1}}
    cross_validation: {recipe: tuned, dataset: noise_free, lenses: 100, folds: 2, grid: {optimiser.lr: [6.0e-5, 3.0e-4]}}
  architectures:
    only_runs: [alexnet-imagenet]
    simulations: {cosmosim_sis: {lenses: 100, shard_size: 100, downscale: 80}}
    recipes: {thesis: {epochs: 1}}
    runs: {alexnet-imagenet: {change: {network_options: {weights: none}}}}
    reconstruction: {run: alexnet-imagenet, images: 2}
  degeneracy: {degeneracy: {pixels: 100, images_per_range: 4}}
"""


def test_the_demo_and_the_rules_it_leaves_out(cluster, tmp_path):
    """By SLURM's own records, rules that train, or predict with a large network, run on a GPU and all others do not."""
    project = SlurmProject(tmp_path / "project", cluster)
    (project.folder / "config/smaller.yaml").write_text(SMALLER)
    arguments = ("--configfile", "config/demo.yaml", "config/smaller.yaml")
    expected = planned(project.snakemake("--dry-run", "--quiet", "rules", *arguments))
    with project.background(*arguments) as process:
        assert process.wait(3600) == 0, project.log
    jobs = [(job["Comment"].removeprefix("rule_").split("_wildcards")[0], job) for job in project.jobs()]
    assert Counter(rule for rule, _ in jobs) == expected
    assert expected.keys() > {"centre_crop", "cross_validate", "compare_degenerate", "reconstruct", "write_report"}
    assert expected.keys() > {"predict", "predict_on_gpu"}
    for rule, job in jobs:
        where = (job["Partition"], job["NodeList"][:3], job["Features"], job.get("TresPerJob"))
        gpu, cpu = ("GPUQ", "gpu", "A100", "gres:gpu:a100:1"), ("CPUQ", "cpu", "(null)", None)
        assert where == (gpu if rule in ON_GPU else cpu), rule
        assert (job["JobState"], job["Account"]) == ("COMPLETED", "ie-idi")
    report = (project.folder / "results/report/report.html").read_text().split("</style>")[1]
    assert "Twelve architectures" in report and "missing" not in report.lower()


@pytest.mark.parametrize("command", [name for name, path in pages.ELSEWHERE.items() if path.startswith("tests/slurm")])
def test_command_that_the_pages_print(cluster, command):
    assert cluster.run(*shlex.split(command))


def test_one_training_on_two_nodes(new_project, undisturbed):
    """Torch's launcher on each node; the whole batch is seen by both, so losses are those of one process."""
    project = new_project("nodes")
    project.edit("config/studies/einstein_radius.yaml", "network: lens_cnn", "network: lens_cnn\n    nodes: 2")
    model = "    gpu_model: a100 "
    project.edit("profiles/slurm/config.yaml", model, f"    slurm_extra: \"'--gpus-per-node=a100:1'\"\n{model}")
    with project.background(ADAPTED) as process:
        assert process.wait(1800) == 0, project.log
    (job,) = project.jobs("adapt")
    assert job["TresPerNode"] == "gres:gpu:a100:1"
    assert (job["JobState"], job["NumNodes"], job["NumTasks"]) == ("COMPLETED", "2", "2")
    assert (job["Partition"], job["TresPerJob"]) == ("GPUQ", "gres:gpu:a100:2")
    log = (project.folder / "results/logs/adapt/einstein_radius/tuned-mmd/0-0.log").read_text()
    assert log.count("epoch 2/2") == 1
    one, two = (
        pd.read_csv(p.folder / "results/adapt/einstein_radius/tuned-mmd/0-0/history.csv")
        for p in (undisturbed, project)
    )
    assert two.source_loss.tolist() == pytest.approx(one.source_loss.tolist(), rel=0.05)

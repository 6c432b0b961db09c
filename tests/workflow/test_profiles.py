"""Profiles and rules agree: Snakemake ignores unknown rules in a profile, and lets profiles/default override any other, without a word."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

from sim2sky.tools.plan import stage_of
from tests.workflow.conftest import ROOT

NEED_GPU = {"train_source_only", "adapt", "cross_validate", "predict_on_gpu"}
GPU = {"slurm_partition": "GPUQ", "constraint": "A100", "gpu_model": "a100"}


def profile(name):
    return yaml.safe_load((ROOT / name / "config.yaml").read_text())


def test_plan_knows_the_stage_of_every_rule():
    found = set()
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        text = path.read_text()
        names = {
            *re.findall(r'^ *name:\s+f?"(\w+)', text, flags=re.M),
            *re.findall(r'"(predict\w*)": (?:True|False)', text),
        }
        for name in names - {"fetch_weights"}:  # it asks for nothing, so the plan leaves it out
            assert stage_of(name) == path.stem
        found |= names
    assert found >= NEED_GPU | {"predict", "draw_figures_", "write_report"} and len(found) >= 13


def rules():
    """Rule -> script, of all rule files; of rules that a loop makes, how their names begin."""
    found = {}
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        for block in re.split(r"^ *rule:$", path.read_text(), flags=re.M)[1:]:
            name = re.search(r'^ *name:\s+(?:f?"(\w+)|rule_name)', block, flags=re.M)[1]
            found[name or "predict"] = re.search(r'"\.\./scripts/(\w+)\.py"', block)[1]
    return found


def test_rules_that_train_or_predict_with_large_networks_and_only_those_go_to_the_gpu():
    trains = {rule for rule, script in rules().items() if script in ("train", "cross_validate")}
    assert trains | {"predict_on_gpu"} == NEED_GPU
    assert profile("slurm")["set-resources"] == dict.fromkeys(NEED_GPU, GPU)
    assert profile("slurm")["default-resources"]["slurm_partition"] == "CPUQ"


def test_jobs_run_in_the_container_that_the_configuration_names(project, tmp_path_factory):
    """Apptainer is stood in for by a script that runs what it is given outside of any container."""
    folder = tmp_path_factory.mktemp("apptainer")
    (folder / "image.sif").touch()
    stand_in = f"""#!/bin/bash
echo "$@" >> {folder}/calls
[ "$1" = exec ] || exec echo apptainer version 1.3.0
PATH={Path(sys.executable).parent}:$PATH exec bash -c "${{@: -1}}"
"""
    (folder / "apptainer").write_text(stand_in)
    (folder / "apptainer").chmod(0o755)
    project.edit("config/config.yaml", "container: null", f"container: {folder}/image.sif")
    shard = "results/simulate/galaxy_lenses/0000000-0000199.zarr.zip"
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", "config/tiny.yaml"]
    result = subprocess.run(
        [*command, "--software-deployment-method", "apptainer", "--", shard],
        cwd=project.folder,
        env=project.environment | {"PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert (project.folder / shard).is_file()
    (call,) = [line for line in (folder / "calls").read_text().splitlines() if line.startswith("exec")]
    assert f"{folder}/image.sif bash -c" in call and "simulate_shard.py" in call


def test_default_profile_overrides_nothing_of_slurm_that_matters():
    default, slurm = profile("profiles/default"), profile("slurm")
    assert {key for key in default if default[key] != slurm.get(key)} <= {"cores"}
    assert not {key for key in default if key.endswith("resources")}


def test_resources_of_both_profiles_together(project):
    code = "import json; from sim2sky.tools.plan import planned_jobs; print(json.dumps([[j.rule, j.resources] for j in planned_jobs()], default=str))"
    result = project.python("-c", code)
    assert result.returncode == 0, result.stdout + result.stderr
    jobs = json.loads(result.stdout)
    assert {rule for rule, _ in jobs} > {
        "simulate_shard",
        "inject_noise",
        "adapt",
        "predict",
        "predict_on_gpu",
        "write_report",
    }
    for rule, resources in jobs:
        gpu = {key: resources[key] for key in [*GPU, "gpu"] if key in resources}
        assert gpu == (GPU | {"gpu": 1} if rule in NEED_GPU else {"slurm_partition": "CPUQ"})
        assert resources["slurm_account"] == "ie-idi" and resources["mem_mb"] >= 1000 and resources["runtime"] >= 10


def test_plan_is_that_of_the_configuration(project):
    """The committed page: as many jobs, hours and gigabytes as the rules ask for."""
    result = project.python("-m", "sim2sky", "plan")
    assert result.stdout == (ROOT / "docs/results/plan.md").read_text(), "run `make docs`" + result.stderr

"""What can go wrong with a machine while a study runs: kills, full and read-only disks, a clock that goes back, a second Snakemake."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors import SafetensorError

from sim2sky import store
from sim2sky.config import Study
from sim2sky.evaluate.predict import write_predictions
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.network_file import write_networks
from sim2sky.paths import Paths
from sim2sky.report.figures.draw import draw_figures
from sim2sky.report.page.chapter import Chapter
from sim2sky.report.page.write import write_report
from sim2sky.train import checkpoint
from sim2sky.train.block import write_history
from tests.faults.campaign import Campaign
from tests.workflow.conftest import ROOT, TINY_RUN, Project

NOISE = np.random.default_rng(0).normal(size=(300, 1, 40, 40)).astype(np.float32)  # more than the disk holds
OUTPUTS = {
    "shard": lambda path: store.write_shard(path, {"image": store.Variable(NOISE, store.IMAGE_DIMS)}, {}),
    "networks": lambda path: write_networks(path, {0: {"a": torch.from_numpy(NOISE)}}, LabelEncoding(["theta_E"]), {}),
    "checkpoint": lambda path: checkpoint.save(path, {}, {"a": torch.from_numpy(NOISE)}),
    "table": lambda path: store.write_table(pd.DataFrame(NOISE.reshape(300, -1)), path),
}


@contextmanager
def small_disk(folder, size="200k"):
    """A file system of its own; needs root and the right to mount."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("no right to mount a small disk here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("kind", OUTPUTS)
def test_a_full_disk_leaves_what_was_there_and_nothing_half_written(tmp_path, kind):
    with small_disk(tmp_path / "disk") as disk:
        path = disk / "result"
        path.write_text("of before")
        with pytest.raises(
            (OSError, RuntimeError, SafetensorError), match="(?i)no space left|write failed|unexpected pos"
        ):
            OUTPUTS[kind](path)
        assert path.read_text() == "of before"
        assert os.listdir(disk) == ["result"]
        subprocess.run(["mount", "-o", "remount,size=50m", disk], check=True)
        OUTPUTS[kind](path)  # the same call, once there is room
        assert path.stat().st_size > 1e5


def test_predictions_figures_and_page_are_written_as_a_whole(tmp_path):
    """Those that libraries write, too."""
    study = Study.model_validate(yaml.safe_load((ROOT / "config/studies/degeneracy.yaml").read_text()))
    caption = ROOT / "workflow/report/degeneracy.rst"
    rows = [{"seed": seed, "epoch": epoch} for seed in range(100) for epoch in range(100)]
    with small_disk(tmp_path / "disk", "20k") as disk:
        paths = Paths(str(disk))
        figure = Path(paths.figure.format(study="toy", figure="degeneracy"))
        writers = {
            disk / "history.csv": lambda path: write_history(path, rows),
            disk / "predictions.parquet": lambda path: write_predictions(
                pd.DataFrame(NOISE.reshape(300, -1)).rename(columns=str), path
            ),
            figure: lambda path: draw_figures(study, {"degeneracy": {}}, {"degeneracy": path}),
            disk / "report.html": lambda path: write_report(path, {"toy": Chapter(study=study)}, [caption], {}),
        }
        for path, write in writers.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("of before")
            with pytest.raises(OSError, match="(?i)no space left"):
                write(path)
            assert path.read_text() == "of before"
        assert sorted(path for path in disk.rglob("*") if path.is_file()) == sorted(writers)


@pytest.mark.slow
def test_kills_at_random_moments_change_no_byte(tmp_path):
    rows = list(Campaign(tmp_path / "project").kills(int(os.environ.get("SIM2SKY_KILLS", "8"))))
    assert {row["of"] for row in rows} == {"snakemake", "job", "both"}


SHARD = "results/observe/des/0000000-0000199.zarr.zip"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "project").mkdir()
    return Project(tmp_path / "project")


@pytest.mark.slow
def test_a_read_only_results_folder_is_named_before_any_job(project):
    with small_disk(project.folder / "results") as disk:
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        result = project.snakemake("--configfile", "config/tiny.yaml")
    assert result.returncode == 1
    assert "results: this folder cannot be written to" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_a_second_snakemake_is_refused_and_the_first_goes_on(project):
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", "config/tiny.yaml", "--", SHARD]
    options = {"cwd": project.folder, "env": project.environment, "text": True, "stdout": -1, "stderr": -2}
    first = subprocess.Popen(command, **options)
    locks = project.folder / ".snakemake/locks"
    deadline = time.monotonic() + 60
    while not (locks.is_dir() and any(locks.iterdir())):
        assert time.monotonic() < deadline and first.poll() is None
        time.sleep(0.02)
    second = project.snakemake("--configfile", "config/tiny.yaml", "--", SHARD)
    assert second.returncode == 1 and "cannot be locked" in second.stderr
    output, _ = first.communicate(timeout=300)
    assert first.returncode == 0, output


@pytest.mark.slow
def test_a_clock_that_goes_back_costs_time_but_no_byte(finished, tmp_path):
    """A shard that was made "in the future" is newer than what was made of it: that is made again, the same, and only once."""
    project = finished.copy(tmp_path / "project")
    future = time.time() + 3600
    (shard,) = project.folder.glob("results/simulate/*/0000000-0000199.zarr.zip")
    observed = project.folder / SHARD
    before = observed.read_bytes()
    os.utime(shard, (future, future))
    written, left = (project.folder / f"results/observe/.{name}.1.partial" for name in ("written", "left"))
    for path, age in ((written, 60), (left, 2 * 86400)):
        path.touch()
        os.utime(path, (time.time() - age,) * 2)
    result = project.snakemake(*TINY_RUN, "--until", "inject_noise")
    assert result.returncode == 0, result.stderr
    assert written.exists() and not left.exists(), "another snakemake may be writing the one, none the other"
    assert "1 results were dated in the future" in result.stderr
    assert "Observing lenses 0000000-0000199 of des" in result.stderr and observed.read_bytes() == before
    again = project.snakemake(*TINY_RUN, "--until", "inject_noise")
    assert again.returncode == 0 and "rule inject_noise" not in again.stderr, again.stderr


@pytest.mark.slow
def test_a_clock_that_goes_back_while_a_network_trains_costs_nothing(finished, tmp_path):
    """Its input is then dated after its output, for which Snakemake deletes the output."""
    project = finished.copy(tmp_path / "project")
    results = project.folder / "results"
    (model,) = results.glob("train/*/paper-none/*/model.safetensors")
    before = model.read_bytes()
    model.unlink()
    log = next(results.glob("logs/train_source_only/*/paper-none/*.log"))
    log.unlink()
    target = (*TINY_RUN, "--", str(model.relative_to(project.folder)))
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *target]
    options = {"cwd": project.folder, "env": project.environment, "text": True, "stdout": -1, "stderr": -2}
    run = subprocess.Popen(command, **options)
    deadline = time.monotonic() + 60
    while not log.exists():
        assert time.monotonic() < deadline and run.poll() is None
        time.sleep(0.02)
    for path in results.rglob("*"):
        date = path.stat().st_mtime + 3600
        os.utime(path, (date, date))
    output, _ = run.communicate(timeout=300)
    assert run.returncode == 0, output
    assert "The clock went back" in output and model.read_bytes() == before
    again = project.snakemake(*target)
    assert again.returncode == 0 and "Nothing to be done" in again.stdout + again.stderr

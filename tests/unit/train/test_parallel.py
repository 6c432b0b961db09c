"""Several seeds as one batched model, and one network in several processes: the same as one after the other."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from sim2sky.data.domain import Domain, load_part
from sim2sky.data.images import FloatImages
from sim2sky.train.launch import DistributedError, launch
from sim2sky.train.launch import train as train_task
from sim2sky.train.loop import Learner
from sim2sky.train.team import Team
from tests.unit.train.test_train import (
    ENCODING,
    METHODS,
    TARGETS,
    contents,
    history,
    interrupt,
    make_domain,
    recipe,
    train,
)

NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
NOT_ONE_GPU = pytest.mark.skipif(torch.cuda.device_count() == 1, reason="two processes need two GPUs, or none")


@pytest.fixture(scope="module")
def domains(tmp_path_factory):
    folder = tmp_path_factory.mktemp("domains")
    return make_domain(folder, "clean", 160), make_domain(folder, "sky", 120, offset=0.3, noise=0.3)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=NEEDS_GPU)])
@pytest.mark.parametrize("method", list(METHODS))
def test_seeds_trained_together_are_the_seeds_one_by_one(domains, method, device):
    source, target = (load_part(domain.shards, domain.bounds["train"], TARGETS) for domain in domains)
    source, target = (
        replace(
            part, images=FloatImages(part.images.values.to(device).double()), labels=part.labels.to(device).double()
        )
        for part in (source, target)
    )

    def learners():
        made = [
            Learner(recipe(), METHODS[method], s, source, ENCODING, None if method == "none" else target)
            for s in range(3)
        ]
        for learner in made:
            learner.step.double()
        return made

    team, alone = Team(learners()), learners()
    together = list(team.run())
    for index, learner in enumerate(alone):
        for [epoch], of_all in zip(learner.run(), together, strict=True):
            assert (epoch.number, epoch.lr) == (of_all[index].number, of_all[index].lr)
            assert of_all[index].loss == pytest.approx(epoch.loss, rel=1e-9)
            assert method == "none" or of_all[index].adaptation_loss == pytest.approx(epoch.adaptation_loss, rel=1e-6)
        for one, other in zip(
            learner.step.state_dict().values(), team.learners[index].step.state_dict().values(), strict=True
        ):
            torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("after", [1, 2])
def test_seeds_together_resume_in_the_same_bytes(domains, tmp_path, monkeypatch, capsys, after):
    expected = contents(train(domains, tmp_path / "unbroken", "dann", range(2), seeds_together=True))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, after)
        train(domains, tmp_path / "broken", "dann", range(2), seeds_together=True)
    assert contents(train(domains, tmp_path / "broken", "dann", range(2), seeds_together=True)) == expected
    assert f"goes on after epoch {after}" in capsys.readouterr().out
    one_by_one = history(train(domains, tmp_path / "in turn", "dann", range(2)))
    rows = history(tmp_path / "broken")
    assert [(row["seed"], row["epoch"]) for row in rows] == [(row["seed"], row["epoch"]) for row in one_by_one]
    assert [float(row["loss"]) for row in rows] == pytest.approx([float(row["loss"]) for row in one_by_one], rel=1e-2)


def test_too_few_gpus_for_the_processes_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    task = {"model": str(tmp_path / "model.safetensors")}
    with pytest.raises(
        DistributedError, match="devices: 2, nodes: 2 in the recipe takes 4 GPUs of this machine, where 1 "
    ):
        launch(task, 2, 2)
    monkeypatch.setenv("SLURM_JOB_ID", "1")  # other nodes have GPUs of their own
    with pytest.raises(DistributedError, match="takes 2 GPUs of this machine, where 1 "):
        launch(task, 2, 2)


@NOT_ONE_GPU
@pytest.mark.slow
@pytest.mark.parametrize("method", ["none", "dann", "mmd"])
def test_two_processes_train_as_one_does(domains, tmp_path, method, capsys):
    found = {}
    for devices in (1, 2):
        folder = tmp_path / str(devices)
        task = {
            # steps in proportion to the gradient: Adam would make rounding errors of small gradients as large as any step.
            # What is left are 1e-4 of torch's own batch normalisation (channels last, single precision); batches that
            # are not normalised as a whole fail here.
            "recipe": recipe(devices=devices, optimiser={"name": "sgd"}, schedule={"name": "constant"}).params(),
            "method": METHODS[method].params(),
            "targets": TARGETS,
            "seeds": [0, 0],
            "source": plain(domains[0]),
            "adapt_to": None if method == "none" else plain(domains[1]),
            "watch": None,
            "model": str(folder / "model.safetensors"),
            "history": str(folder / "history.csv"),
            "fingerprint": {},
            "threads": devices,
            "worst": None,
        }
        train_task(task)
        if devices == 2 and method == "none":
            goes_on_after_a_kill(task, contents(folder), tmp_path / "broken")
        found[devices] = load_file(folder / "model.safetensors"), history(folder)
    assert capsys.readouterr().out.count("epoch 3/3") == (3 if method == "none" else 2)
    for one, two in zip(found[1][1], found[2][1], strict=True):
        for column in ("loss", "source_loss", *(["adaptation_loss"] if method != "none" else [])):
            assert float(two[column]) == pytest.approx(float(one[column]), rel=5e-3)
    for name, one in found[1][0].items():
        torch.testing.assert_close(found[2][0][name], one, rtol=5e-3, atol=5e-4)


@NOT_ONE_GPU
@pytest.mark.slow
def test_several_processes_leave_out_what_the_thesis_leaves_out(tmp_path, capsys):
    """From the second epoch on, in evaluation mode, Inception's auxiliary branch has no part in the loss."""
    change = {"network": "inception_v3", "network_options": {"input_pixels": 299}, "epochs": 2, "batch_size": 4}
    task = {
        "recipe": recipe(**change, eval_after_first_epoch=True, devices=2).params(),
        "method": METHODS["none"].params(),
        "source": plain(make_domain(tmp_path, "few", 12)),
        "targets": TARGETS,
        "seeds": [0, 0],
        "adapt_to": None,
        "watch": None,
        "worst": None,
        **{name: str(tmp_path / name) for name in ("model", "history")},
        "fingerprint": {},
        "threads": 2,
    }
    train_task(task)
    assert "epoch 2/2" in capsys.readouterr().out


def goes_on_after_a_kill(task: dict, expected: dict[str, bytes], folder: Path) -> None:
    """Kill all processes of a training when the first epoch is kept; started again, it ends in the same bytes."""
    task = task | {"model": str(folder / "model.safetensors"), "history": str(folder / "history.csv")}
    code = "import json, sys; from sim2sky.train.launch import train; train(json.loads(sys.argv[1]))"
    command = [sys.executable, "-c", code, json.dumps(task)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while not (folder / "last.ckpt").exists():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)
    family = [*psutil.Process(process.pid).children(recursive=True), process]
    for member in family:
        member.kill()
    psutil.wait_procs(family[:-1])
    process.wait()
    assert not (folder / "model.safetensors").exists()
    for leftover in folder.glob(".*.partial"):
        leftover.unlink()
    train_task(task)
    assert contents(folder) == expected


def plain(domain: Domain) -> dict:
    return {"name": domain.name, "shards": [str(path) for path in domain.shards], "bounds": domain.bounds}

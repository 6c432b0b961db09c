"""Start a training from the plain values of a rule: in this process, or in several that share each batch.

A rule calls :func:`train`. If the recipe asks for several processes, :func:`launch` starts them with torch's own
launcher; each of them runs this module as a program, :func:`main`.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from sim2sky.config import Method, Recipe
from sim2sky.data.domain import Domain
from sim2sky.train import distributed
from sim2sky.train.block import train_block
from sim2sky.train.earlier import Worst


class DistributedError(RuntimeError):
    """A training in several processes cannot be started, or one of them failed; its output, printed before, says why."""


def train(arguments: Mapping[str, Any]) -> None:
    """Train a block of seeds, in as many processes as its recipe asks for.

    Parameters
    ----------
    arguments : mapping
        Arguments of :func:`sim2sky.train.block.train_block` as JSON: models and data classes as mappings, `seeds` as
        (first, last).
    """
    recipe = Recipe.model_validate(arguments["recipe"])
    if recipe.processes == 1:
        train_here(arguments)
    else:
        launch(arguments, recipe.devices, recipe.nodes)


def train_here(arguments: Mapping[str, Any]) -> None:
    """Train a block of seeds in this process, alone or as one of several."""
    first, last = arguments["seeds"]
    given = {
        "recipe": Recipe.model_validate(arguments["recipe"]),
        "method": Method.model_validate(arguments["method"]),
        "seeds": range(first, last + 1),
        "worst": Worst(**arguments["worst"]) if arguments["worst"] else None,
    }
    domains = {role: Domain(**arguments[role]) if arguments[role] else None for role in ("source", "adapt_to", "watch")}
    train_block(**{**arguments, **given, **domains})


def launch(arguments: Mapping[str, Any], devices: int, nodes: int = 1) -> None:
    """Run :func:`train_here` in several processes and print what the first one prints.

    Parameters
    ----------
    arguments : mapping
        As for :func:`train`.
    devices, nodes : int
        Processes per node, and nodes of the SLURM job that this process belongs to. Outside SLURM all processes start
        on this machine.

    Raises
    ------
    DistributedError
        A process failed, or this machine has some GPUs, but not one for each of its processes.
    """
    here = devices * nodes if _on_one_machine(nodes) else devices
    if 0 < (found := torch.cuda.device_count()) < here:
        asked = f"devices: {devices}" + (f", nodes: {nodes}" if nodes > 1 else "")
        raise DistributedError(f"{asked} in the recipe takes {here} GPUs of this machine, where {found} can be seen")
    file = Path(arguments["model"]).with_name(f".arguments.{os.getpid()}.partial")  # all nodes see this folder
    file.parent.mkdir(parents=True, exist_ok=True)
    command = [*_launcher(devices, nodes), "-m", "sim2sky.train.launch", str(file)]
    try:
        file.write_text(json.dumps(arguments))
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            for line in process.stdout or ():
                print(line, end="", flush=True)
    finally:
        file.unlink(missing_ok=True)
    if process.returncode:
        raise DistributedError(f"a training in {devices * nodes} processes failed, exit status {process.returncode}")


def _on_one_machine(nodes: int) -> bool:
    """Whether all processes start on this machine: outside SLURM there are no other nodes."""
    return nodes == 1 or "SLURM_JOB_ID" not in os.environ


def _launcher(devices: int, nodes: int) -> list[str]:
    """The command that starts a module in all processes: torch's own launcher, on each node."""
    torchrun = [sys.executable, "-m", "torch.distributed.run"]
    if _on_one_machine(nodes):
        return [*torchrun, "--standalone", "--nproc-per-node", str(devices * nodes)]
    with socket.create_server(("", 0)) as free:
        endpoint = f"{socket.gethostname()}:{free.getsockname()[1]}"
    srun = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--kill-on-bad-exit"]
    rendezvous = ["--rdzv-backend", "c10d", "--rdzv-endpoint", endpoint, "--rdzv-id", os.environ["SLURM_JOB_ID"]]
    return [*srun, *torchrun, "--nnodes", str(nodes), "--nproc-per-node", str(devices), *rendezvous]


def main(file: str) -> None:
    """Train with the arguments in the JSON `file`, as one of the processes that :func:`launch` starts."""
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    if torch.cuda.is_available():
        torch.cuda.set_device(distributed.own_device())
    if not distributed.is_first():
        sys.stdout = open("/dev/null", "w")  # noqa: SIM115 - open for the life of the process
    try:
        train_here(json.loads(Path(file).read_text()))
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])

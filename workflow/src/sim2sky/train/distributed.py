"""One network on several GPUs, of one node or of several: torch's distributed data parallel, with what it leaves out put back.

Each process takes its part of every batch. Gradients are averaged by :class:`torch.nn.parallel.DistributedDataParallel`; batch
normalisation and adaptation losses see the whole batch, so that a training is that of one process up to rounding.

``launch`` starts the processes with torch's own launcher; each runs this module. Without GPUs they are processes on the CPU.
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
from torch import nn
from torch.distributed.nn.functional import all_gather, all_reduce


class DistributedError(RuntimeError):
    """A training in several processes cannot be started, or one of them failed, whose output, above, says why."""


def processes() -> int:
    """Processes that share a batch; 1 where nothing is distributed."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_first() -> bool:
    """Whether this process is the one that writes files and prints."""
    return not dist.is_initialized() or dist.get_rank() == 0


def own_device() -> torch.device:
    """The device of this process."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", dist.get_node_local_rank(0) if dist.is_initialized() else 0)


def own_part(index: torch.Tensor) -> torch.Tensor:
    """This process's part of the positions of a batch."""
    return index[dist.get_rank() :: dist.get_world_size()] if dist.is_initialized() else index


def own_seed(seed: int) -> int:
    """A seed of this process's own, for what is drawn for its part of a batch alone, such as dropout."""
    return seed + dist.get_rank() if dist.is_initialized() else seed


def of_all(values: torch.Tensor) -> torch.Tensor:
    """Rows of all processes; gradients find their way back."""
    return torch.cat(all_gather(values)) if dist.is_initialized() else values


def shared(step: nn.Module, unused: bool) -> nn.Module:
    """`step` with gradients that are averaged over the processes; `unused` if not all parameters get one at every step."""
    if not dist.is_initialized():
        return step
    devices = [own_device()] if own_device().type == "cuda" else None
    return nn.parallel.DistributedDataParallel(
        step, device_ids=devices, broadcast_buffers=False, find_unused_parameters=unused
    )


def mean_of_all(values: torch.Tensor) -> torch.Tensor:
    """Mean over the processes, without gradient."""
    if dist.is_initialized():
        values = values.clone()
        dist.all_reduce(values)
        values /= dist.get_world_size()
    return values


class _WholeBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation over the parts of all processes, on any device; `torch.nn.SyncBatchNorm` needs GPUs."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if not self.training or not dist.is_initialized():
            return super().forward(images)
        mean = all_reduce(images.mean(dim=(0, 2, 3))) / processes()
        centred = images - mean[:, None, None]
        variance = all_reduce(centred.square().mean(dim=(0, 2, 3))) / processes()
        if self.track_running_stats:
            count = images.numel() / images.shape[1] * processes()
            self.num_batches_tracked += 1
            momentum = self.momentum or 1 / float(self.num_batches_tracked)
            with torch.no_grad():
                self.running_mean.lerp_(mean, momentum)
                self.running_var.lerp_(variance * count / (count - 1), momentum)
        scaled = centred * torch.rsqrt(variance + self.eps)[:, None, None]
        return scaled * self.weight[:, None, None] + self.bias[:, None, None]


def with_whole_batches(network: nn.Module) -> nn.Module:
    """`network` with batch normalisation that sees the whole batch; names of its parameters do not change."""
    if not dist.is_initialized():
        return network
    if own_device().type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = _WholeBatchNorm2d
    return network


def launch(task: Mapping[str, Any], devices: int, nodes: int = 1) -> None:
    """Run :func:`sim2sky.train.task.train` in several processes and print what the first one prints.

    Parameters
    ----------
    task : mapping
        What each process is to do.
    devices, nodes : int
        Processes per node, and nodes of the SLURM job that this process belongs to. Outside of SLURM all processes are
        started here.

    Raises
    ------
    DistributedError
        A process failed, or this machine has some GPUs, but not one for each of its processes.
    """
    here = devices * nodes if _on_one_machine(nodes) else devices
    if 0 < (found := torch.cuda.device_count()) < here:
        asked = f"devices: {devices}" + (f", nodes: {nodes}" if nodes > 1 else "")
        raise DistributedError(f"{asked} in the recipe takes {here} GPUs of this machine, where {found} can be seen")
    file = Path(task["model"]).with_name(f".task.{os.getpid()}.partial")  # all nodes see this folder
    file.parent.mkdir(parents=True, exist_ok=True)
    command = [*_launcher(devices, nodes), "-m", "sim2sky.train.distributed", str(file)]
    try:
        file.write_text(json.dumps(task))
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            for line in process.stdout:
                print(line, end="", flush=True)
    finally:
        file.unlink(missing_ok=True)
    if process.returncode:
        raise DistributedError(f"a training in {devices * nodes} processes failed, exit status {process.returncode}")


def _on_one_machine(nodes: int) -> bool:
    """Whether all processes are started here: outside of SLURM there are no other nodes."""
    return nodes == 1 or "SLURM_JOB_ID" not in os.environ


def _launcher(devices: int, nodes: int) -> list[str]:
    """The command that starts a module in all processes: torch's own launcher, on each node if there are several."""
    torchrun = [sys.executable, "-m", "torch.distributed.run"]
    if _on_one_machine(nodes):
        return [*torchrun, "--standalone", "--nproc-per-node", str(devices * nodes)]
    with socket.create_server(("", 0)) as found:
        meeting = f"{socket.gethostname()}:{found.getsockname()[1]}"
    srun = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--kill-on-bad-exit"]
    rendezvous = ["--rdzv-backend", "c10d", "--rdzv-endpoint", meeting, "--rdzv-id", os.environ["SLURM_JOB_ID"]]
    return [*srun, *torchrun, "--nnodes", str(nodes), "--nproc-per-node", str(devices), *rendezvous]


if __name__ == "__main__":
    from sim2sky.train.task import train_here

    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    if torch.cuda.is_available():
        torch.cuda.set_device(own_device())
    if not is_first():
        sys.stdout = open("/dev/null", "w")  # noqa: SIM115 - open for the life of the process
    try:
        train_here(json.loads(Path(sys.argv[1]).read_text()))
    finally:
        dist.destroy_process_group()

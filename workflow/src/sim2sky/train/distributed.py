"""One network on several GPUs, of one node or of several: torch's distributed data parallel, with what it leaves out put back.

Each process takes its part of every batch. Gradients are averaged by :class:`torch.nn.parallel.DistributedDataParallel`; batch
normalisation and adaptation losses see the whole batch, so that a training is that of one process up to rounding.

This module is what one process knows of the others; :mod:`sim2sky.train.launch` starts them. Without GPUs they run on the CPU.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.nn.functional import all_gather, all_reduce


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

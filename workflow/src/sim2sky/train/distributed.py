"""What one process knows of the others when several share each batch, on the GPUs of one node or of several.

Each process takes its part of every batch. :class:`torch.nn.parallel.DistributedDataParallel` averages the gradients.
Batch normalisation and adaptation losses, which it does not cover, see the whole batch here, so that the result is that
of one process up to rounding.

:mod:`sim2sky.train.launch` starts the processes. Without GPUs they run on the CPU. For a process that is alone, batches,
networks and losses pass through these functions unchanged.
"""

from __future__ import annotations

from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.nn.functional import all_gather, all_reduce

AnyNetwork = TypeVar("AnyNetwork", bound=nn.Module)


def process_count() -> int:
    """Number of processes that share a batch."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_first() -> bool:
    """Whether this is the process that writes files and prints."""
    return not dist.is_initialized() or dist.get_rank() == 0


def own_device() -> torch.device:
    """The device of this process."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", dist.get_node_local_rank(0) if dist.is_initialized() else 0)


def own_part(index: torch.Tensor) -> torch.Tensor:
    """This process's part of the positions `index` of a batch."""
    return index[dist.get_rank() :: dist.get_world_size()] if dist.is_initialized() else index


def own_seed(seed: int) -> int:
    """A seed that differs between processes, for random numbers of one part of a batch, such as those of dropout."""
    return seed + dist.get_rank() if dist.is_initialized() else seed


def gather_rows(values: torch.Tensor) -> torch.Tensor:
    """Rows of `values` of all processes, through which gradients flow back to each."""
    return torch.cat(all_gather(values)) if dist.is_initialized() else values


def average_gradients(step: nn.Module, unused: bool) -> nn.Module:
    """`step` with gradients averaged over the processes; `unused` if some weights may have none in a step."""
    if not dist.is_initialized():
        return step
    devices = [own_device()] if own_device().type == "cuda" else None
    return nn.parallel.DistributedDataParallel(
        step, device_ids=devices, broadcast_buffers=False, find_unused_parameters=unused
    )


def mean_over_processes(values: torch.Tensor) -> torch.Tensor:
    """Mean of `values` over the processes, without gradient."""
    if dist.is_initialized():
        values = values.clone()
        dist.all_reduce(values)
        values /= dist.get_world_size()
    return values


class _SynchronisedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation over the parts of all processes on any device, where `torch.nn.SyncBatchNorm` needs GPUs."""

    running_mean: torch.Tensor  # every layer here keeps its statistics, so none of the three is None
    running_var: torch.Tensor
    num_batches_tracked: torch.Tensor

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if not self.training or not dist.is_initialized():
            return super().forward(images)
        mean = all_reduce(images.mean(dim=(0, 2, 3))) / process_count()
        centred = images - mean[:, None, None]
        variance = all_reduce(centred.square().mean(dim=(0, 2, 3))) / process_count()
        if self.track_running_stats:
            count = images.numel() / images.shape[1] * process_count()
            self.num_batches_tracked += 1
            momentum = self.momentum or 1 / float(self.num_batches_tracked)
            with torch.no_grad():
                self.running_mean.lerp_(mean, momentum)
                self.running_var.lerp_(variance * count / (count - 1), momentum)
        scaled = centred * torch.rsqrt(variance + self.eps)[:, None, None]
        return scaled * self.weight[:, None, None] + self.bias[:, None, None]


def synchronise_batch_norm(network: AnyNetwork) -> AnyNetwork:
    """`network` with batch normalisation over the whole batch; names of its weights do not change."""
    if not dist.is_initialized():
        return network
    if own_device().type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = _SynchronisedBatchNorm2d
    return network

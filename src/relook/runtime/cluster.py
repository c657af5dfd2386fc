"""Rank and size of a group of processes that train together, and their connection.

All launchers use the variables of torchrun. `relook train --devices` sets them for the processes
that it starts, and those of SLURM's srun are translated.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import RelookError, UsageError
from .edition import check_whole

_TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
_MEETING = ("MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True, slots=True)
class Place:
    """One process among `devices` on each of `nodes` machines."""

    rank: int = 0  # over all machines, from 0
    local_rank: int = 0  # on its own machine
    devices: int = 1
    nodes: int = 1

    @property
    def world_size(self) -> int:
        """Processes on all machines."""
        return self.devices * self.nodes


def find_place(environment: Mapping[str, str]) -> Place:
    """The place of this process by torchrun or srun; a single process where neither started it.

    Raises:
        UsageError: U04 when variables are missing or contradict each other.
    """
    named = _variables(environment)
    if named is None:
        return Place()
    rank, world, local_rank, per_node = named
    if world == 1:
        return Place()
    if world % per_node or not 0 <= rank < world or not 0 <= local_rank < per_node:
        raise UsageError(
            "U04",
            f"process {rank} of {world}, number {local_rank} of {per_node} on its machine: this "
            "cannot be. Every machine must run the same number of processes.",
        )
    missing = [name for name in _MEETING if name not in environment]
    if missing:
        raise UsageError(
            "U04",
            f"this is process {rank} of {world}, but {' and '.join(missing)} is not set, so the "
            "processes cannot find each other. Export the name of the first machine as "
            "MASTER_ADDR and a free port as MASTER_PORT, or start with torchrun.",
        )
    return Place(rank, local_rank, per_node, world // per_node)


def _variables(environment: Mapping[str, str]) -> tuple[int, int, int, int] | None:
    """Rank, number of processes, rank on its machine, number of processes on its machine."""
    if all(name in environment for name in _TORCHRUN):
        rank, world, local_rank = (_number(environment, name) for name in _TORCHRUN)
        has_local_size = "LOCAL_WORLD_SIZE" in environment
        return (
            rank,
            world,
            local_rank,
            _number(environment, "LOCAL_WORLD_SIZE") if has_local_size else world,
        )
    if "SLURM_STEP_NUM_TASKS" in environment:  # srun sets it; a batch script without srun has not
        world = _number(environment, "SLURM_STEP_NUM_TASKS")
        nodes = _number(environment, "SLURM_STEP_NUM_NODES")
        if world % max(nodes, 1):
            raise UsageError(
                "U04",
                f"{world} tasks on {nodes} machines: every machine must run the same number of "
                "processes. Use --ntasks-per-node.",
            )
        rank, local = _number(environment, "SLURM_PROCID"), _number(environment, "SLURM_LOCALID")
        return rank, world, local, world // max(nodes, 1)
    return None


def _number(environment: Mapping[str, str], name: str) -> int:
    try:
        return int(environment[name])
    except (KeyError, ValueError):
        raise UsageError(
            "U04",
            f"{name} is {environment.get(name, 'not set')!r}, not a number, but the variables "
            "beside it are those of several processes. Start with torchrun or srun.",
        ) from None


def join_others(place: Place, device: str = "auto") -> None:
    """Connect this process with the others (`relook.runtime.distributed`) until it ends.

    Nothing is done for a single process, or for one that is connected already. Small numbers are
    sent between CPUs; gradients are sent between GPUs where `device` is a GPU.

    Raises:
        RelookError: R04 when there are fewer GPUs than processes on this machine.
    """
    if place.world_size == 1:
        return
    check_whole(f"a run of {place.world_size} processes")
    import torch
    import torch.distributed as dist

    from .devices import choose_device

    if dist.is_initialized():
        return
    backend = "gloo"
    if choose_device(device).type == "cuda":
        if torch.cuda.device_count() < place.devices:
            raise RelookError(
                "R04",
                f"{place.devices} processes on this machine, but PyTorch has "
                f"{torch.cuda.device_count()} CUDA devices. Start one process a device.",
            )
        torch.cuda.set_device(place.local_rank)
        backend = "cpu:gloo,cuda:nccl"
    # In the variables of PyTorch and Lightning, for any launcher.
    os.environ |= {
        "RANK": str(place.rank),
        "WORLD_SIZE": str(place.world_size),
        "LOCAL_RANK": str(place.local_rank),
        "LOCAL_WORLD_SIZE": str(place.devices),
        "GROUP_RANK": str(place.rank // place.devices),
    }
    dist.init_process_group(backend)
    atexit.register(_leave)


def _leave() -> None:
    import torch.distributed as dist

    if dist.is_initialized():
        dist.destroy_process_group()

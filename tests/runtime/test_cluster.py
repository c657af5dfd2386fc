"""Where launchers put a process."""

from __future__ import annotations

import pytest
import torch.distributed as dist

from relook.errors import UsageError
from relook.runtime.cluster import Place, find_place, join_others

MEETING = {"MASTER_ADDR": "first", "MASTER_PORT": "29500"}
TORCHRUN = {**MEETING, "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4"}
SRUN = {
    **MEETING,
    "SLURM_STEP_NUM_TASKS": "8",
    "SLURM_STEP_NUM_NODES": "2",
    "SLURM_PROCID": "5",
    "SLURM_LOCALID": "1",
}


@pytest.mark.parametrize("environment", [TORCHRUN, SRUN], ids=["torchrun", "srun"])
def test_launchers_say_the_same(environment: dict[str, str]) -> None:
    place = find_place(environment)
    assert place == Place(rank=5, local_rank=1, devices=4, nodes=2)
    assert place.world_size == 8


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"LOCAL_RANK": "0"},
        {"SLURM_NTASKS": "4", "SLURM_PROCID": "0"},  # a batch script, without srun
        {**TORCHRUN, "RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"},
    ],
)
def test_a_process_alone_is_alone(environment: dict[str, str]) -> None:
    assert find_place(environment) == Place()
    join_others(Place())
    assert not dist.is_initialized()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"LOCAL_WORLD_SIZE": "3"}, "same number of processes"),
        ({"RANK": "8"}, "cannot be"),
        ({"WORLD_SIZE": "many"}, "WORLD_SIZE is 'many'"),
        ({"MASTER_PORT": None}, "MASTER_PORT is not set"),
    ],
)
def test_contradictions_are_named(changes: dict[str, str | None], words: str) -> None:
    environment = {k: v for k, v in (TORCHRUN | changes).items() if v is not None}
    with pytest.raises(UsageError, match=words) as caught:
        find_place(environment)
    assert caught.value.code == "U04"


def test_srun_must_share_its_tasks_equally() -> None:
    with pytest.raises(UsageError, match="ntasks-per-node"):
        find_place({**SRUN, "SLURM_STEP_NUM_TASKS": "7"})

"""What processes tell each other: alone, and two that are really there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from relook.errors import RelookError
from relook.runtime.distributed import (
    from_first,
    gathered,
    loss_divisor,
    maxima,
    means,
    rank,
    shared_counts,
    world_size,
)

TOGETHER = """
import sys

import torch
import torch.distributed as dist

from relook.errors import RelookError
from relook.runtime.distributed import *

me, place = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{place}", rank=me, world_size=2)
assert (rank(), world_size()) == (me, 2)
like = torch.zeros(1)
assert loss_divisor(3 - me, like) == 3 - me  # not asked to share
with shared_counts():
    assert loss_divisor(10 * me, like).item() == 5  # 0 and 10
    assert loss_divisor(0, like).item() == 0.5  # a sum over both of at least 1
assert loss_divisor(0, like) == 1
values = torch.tensor([1.0, 3.0]) * me
assert means(values).tolist() == [0.5, 1.5] and values.tolist() == [me, 3 * me]
assert maxima([me, -me, 2.5]) == [1, 0, 2.5]
assert gathered({"me": me}) == [{"me": 0}, {"me": 1}]
assert from_first(lambda: f"chosen by {me}") == "chosen by 0"
def fail():
    raise RelookError("R02", f"the disk of {me} is full")
try:
    from_first(fail)
except RelookError as error:
    assert (error.code, error.message) == ("R02", "the disk of 0 is full")
    print("told")
dist.destroy_process_group()
"""


def test_alone_everything_answers_for_itself() -> None:
    assert (rank(), world_size()) == (0, 1)
    with shared_counts():
        assert loss_divisor(7, torch.zeros(1)) == 7
        assert loss_divisor(0, torch.zeros(1)) == 1
    values = torch.tensor([1.0, 2.0])
    assert means(values) is values
    assert maxima([1, 2.5]) == [1, 2.5]
    assert gathered("x") == ["x"]
    assert from_first(lambda: 3) == 3


def test_alone_an_error_passes_as_it_is() -> None:
    def fail() -> None:
        raise RelookError("R02", "full")

    with pytest.raises(RelookError, match="full"):
        from_first(fail)


def test_two_processes_agree(tmp_path: Path) -> None:
    commands = [
        [sys.executable, "-c", TOGETHER, str(me), str(tmp_path / "meeting")] for me in (0, 1)
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    both = [
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for command in commands
    ]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out) == (0, "told\n"), err

"""Errors that end a training from outside (Ctrl-C itself: test_loop.py and test_launch.py)."""

from __future__ import annotations

from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch.distributed as dist

from relook.errors import RelookError
from relook.training import ending
from relook.training.ending import interruptible
from relook.training.run_folder import RunFolder


@pytest.fixture
def trainer() -> pl.Trainer:
    return pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)


@pytest.mark.parametrize(
    "error",
    [RuntimeError("[a/gloo/transport/tcp/pair.cc:1] closed by peer"), dist.DistBackendError("x")],
)
def test_a_lost_process_is_an_error_that_says_how_to_go_on(
    error: RuntimeError, trainer: pl.Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "world_size", lambda: 2)
    (tmp_path / "last.ckpt").touch()
    with (
        pytest.raises(RelookError, match=r"process 1 of 2 .* --resume") as caught,
        interruptible(RunFolder(tmp_path), trainer),
    ):
        raise error
    assert caught.value.code == "R05"


def test_other_errors_pass(trainer: pl.Trainer, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="a defect"), interruptible(RunFolder(tmp_path), trainer):
        raise RuntimeError("a defect")


def test_ctrl_c_outside_of_lightning_is_an_interruption(
    trainer: pl.Trainer, tmp_path: Path
) -> None:
    with (
        pytest.raises(RelookError, match="no state to go on from yet") as caught,
        interruptible(RunFolder(tmp_path), trainer),
    ):
        raise KeyboardInterrupt
    assert caught.value.code == "R01"

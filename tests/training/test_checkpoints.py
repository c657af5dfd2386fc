"""A checkpoint is whole or not there."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
import torch

from relook.errors import RelookError
from relook.training.checkpoints import WholeCheckpointIO


@pytest.mark.parametrize(
    "failure",
    [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("unexpected pos 64 vs 0")],
)
def test_a_failed_write_keeps_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    path = tmp_path / "run" / "last.ckpt"
    WholeCheckpointIO().save_checkpoint({"step": 1}, path)

    def save(content: Any, target: Path) -> None:
        target.write_bytes(b"half")
        raise failure

    monkeypatch.setattr(torch, "save", save)
    with pytest.raises(RelookError, match="--resume") as caught:
        WholeCheckpointIO().save_checkpoint({"step": 2}, path)
    assert caught.value.code == "R02"
    assert torch.load(path, weights_only=True) == {"step": 1}
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


def test_without_an_older_one_nothing_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(content: Any, target: Path) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(torch, "save", save)
    with pytest.raises(RelookError, match="Disk quota exceeded") as caught:
        WholeCheckpointIO().save_checkpoint({}, tmp_path / "last.ckpt")
    assert "--resume" not in str(caught.value)

"""A checkpoint is whole or not there, and a damaged one is noticed."""

from __future__ import annotations

import errno
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from relook.errors import RelookError
from relook.training.checkpoints import WholeCheckpointIO, damage, newest_checkpoint
from relook.training.run_folder import RunFolder


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def save(run: RunFolder, step: int) -> None:
    content = {"step": step, "weights": torch.arange(1000.0) + step}
    WholeCheckpointIO().save_checkpoint(content, run.last)


def step_of(path: Path) -> int:
    step = torch.load(path, weights_only=True)["step"]
    assert isinstance(step, int)
    return step


class FullFile(io.FileIO):
    """A file on a disk that has room for 500 bytes more."""

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > 500:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_full_disk_is_named_and_keeps_what_was_there(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyTorch's own writer says "enforce fail at inline_container"."""
    save(run, 1)
    original = Path.open

    def opened(self: Path, mode: str = "r", *more: Any, **options: Any) -> Any:
        is_draft = mode == "wb" and self.name.startswith(".last")
        return FullFile(self, "w") if is_draft else original(self, mode, *more, **options)

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(RelookError, match=r"could not be written: No space left.* --resume") as hit:
        save(run, 2)
    assert hit.value.code == "R02"
    assert step_of(run.last) == 1
    assert [file.name for file in run.path.iterdir()] == ["last.ckpt"]


def test_an_error_of_pytorch_is_told_as_it_is(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("unexpected pos 64 vs 0")

    monkeypatch.setattr(torch, "save", broken)
    with pytest.raises(RelookError, match="unexpected pos 64") as caught:
        save(run, 1)
    assert caught.value.code == "R02"
    assert "--resume" not in str(caught.value)


def test_a_run_folder_that_is_gone_is_not_made_again(run: RunFolder) -> None:
    shutil.rmtree(run.path)
    with pytest.raises(RelookError, match="the run folder is gone") as caught:
        save(run, 1)
    assert caught.value.code == "R02"
    assert not run.path.exists()


def flipped(path: Path) -> None:
    """One bit of the weights."""
    content = bytearray(path.read_bytes())
    content[content.index(torch.arange(1000.0)[500:504].numpy().tobytes())] ^= 1
    path.write_bytes(content)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def zeroed(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:600] + bytes(len(content) - 600))


@pytest.mark.parametrize("harm", [flipped, cut_off, emptied, zeroed, Path.unlink])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    harm: Callable[[Path], None], run: RunFolder
) -> None:
    for step in (1, 2, 0):
        save(run, step)
    said: list[str] = []
    assert newest_checkpoint(run, said.append) == run.last and not said
    harm(run.last)
    found = newest_checkpoint(run, said.append)
    assert step_of(found) == 2
    assert "".join(said).startswith("last.ckpt is damaged (") == (harm is not Path.unlink)
    if harm is flipped:
        assert "the checksum of last/data/0 does not match" in said[0].replace("archive", "last")


def test_where_all_are_damaged_there_is_no_silence(run: RunFolder) -> None:
    for step in (1, 2):
        save(run, step)
    for path in (run.last, run.previous):
        cut_off(path)
    with pytest.raises(RelookError, match=r"last.ckpt is damaged .* and previous.ckpt is") as hit:
        newest_checkpoint(run, lambda _: None)
    assert hit.value.code == "R06"


def test_a_zip_archive_of_something_else_is_no_checkpoint(run: RunFolder) -> None:
    shutil.make_archive(str(run.path / "x"), "zip", run.path)
    assert damage(run.path / "x.zip") == "it has no state of a training"

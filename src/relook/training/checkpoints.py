"""Checkpoints that are written as a whole or not at all, of which the last two are kept.

A checkpoint is a zip archive with a checksum (CRC-32) of each record. All are compared before a
training goes on from it; where one does not match, the checkpoint before it is taken.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from ..errors import RelookError
from ..runtime.files import replacing, unwritable
from .run_folder import RunFolder


class WholeCheckpointIO(TorchCheckpointIO):
    """Writer that writes beside the target and renames at the end, so that an older checkpoint
    stays readable when the disk is full, the process is killed or the power fails. What was at the
    target before becomes the previous checkpoint."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write `checkpoint` to `path`.

        Raises:
            RelookError: R02 when it cannot be written; the file at `path` is not changed.
        """
        target = Path(path)
        if not target.parent.is_dir():  # it would be made again without its other files
            raise RelookError(
                "R02", f"{target} could not be written: the run folder is gone. Start a new run."
            )
        draft: _Draft | None = None
        try:
            with replacing(target) as beside:
                with beside.open("wb") as file:
                    draft = _Draft(file)
                    torch.save(checkpoint, cast(IO[bytes], draft))
                if target.is_file():
                    target.replace(RunFolder(target.parent).previous)
        except (RelookError, RuntimeError, OSError) as error:
            reason: BaseException | None = None if draft is None else draft.problem
            if reason is None:
                reason = error.__cause__ if isinstance(error, RelookError) else error
            raise _with_advice(unwritable(target, reason), target) from error


class _Draft(io.RawIOBase):
    """A file that keeps the error of the system: PyTorch's writer replaces it by its own."""

    def __init__(self, file: io.BufferedWriter) -> None:
        self._file = file
        self.problem: OSError | None = None

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self.problem is not None:
            raise self.problem
        try:
            return self._file.write(data)
        except OSError as error:
            self.problem = error
            raise

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError as error:
            self.problem = error
            raise


def newest_checkpoint(run: RunFolder, say: Callable[[str], None]) -> Path:
    """The newest checkpoint of `run` that is whole; `say` is called with a line where it is not
    the last one.

    Raises:
        RelookError: R06 when all are damaged.
    """
    damaged: list[str] = []
    for path in (run.last, run.previous):
        if not path.is_file():
            continue
        problem = damage(path)
        if problem is None:
            if damaged:
                say(f"{damaged[0]}; going on from the checkpoint before it, {path.name}")
            return path
        damaged.append(f"{path.name} is damaged ({problem})")
    raise RelookError(
        "R06",
        f"{run.path}: {' and '.join(damaged)}, so there is no state to go on from. Start a new "
        f"run; --weights {run.path} starts it from the best model so far, if there is one.",
    )


def damage(path: Path) -> str | None:
    """Return what is wrong with the checkpoint at `path`, and None where nothing is."""
    try:
        with zipfile.ZipFile(path) as archive:
            record = archive.testzip()
            if record is not None:
                return f"the checksum of {record} does not match"
            if not any(name.endswith("/data.pkl") for name in archive.namelist()):
                return "it has no state of a training"
    except (OSError, zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
        return f"it cannot be read: {error}"
    return None


def _with_advice(error: RelookError, target: Path) -> RelookError:
    is_kept = target.exists() or RunFolder(target.parent).previous.exists()
    advice = f" Then go on with `relook train --resume {target.parent}`." * is_kept
    return RelookError(error.code, error.message + advice)

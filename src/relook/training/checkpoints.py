"""Checkpoints that are written as a whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from ..errors import RelookError
from ..runtime.files import replacing, unwritable


class WholeCheckpointIO(TorchCheckpointIO):
    """Writer that writes beside the target and renames at the end, so that an older checkpoint
    stays readable when the disk is full, the process is killed or the power fails."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write `checkpoint` to `path`.

        Raises:
            RelookError: R02 when it cannot be written; the file at `path` is not changed.
        """
        target = Path(path)
        try:
            with replacing(target) as draft:
                torch.save(checkpoint, draft)
        except (RelookError, RuntimeError) as error:  # torch's error for a full disk
            reason = error if isinstance(error, RuntimeError) else error.__cause__
            raise _with_advice(unwritable(target, reason), target) from error


def _with_advice(error: RelookError, target: Path) -> RelookError:
    advice = f" Then go on with `relook train --resume {target.parent}`." * target.exists()
    return RelookError(error.code, error.message + advice)

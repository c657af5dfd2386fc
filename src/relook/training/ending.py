"""Early ends of a training: by Ctrl-C, or by the end of another process."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

import lightning.pytorch as pl
import torch.distributed as dist

from ..errors import RelookError
from ..runtime.distributed import rank, world_size
from .run_folder import RunFolder


@contextlib.contextmanager
def interruptible(run: RunFolder, trainer: pl.Trainer) -> Iterator[None]:
    """Turn Ctrl-C, at which Lightning exits, into an error with the command to resume.

    Raises:
        RelookError: R01 after Ctrl-C, R05 when a process that this one waits for has ended.
    """
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT) if main else None
    try:
        yield
    except (SystemExit, KeyboardInterrupt) as error:
        if trainer.interrupted or isinstance(error, KeyboardInterrupt):
            raise _interruption(run) from None
        raise
    except RuntimeError as error:
        if not _is_lost_connection(error):
            raise
        raise _lost_connection(run) from None
    finally:
        if handler is not None:  # Lightning leaves Ctrl-C switched off
            signal.signal(signal.SIGINT, handler)


def _is_lost_connection(error: RuntimeError) -> bool:
    """Return whether `error` is a lost connection; gloo has no error class, only messages."""
    return world_size() > 1 and (isinstance(error, dist.DistError) or "gloo" in str(error))


def _interruption(run: RunFolder) -> RelookError:
    return RelookError("R01", f"{run.path}: the training was interrupted; {_resume_hint(run)}.")


def _lost_connection(run: RunFolder) -> RelookError:
    return RelookError(
        "R05",
        f"{run.path}: process {rank() + 1} of {world_size()} lost the connection to another one, "
        f"which ended early or cannot be reached; its message has the reason; {_resume_hint(run)}.",
    )


def _resume_hint(run: RunFolder) -> str:
    if run.last.is_file():
        return (
            "the state after the last whole epoch is kept; go on with "
            f"`relook train --resume {run.path}`"
        )
    return "it was in its first epoch, so there is nothing to go on from"

"""Early ends of a training: by a signal, or by the end of another process."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final, Self

import lightning.pytorch as pl
import torch.distributed as dist

from ..errors import RelookError
from ..runtime.distributed import rank, world_size
from .run_folder import RunFolder

SAVE: Final = 1  # save the state, and go on
STOP: Final = 2  # save the state, and end


class Signals:
    """Signals to this process, which ask a training to save its state.

    While they are deferred, SIGINT and SIGTERM are noted, and the training ends after its next
    update of the weights; a second one ends it at once. Otherwise they end it at once, by a
    KeyboardInterrupt. SIGUSR1 asks to save the state and to go on.

    A context manager that installs the handlers, and restores those that were there before.
    """

    def __init__(self) -> None:
        self.level = 0
        self._deferred = False
        self._before: dict[int, Any] = {}

    def defer(self) -> None:
        """Note signals from now on."""
        self._deferred = True

    def undefer(self) -> None:
        """End at once at a signal from now on."""
        self._deferred = False

    def forget_save(self) -> None:
        """Forget a request to save the state that has been fulfilled."""
        self.level = 0 if self.level == SAVE else self.level

    def install(self) -> None:
        """Install the handlers; nothing is done in a thread that cannot."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _numbers():
            signal.signal(number, self._note)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.getsignal(number) for number in _numbers()}
        self.install()
        return self

    def __exit__(self, *problem: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number not in (signal.SIGINT, signal.SIGTERM):
            self.level = max(self.level, SAVE)
        elif self._deferred and self.level != STOP:
            self.level = STOP
        else:
            raise KeyboardInterrupt


def _numbers() -> list[int]:
    numbers = [signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGUSR1", None)]
    return [number for number in numbers if number is not None]


@contextlib.contextmanager
def interruptible(run: RunFolder, trainer: pl.Trainer) -> Iterator[None]:
    """Turn an interruption, at which Lightning exits, into an error with the command to resume.

    Raises:
        RelookError: R01 after Ctrl-C, R05 when a process that this one waits for has ended.
    """
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT) if main else None
    try:
        yield
    except (SystemExit, KeyboardInterrupt) as error:
        if trainer.interrupted or isinstance(error, KeyboardInterrupt):
            raise interruption(run) from None
        raise
    except RuntimeError as error:
        if not _is_lost_connection(error):
            raise
        raise _lost_connection(run) from None
    except RelookError as error:
        if error.code != "R03" or not run.has_state:
            raise
        raise RelookError("R03", f"{error.message} {_kept_state(run)}") from None
    finally:
        if handler is not None:  # Lightning leaves Ctrl-C switched off
            signal.signal(signal.SIGINT, handler)


def _is_lost_connection(error: RuntimeError) -> bool:
    """Return whether `error` is a lost connection; gloo has no error class, only messages."""
    return world_size() > 1 and (isinstance(error, dist.DistError) or "gloo" in str(error))


def interruption(run: RunFolder, step: int | None = None) -> RelookError:
    """Return the error for a training that was stopped; `step` is that of the state just saved."""
    where = "" if step is None else f" after step {step}"
    return RelookError(
        "R01", f"{run.path}: the training was interrupted{where}; {_resume_hint(run)}."
    )


def _lost_connection(run: RunFolder) -> RelookError:
    return RelookError(
        "R05",
        f"{run.path}: process {rank() + 1} of {world_size()} lost the connection to another one, "
        f"which ended early or cannot be reached; its message has the reason; {_resume_hint(run)}.",
    )


def _kept_state(run: RunFolder) -> str:
    return (
        f"The last state that was saved is kept, and --resume {run.path} goes on from it; a new "
        f"run with other settings starts from its best model by --weights {run.path}, if there "
        "is one."
    )


def _resume_hint(run: RunFolder) -> str:
    if run.has_state:
        return f"its state is kept; go on with `relook train --resume {run.path}`"
    return (
        "there is no state to go on from yet; the same command with "
        f"`--out {run.path} --resume auto` starts again"
    )

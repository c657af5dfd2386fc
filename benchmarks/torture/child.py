"""One command of relook in a forked process, which can be killed at any moment.

The modules are imported before the fork, so a command starts in milliseconds and random moments
fall into its work, not into its imports.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

LONGEST = 120.0  # seconds of one command


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, negative after a signal, its time and its output."""

    code: int
    seconds: float
    output: str

    @property
    def has_traceback(self) -> bool:
        """Return whether a person would see a traceback."""
        return "Traceback (most recent call last)" in self.output


def import_modules() -> None:
    """Import what the commands use; nothing is computed, so that forks have no threads to lose."""
    import relook.ablation.ablation
    import relook.cli.app
    import relook.data.compose.files
    import relook.evaluation.run
    import relook.inference.batch.run
    import relook.interop.importing
    import relook.training.fine_tuning
    import relook.training.loop

    assert relook.training.loop


def start(
    arguments: Sequence[str | Path], says: Path, before: Callable[[], None] = lambda: None
) -> int:
    """Start ``relook ARGUMENTS`` in a group of its own, with its output in `says`; return its id.
    `before` is called in it first."""
    number = os.fork()
    if number:
        return number
    code = 1
    with contextlib.suppress(BaseException):
        os.setsid()
        output = os.open(says, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = _run([str(argument) for argument in arguments], before)
    os._exit(code)


def _run(arguments: list[str], before: Callable[[], None]) -> int:
    from relook.cli.app import main

    sys.argv = ["relook", *arguments]
    try:
        before()
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  (a forked process never goes on here)
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def wait(
    number: int, says: Path, after: float | None = None, act: int | Callable[[], None] = 9
) -> Ended:
    """Wait for the process `number`; `after` so many seconds send it the signal `act`, or call
    it."""
    began, acted = time.monotonic(), False
    while True:
        found, status = os.waitpid(number, os.WNOHANG)
        passed = time.monotonic() - began
        if found:
            break
        if after is not None and passed >= after and not acted:
            acted = True
            if callable(act):
                act()
            else:
                os.kill(number, act)
        if passed > LONGEST:
            os.kill(number, signal.SIGKILL)
            after, acted = None, True
        time.sleep(0.005)
    _end_group(number)
    text = says.read_text(encoding="utf-8", errors="replace") if says.exists() else ""
    return Ended(os.waitstatus_to_exitcode(status), passed, text)


def _end_group(number: int) -> None:
    """End what the process has left: loader processes, which would end by themselves in seconds."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(number, signal.SIGKILL)

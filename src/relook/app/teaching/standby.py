"""A process that has imported all that a training needs, and waits for one.

The import takes seconds. It is done while a person looks at the panel that teaches, so that the
training begins at once. The process takes about 0.5 GB for the imported packages; unused, it ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import BinaryIO, Final

from ...runtime.parent import VARIABLE

WAITING: Final = "-"
"""Argument of a process that reads the folder of its training from its standard input."""
KEPT: Final = 300.0  # seconds that an unused process waits
Process = subprocess.Popen[bytes]


def start_training(folder: Path) -> Process:
    """Start a process that trains in `folder` (`lesson.main`)."""
    with (folder / "log.txt").open("wb") as log:
        return _started(str(folder), subprocess.DEVNULL, log.fileno())


def read_folder(stream: BinaryIO) -> Path | None:
    """Wait for the folder of a training, and write to its log from then on; None where the other
    process needs no training any more."""
    line = stream.readline().rstrip(b"\n")
    if not line:
        return None
    folder = Path(os.fsdecode(line))
    with (folder / "log.txt").open("wb") as log:
        for number in (1, 2):
            os.dup2(log.fileno(), number)
    return folder


class Standby:
    """The process that waits, at most one. Threads may share it.

    Args:
        seconds: How long it is kept unused.
    """

    def __init__(self, seconds: float = KEPT) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._process: Process | None = None
        self._timer: threading.Timer | None = None

    def prepare(self) -> None:
        """Start a process that waits; one that does so already is kept for longer."""
        with self._lock:
            self._keep_longer()
            if self._process is not None and self._process.poll() is not None:
                _end(self._process)
                self._process = None
            if self._process is None:
                self._process = _started(WAITING, subprocess.PIPE, subprocess.DEVNULL)

    def start(self, folder: Path) -> Process:
        """Train in `folder`, in the process that waits, else in a new one.

        Raises:
            OSError: the log or the process cannot be made.
        """
        with self._lock:
            process, self._process = self._process, None
            self._stop_timer()
        if process is not None and "\n" not in str(folder):
            assert process.stdin is not None
            try:
                with process.stdin as stream:
                    stream.write(os.fsencode(folder) + b"\n")
            except OSError:  # it has ended
                process.wait()
            else:
                return process
        elif process is not None:
            _end(process)
        return start_training(folder)

    def close(self) -> None:
        """End the process that waits."""
        with self._lock:
            process, self._process = self._process, None
            self._stop_timer()
        if process is not None:
            _end(process)

    def _keep_longer(self) -> None:
        self._stop_timer()
        self._timer = threading.Timer(self._seconds, self.close)
        self._timer.daemon = True
        self._timer.start()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _end(process: Process) -> None:
    process.kill()
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _started(argument: str, stdin: int, output: int) -> Process:
    return subprocess.Popen(
        [sys.executable, "-m", "relook.app.teaching.lesson", argument],
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        env={**os.environ, VARIABLE: str(os.getpid())},
    )

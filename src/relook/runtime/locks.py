"""Locks of folders: one process writes into a folder, and a dead one keeps nobody out.

The lock is a file that names its owner: host, process id and the time at which the process was
started, as a process id alone is used again. It is read and written under a lock of the system on
the folder, where the system has one.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ..errors import RelookError
from .files import unwritable, write_text

LOCK: Final = ".lock"
BEAT: Final = 10.0  # seconds between two signs of life of an owner
WATCH: Final = 90.0  # seconds without one, after which an owner on another host counts as dead
_POLL: Final = 1.0

Say = Callable[[str], None]


class FolderLock:
    """The right to write into `folder`, for the time of a ``with`` block.

    The lock of an owner that has ended is taken over, and `say` is called with a line. Whether a
    process of another host is alive is told by the changes of its lock: it gets `watch` seconds
    for the next one.

    Raises:
        RelookError: R07 when another process has it, R02 when it cannot be written.
    """

    def __init__(self, folder: Path, say: Say, *, beat: float = BEAT, watch: float = WATCH) -> None:
        self.path = folder / LOCK
        self._say, self._beat, self._watch = say, beat, watch
        self._owner = {**_this_process(), "token": secrets.token_hex(8)}
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        before = self._found()
        if before is not None and self._is_alive(before):
            raise self._in_use(before)
        with _guarded(self.path.parent):
            now = self._found()
            if now is not None and now.get("token") != (before or {}).get("token"):
                raise self._in_use(now)
            write_text(self.path, json.dumps(self._owner) + "\n")
        if before is not None:
            self._say(
                f"{self.path.parent}: the lock of a process that has ended "
                f"({_words(before)}) is taken over"
            )
        self._thread = threading.Thread(target=self._live, name="lock", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        with contextlib.suppress(OSError), _guarded(self.path.parent):
            if (self._found() or {}).get("token") == self._owner["token"]:
                self.path.unlink()

    def _found(self) -> dict[str, Any] | None:
        """The owner that the lock names; None where there is no lock."""
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unwritable(self.path, error) from error
        try:
            owner = json.loads(text)
        except ValueError:
            owner = None
        return owner if isinstance(owner, dict) else {}

    def _is_alive(self, owner: dict[str, Any]) -> bool:
        """Return whether the process `owner` is at work; on this host it is looked up."""
        if owner.get("host") == self._owner["host"]:
            number = owner.get("pid")
            since = started(number) if isinstance(number, int) else None
            return since is not None and since == owner.get("started")
        if not owner:
            return False
        self._say(
            f"{self.path.parent} is locked by {_words(owner)}; waiting up to "
            f"{self._watch:.0f} s for a sign of life"
        )
        before, deadline = self._changed(), time.monotonic() + self._watch
        while time.monotonic() < deadline:
            time.sleep(min(_POLL, self._watch / 10))
            now = self._changed()
            if now != before:
                return now is not None
        return False

    def _changed(self) -> int | None:
        try:
            return self.path.stat().st_mtime_ns
        except OSError:
            return None

    def _live(self) -> None:
        while not self._ended.wait(self._beat):
            with contextlib.suppress(OSError):
                os.utime(self.path)

    def _in_use(self, owner: dict[str, Any]) -> RelookError:
        return RelookError(
            "R07",
            f"{self.path.parent} is in use by {_words(owner)}, and two processes would damage each "
            "other's files. Wait until it has ended, or end it.",
        )


def started(number: int) -> str | None:
    """The time at which process `number` of this host was started, as the system writes it; None
    where there is no such process."""
    if platform.system() == "Linux":
        try:
            stat = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else f"{fields[19]} {boot}"
    command = ["ps", "-o", "lstart=", "-p", str(number)]
    with contextlib.suppress(OSError):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip() or None
    return None


def _this_process() -> dict[str, Any]:
    return {"host": socket.gethostname(), "pid": os.getpid(), "started": started(os.getpid())}


def _words(owner: dict[str, Any]) -> str:
    return f"process {owner.get('pid', '?')} on {owner.get('host', 'an unknown host')}"


@contextlib.contextmanager
def _guarded(folder: Path) -> Iterator[None]:
    """Let one process at a time into the block, where the system can lock a folder."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, handle)
            wait_for(handle)
        yield


def wait_for(handle: int) -> None:
    """Take the system's lock on an open file or folder as soon as no other process has it.

    The system gives it back when the file is closed or the process dies. Nothing is locked where
    there are no locks: on Windows, and on some network drives.
    """
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)

"""Faults of the machine during a training: a full disk, a folder that fails, a wrong clock."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from .cases import Case
from .child import Ended, start, wait
from .results import difference
from .row import Row

_ROOM: Final = 40_000  # bytes of a file on the full disk; a state is larger


def faults(folder: Path, only: str | None) -> list[Callable[[Case, dict[str, str]], Row]]:
    """Functions that do a training with a fault in `folder`, for the faults that `only` names;
    each is given the training and its results, and returns a row."""

    def of(name: str, work: Callable[[Row, _Place], None]) -> Callable[..., Row]:
        def act(case: Case, expected: dict[str, str]) -> Row:
            row = Row(f"train, {name}", works=1)
            place = _Place(case, folder / "fault", folder / "says.txt", expected)
            shutil.rmtree(place.out, ignore_errors=True)
            work(row, place)
            return row

        return act

    works: dict[str, Callable[[Row, _Place], None]] = {
        "disk full": _disk_full,
        "read-only folder": _read_only,
        "run folder removed": _removed,
        "clock set back": _clock_back,
    }
    words = None if only is None else [word.strip() for word in only.split(",")]
    return [
        of(name, work)
        for name, work in works.items()
        if words is None or any(word in f"train, {name}" for word in words)
    ]


class _Place:
    """A training in `out`, and what it must leave."""

    def __init__(self, case: Case, out: Path, says: Path, expected: dict[str, str]) -> None:
        self.case, self.out, self.says, self.expected = case, out, says, expected

    def run(
        self,
        before: Callable[[], None] = lambda: None,
        after: float | None = None,
        act: int | Callable[[], None] = 9,
    ) -> Ended:
        """Run the training, or go on with it."""
        process = start(self.case.arguments(self.out, is_first=True), self.says, before)
        return wait(process, self.says, after, act)

    def must_end(self, row: Row, ended: Ended, code: int, words: str) -> None:
        """Note a failure unless the training has ended with an exit code and some words."""
        if ended.code != code or words not in ended.output or ended.has_traceback:
            row.failures.append(f"exit {ended.code} in place of {code}: {ended.output[-600:]}")

    def must_equal(self, row: Row) -> None:
        """Go on undisturbed; note a failure unless the results are the expected ones."""
        ended = self.run()
        self.must_end(row, ended, 0, "")
        if not ended.code and (problem := difference(self.out, self.expected)):
            row.failures.append(problem)


def obey_modes() -> None:
    """Give up the right of the superuser to write where the mode of a file forbids it (Linux)."""
    if os.getuid():
        return
    system = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    rights = (ctypes.c_uint32 * 6)()
    system.capget(header, rights)
    for position in (0, 1):  # effective, permitted
        rights[position] &= ~0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    system.capset(header, rights)


def _disk_full(row: Row, place: _Place) -> None:
    """Files can have `_ROOM` bytes at most, then all room again."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (_ROOM, _ROOM))

    place.must_end(row, place.run(limit), 1, "R02")
    place.must_equal(row)


def _read_only(row: Row, place: _Place) -> None:
    """The folder cannot be written: from the start, and from halfway through the training."""

    place.out.mkdir()
    place.out.chmod(0o555)
    place.must_end(row, place.run(obey_modes), 1, "R02")
    place.out.chmod(0o777)

    def forbid() -> None:
        place.out.chmod(0o555)

    ended = place.run(obey_modes, place.case.seconds * 0.6 or 1.0, forbid)
    if ended.code:
        place.must_end(row, ended, 1, "R02")
    place.out.chmod(0o777)
    place.must_equal(row)


def _removed(row: Row, place: _Place) -> None:
    """The folder is gone halfway through the training."""
    half = place.case.seconds * 0.6 or 1.0
    ended = place.run(after=half, act=lambda: shutil.rmtree(place.out, ignore_errors=True))
    if ended.code:
        place.must_end(row, ended, 1, "R02")
    elif place.out.exists():
        row.failures.append("exit 0 without the folder")
    shutil.rmtree(place.out, ignore_errors=True)
    place.must_equal(row)


def _clock_back(row: Row, place: _Place) -> None:
    """The clock of the system goes back by an hour at every tenth look at it."""

    def turn_back() -> None:
        real, looks = time.time, [0]

        def wrong() -> float:
            looks[0] += 1
            return real() - 3600 * (looks[0] // 10)

        time.time = wrong

    ended = place.run(turn_back)
    place.must_end(row, ended, 0, "")
    place.must_equal(row)

"""Trainings that are compared: one process for each, which can be interrupted and resumed.

A job is a dataclass with a ``name``. Its folder has ``job.json``, ``said.txt`` with the output of
its process, and ``numbers.json`` when it is done. A process ends when its parent ends, in whatever
way, so that two processes never write into one folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Literal

from ..errors import RelookError
from ..runtime.files import write_text
from ..runtime.json_files import read_json

Numbers = dict[str, Any]
Core = int | Literal["all", "any"]
WHOLE_MACHINE: Final = "all"
"""In place of a core: all cores, and PyTorch's own number of threads."""
ANY_CORE: Final = "any"
"""In place of a core: one thread, on any free core."""
_MOMENT = 0.5  # seconds


def run_all(
    jobs: Sequence[Any],
    folder: Path,
    cores: Sequence[Core],
    command: Sequence[str],
    tell: Callable[[Any, Numbers], None],
) -> None:
    """Run the jobs that have no numbers yet, one at a time on each entry of `cores`.

    Each job runs as ``COMMAND FOLDER CORE`` in a process of its own, which calls `run_one`. `tell`
    is called with each finished job and its numbers.

    Raises:
        RelookError: R05 when a job ended with an error.
    """
    missing = iter([job for job in jobs if not is_done(folder, job)])
    lanes: dict[int, tuple[Any, subprocess.Popen[bytes]]] = {}  # by the place in `cores`
    try:
        while True:
            for lane, core in enumerate(cores):
                job = None if lane in lanes else next(missing, None)
                if job is not None:
                    lanes[lane] = job, _start(job, folder, core, command)
            if not lanes:
                return
            for lane, (job, process) in list(lanes.items()):
                if _has_ended(process, folder / job.name):
                    del lanes[lane]
                    tell(job, numbers(folder, job))
    finally:
        for _, process in lanes.values():
            _end(process)


def _has_ended(process: subprocess.Popen[bytes], place: Path) -> bool:
    """Wait a moment; return whether the job of `place` has ended without an error."""
    try:
        code = process.wait(timeout=_MOMENT)
    except subprocess.TimeoutExpired:
        return False
    _end(process)
    if code:
        output = place / "said.txt"
        raise RelookError("R05", f"{place.name} failed: {_last_line(output)} See {output}.")
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _start(job: Any, folder: Path, core: Core, command: Sequence[str]) -> subprocess.Popen[bytes]:
    place = folder / job.name
    write_text(place / "job.json", json.dumps(asdict(job), indent=2) + "\n")
    environment = dict(os.environ)
    if core != WHOLE_MACHINE:
        environment["OMP_NUM_THREADS"] = "1"  # PyTorch reads it at its start
    with (place / "said.txt").open("wb") as output:
        # Nothing is written to the standard input. It closes when this process ends.
        return subprocess.Popen(
            [*command, str(place), str(core)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _last_line(output: Path) -> str:
    lines = output.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "it has no output.")


def run_one(
    place: Path, core: str, kind: Callable[..., Any], run: Callable[[Any, Path], Numbers]
) -> None:
    """Run the job of ``place/job.json``, made by `kind`, on `core`; write its ``numbers.json``.

    `core` is a number, for one thread on it, or another `Core`. The process ends when its parent
    process ends.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if core not in (WHOLE_MACHINE, ANY_CORE):
        os.sched_setaffinity(0, {int(core)})
    job = kind(**read_json(place / "job.json", Numbers, "Start the command again."))
    write_text(place / "numbers.json", json.dumps(run(job, place), indent=2) + "\n")


def _end_with_parent() -> None:
    # Not through sys.stdin: a thread that holds its lock disturbs the end of the interpreter.
    os.read(0, 1)
    os._exit(1)


def is_done(folder: Path, job: Any) -> bool:
    """Return whether the numbers of `job` have been written."""
    path: Path = folder / job.name / "numbers.json"
    return path.is_file()


def numbers(folder: Path, job: Any) -> Numbers:
    """Return the result of a job that is done.

    Raises:
        DataError: D03 when its file is damaged.
    """
    path = folder / job.name / "numbers.json"
    return read_json(path, Numbers, "Delete it, and this job is run again with --resume.")

"""Trainings that are compared: each on a core of its own, its numbers kept, stopped and gone on.

A job is a dataclass with a ``name``. Its folder has ``job.json``, and ``numbers.json`` when it is
done.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from relook.atomic import write_text
from relook.errors import RelookError

Numbers = dict[str, Any]


def run_all(
    jobs: Sequence[Any],
    folder: Path,
    cores: Sequence[int],
    script: Path,
    tell: Callable[[Numbers], str],
) -> None:
    """Do what has no numbers yet, one job on each of `cores` at a time.

    Each is ``SCRIPT --one FOLDER CORE`` in a process of its own; `tell` says its numbers in a line.

    Raises:
        RelookError: R01 when a job ended with an error.
    """
    missing = iter([job for job in jobs if not (folder / job.name / "numbers.json").is_file()])
    lanes: dict[int, tuple[Any, subprocess.Popen[bytes]]] = {}
    try:
        while True:
            for core in set(cores) - set(lanes):
                job = next(missing, None)
                if job is not None:
                    lanes[core] = job, _start(job, folder, core, script)
            if not lanes:
                return
            for core, (job, process) in list(lanes.items()):
                try:
                    code = process.wait(timeout=1)
                except subprocess.TimeoutExpired:
                    continue
                del lanes[core]
                if code:
                    raise RelookError("R01", f"{job.name} failed; see {folder / job.name}.")
                print(f"{job.name}: {tell(numbers(folder, job))}", flush=True)
    finally:
        for _, process in lanes.values():
            process.kill()
            process.wait()


def _start(job: Any, folder: Path, core: int, script: Path) -> subprocess.Popen[bytes]:
    place = folder / job.name
    if (place / "run").exists():  # of a training that was stopped
        shutil.rmtree(place / "run")
    write_text(place / "job.json", json.dumps(asdict(job), indent=2) + "\n")
    command = [sys.executable, str(script.resolve()), "--one", str(place), str(core)]
    return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})


def run_one(
    place: Path, core: int, kind: Callable[..., Any], run: Callable[[Any, Path], Numbers]
) -> None:
    """The job of ``place/job.json``, made by `kind`, on one core; then its ``numbers.json``."""
    os.sched_setaffinity(0, {core})
    torch.set_num_threads(1)
    job = kind(**json.loads((place / "job.json").read_text(encoding="utf-8")))
    write_text(place / "numbers.json", json.dumps(run(job, place), indent=2) + "\n")


def add_options(parser: argparse.ArgumentParser, out: Path) -> None:
    """Where and on which cores jobs run."""
    add = parser.add_argument
    add("--side-by-side", action="store_true", help="one training on each core; else one at a time")
    add("--core", type=int, help="use this core only")
    add("--out", type=Path, default=out)
    add("--one", nargs=2, help=argparse.SUPPRESS)


def chosen_cores(arguments: argparse.Namespace) -> list[int]:
    """The cores that the options of `add_options` ask for."""
    cores = sorted(os.sched_getaffinity(0))
    if arguments.core is not None:
        return [arguments.core]
    return cores if arguments.side_by_side else [cores[-1]]


def numbers(folder: Path, job: Any) -> Numbers:
    """What a job that is done has found."""
    content: Numbers = json.loads((folder / job.name / "numbers.json").read_text())
    return content


def mean_and_range(values: Sequence[float | None], digits: int = 3) -> str:
    """``mean (smallest to largest)``; a dash when one is not known."""
    known = [value for value in values if value is not None]
    if len(known) < len(values) or not known:
        return "-"
    mean, low, high = statistics.mean(known), min(known), max(known)
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"

"""Trainings that a script compares, and on which cores of this machine they run."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from relook.ablation import jobs
from relook.ablation.jobs import Numbers


def run_all(
    wanted: Sequence[Any],
    folder: Path,
    cores: Sequence[int],
    script: Path,
    tell: Callable[[Numbers], str],
) -> None:
    """Do what has no numbers yet; each job is ``SCRIPT --one FOLDER CORE``.

    `tell` says the numbers of one that has been done in a line.

    Raises:
        RelookError: R05 when a job ended with an error.
    """

    def told(job: Any, found: Numbers) -> None:
        print(f"{job.name}: {tell(found)}", flush=True)

    jobs.run_all(wanted, folder, cores, [sys.executable, str(script.resolve()), "--one"], told)


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

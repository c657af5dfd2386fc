"""Trainings as processes, and the file in which their numbers outlive a stop."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from relook.errors import RelookError, UsageError
from relook.runtime.files import write_text

from .training import Job, run_job

SCRIPT = Path(__file__).resolve().parents[1] / "floor.py"
HELD_OUT = 8  # every so many images of train score the rates


class Floor:
    """The trainings in a folder, what is known of them, and where they run.

    `cores` has one set of cores for each of the trainings that may run at a time; None leaves
    them to the system, one training at a time.
    """

    def __init__(self, folder: Path, cores: Sequence[set[int]] | None) -> None:
        self.folder, self.cores = folder, cores
        self.path = folder / "results.json"
        self.results: dict[str, Any] = {"trainings": {}}
        if self.path.is_file():
            self.results = json.loads(self.path.read_text(encoding="utf-8"))

    def run(self, jobs: Mapping[str, Job]) -> dict[str, dict[str, Any]]:
        """Numbers by name; of `jobs`, only those are trained that are not in the results.

        Raises:
            UsageError: U04 when a name is in the results, but of other settings.
            RelookError: R01 when a training ended with an error.
        """
        missing = {name: job for name, job in jobs.items() if not self._is_done(name, job)}
        at_a_time = 1 if self.cores is None else len(self.cores)
        names = list(missing)
        for start in range(0, len(names), at_a_time):
            group = {name: missing[name] for name in names[start : start + at_a_time]}
            self._run_together(group)
        return {name: self.results["trainings"][name] for name in jobs}

    def run_folder(self, name: str) -> Path:
        """Where the training called `name` leaves its model."""
        return self._place(name) / "run"

    def save(self) -> None:
        """Write the results, as a whole or not at all."""
        write_text(self.path, json.dumps(self.results, indent=2) + "\n")

    def _place(self, name: str) -> Path:
        return self.folder / "trainings" / name.replace(" ", "-")

    def _is_done(self, name: str, job: Job) -> bool:
        known = self.results["trainings"].get(name)
        if known is not None and known["job"] != job.to_json():
            raise UsageError(
                "U04",
                f"{self.path}: the training {name!r} there had other settings, so its numbers "
                "cannot stand beside new ones. Choose another --out.",
            )
        return known is not None

    def _run_together(self, group: Mapping[str, Job]) -> None:
        running = {}
        try:
            for number, (name, job) in enumerate(group.items()):
                print(f"training: {name}", flush=True)
                cores = None if self.cores is None else self.cores[number]
                running[name] = self._start(name, job, cores)
            for name, process in running.items():
                self._take(name, group[name], process.wait())
        finally:
            for process in running.values():
                process.kill()
                process.wait()

    def _start(self, name: str, job: Job, cores: set[int] | None) -> subprocess.Popen[bytes]:
        """The process of one training, which inherits the cores that this one has just now."""
        place = self._place(name)
        shutil.rmtree(place, ignore_errors=True)  # of a training that was stopped
        write_text(place / "job.json", json.dumps(job.to_json(), indent=2) + "\n")
        command = [sys.executable, str(SCRIPT), "--one", str(place)]
        threads = str(job.threads)
        variables = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        own = None if cores is None else os.sched_getaffinity(0)
        with (place / "log.txt").open("wb") as log:
            try:
                if cores is not None:
                    os.sched_setaffinity(0, cores)
                return subprocess.Popen(command, env=variables, stdout=log, stderr=log)
            finally:
                if own is not None:
                    os.sched_setaffinity(0, own)

    def _take(self, name: str, job: Job, code: int) -> None:
        place = self._place(name)
        if code:
            raise RelookError("R01", f"the training {name!r} failed; see {place / 'log.txt'}.")
        numbers = json.loads((place / "numbers.json").read_text(encoding="utf-8"))
        self.results["trainings"][name] = {"job": job.to_json(), **numbers}
        self.save()


def run_one(place: Path) -> None:
    """The training of ``place/job.json``; its numbers are in ``place/numbers.json`` then."""
    job = Job.from_json(json.loads((place / "job.json").read_text(encoding="utf-8")))
    write_text(place / "numbers.json", json.dumps(run_job(job, place)) + "\n")


def hold_out(train_json: Path, folder: Path) -> tuple[Path, Path]:
    """The files of two parts of `train_json`: to train on, and every eighth image to score.

    Images are counted in the order of their ids.
    """
    content = json.loads(train_json.read_text(encoding="utf-8"))
    ids = sorted(image["id"] for image in content["images"])
    held = set(ids[HELD_OUT - 1 :: HELD_OUT])
    paths = folder / "train_part.json", folder / "held_out.json"
    for path, chosen in zip(paths, (set(ids) - held, held), strict=True):
        part = {
            **content,
            "images": [one for one in content["images"] if one["id"] in chosen],
            "annotations": [one for one in content["annotations"] if one["image_id"] in chosen],
        }
        write_text(path, json.dumps(part))
    return paths

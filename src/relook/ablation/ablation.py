"""An ablation from its plan to its table; it can be interrupted and resumed at any moment."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..data.coco.reader import read_coco
from ..errors import RelookError, UsageError, counted
from ..evaluation.statistics.intervals import load_resampled
from ..inference.predictor import Predictor
from ..models.build import build_detector
from ..runtime.files import write_text
from ..runtime.json_files import read_json
from ..runtime.locks import FolderLock
from ..training.annotations import Annotations, read_annotations
from ..training.run_folder import environment
from ..training.settings import Settings
from ..training.sources import read_sources
from ..weights.file import load_model
from .dials import dial_groups
from .interval_table import interval_csv, interval_sections
from .job import Job
from .jobs import WHOLE_MACHINE, Core, Numbers, run_all
from .measuring import MASKS, seconds_per_image, size_of
from .plan import Budget, Plan
from .plot import accuracy_over_time, gains_over_dials, learning_curves
from .published import published_for
from .rows import Row
from .running import COMMAND, RESAMPLED, checked_numbers, device_name
from .table import RowResult, markdown, table_csv

TABLE, TABLE_CSV, INTERVALS_CSV = "table.md", "table.csv", "intervals.csv"
PLOT, GAINS, LEARNING = "plot.svg", "gains.svg", "learning.svg"
TIMES, SEEDS = "times.json", "seeds.json"


class Times(NamedTuple):
    """Median seconds of predicting in an image by row; number of images; name of the device."""

    seconds: dict[str, float]
    images: int
    on: str = "cpu"  # or the name of the GPU


@dataclass(frozen=True, slots=True)
class Ablation:
    """Request of an ablation: its rows, its folder, and how it reports progress."""

    rows: Sequence[Row]
    plan: Plan
    budget: Budget
    folder: Path
    command: str  # command line, printed under the table
    say: Callable[[str], None]
    cores: Sequence[Core] = (WHOLE_MACHINE,)
    timed_images: int = 5
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)  # parameters, multiply-adds

    def run(self, *, resume: bool = False) -> list[RowResult]:
        """Train and score the rows that are not done, measure times, write the table in all forms.

        Raises:
            RelookError: R01 when interrupted, R05 when a training failed, R02 when the disk is
                full, R07 when another command has an ablation at work in the folder.
            DataError, UsageError, ModelError: a row or the data cannot be used; raised before
                the first training.
        """
        self.sizes.update(_checked(self.plan.rows))
        with FolderLock(self.folder, self.say):
            self.plan.start(self.folder, resume=resume)
            return self._run()

    def _run(self) -> list[RowResult]:
        """`run`, in a folder that is locked and holds this plan."""
        jobs = list(self.plan.jobs())
        names = ", ".join(self.plan.rows)
        self.say(f"{self.extent}: {names}; in {self.folder}, each with its log in NAME/log.txt")
        try:
            run_all(jobs, self.folder, self.cores, COMMAND, self._report)
        except KeyboardInterrupt:
            raise RelookError(
                "R01",
                f"{self.folder}: the ablation was interrupted; finished parts are kept. Go on with "
                "the same command and --resume.",
            ) from None
        by_job = {job: checked_numbers(self.folder, job) for job in jobs}
        times = self._times(by_job)
        results = self._results(by_job, times.seconds)
        self._write(results, by_job, times)
        return results

    @property
    def extent(self) -> str:
        """Describe the budget of the trainings, in words."""
        rows, seeds = counted(len(self.rows), "row"), counted(self.plan.seeds, "seed")
        return f"{rows}, {seeds}, {self.budget} each"

    def _report(self, job: Job, result: Numbers) -> None:
        if "diverged" in result:
            self.say(f"{job.name}: diverged")
            return
        metrics = result["metrics"]
        kind = "mask" if metrics["mask"] else "box"
        ap = metrics[kind]["ap"]
        self.say(
            f"{job.name}: {kind} AP {'-' if ap is None else f'{100 * ap:.1f}'}, "
            f"{result['steps']} steps, {result['minutes']:.1f} minutes"
        )

    def _times(self, by_job: Mapping[Job, Numbers]) -> Times:
        """Measure the times of the first seed's models, once."""
        path = self.folder / TIMES
        if path.is_file():
            return read_json(path, Times, "Delete it, and times are measured again.")
        first: dict[str, Job] = {}
        for job, result in by_job.items():
            if "metrics" in result:
                first.setdefault(job.row, job)
        if not first or not self.timed_images:
            return Times({}, 0)
        leniency = next(iter(self.plan.rows.values())).data.leniency
        index = read_coco(*self._validation, annotated=False, leniency=leniency)
        images = [record.path for record in index.images[: self.timed_images]]
        self.say(f"measuring the time of {counted(len(images), 'image')}")
        seconds = seconds_per_image(
            {
                row: Predictor.of(load_model(job.run(self.folder).best))
                for row, job in first.items()
            },
            images,
            {row: settings.train.max_dets for row, settings in self.plan.rows.items()},
        )
        times = Times(seconds, len(images), device_name())
        write_text(path, json.dumps(times._asdict(), indent=2) + "\n")
        return times

    def _results(
        self, by_job: Mapping[Job, Numbers], seconds: Mapping[str, float]
    ) -> list[RowResult]:
        return [
            RowResult(
                row.name,
                self.plan.rows[row.name].model.parts.beside(row.model),
                *self.sizes[row.name],
                seconds.get(row.name),
                [by_job[job] for job in jobs],
                published_for(row),
                [load_resampled(path) for path in self._resampled(jobs)],
            )
            for row, jobs in ((row, _of_row(row, by_job)) for row in self.rows)
        ]

    def _resampled(self, jobs: Sequence[Job]) -> list[Path]:
        """Files of resamples of `jobs`; jobs that diverged have none."""
        paths = [self.folder / job.name / RESAMPLED for job in jobs]
        return [path for path in paths if path.is_file()]

    @property
    def _validation(self) -> tuple[Path, Path]:
        """The file that all rows are scored on, and the folder of its images."""
        data = next(iter(self.plan.rows.values())).data
        assert data.val_json is not None  # `settings_for` refuses rows without
        return data.val_json, data.val_images or data.train_images

    def _write(
        self, results: Sequence[RowResult], by_job: Mapping[Job, Numbers], times: Times
    ) -> None:
        raw = list(by_job.values())
        groups = dial_groups(self._validation[0])
        sections = [markdown(results), *interval_sections(results, groups)]
        parts = [f"# {self.extent}", *sections, *self._notes(raw, times)]
        write_text(self.folder / TABLE, "\n\n".join(parts) + "\n")
        write_text(self.folder / TABLE_CSV, table_csv(results))
        write_text(self.folder / INTERVALS_CSV, interval_csv(results, groups))
        write_text(self.folder / PLOT, accuracy_over_time(results))
        if groups and len(results) > 1:
            write_text(self.folder / GAINS, gains_over_dials(results, groups))
        runs = {
            row.name: [job.run(self.folder) for job in _of_row(row, by_job)] for row in self.rows
        }
        write_text(self.folder / LEARNING, learning_curves(runs))
        write_text(self.folder / SEEDS, json.dumps(raw, indent=2) + "\n")

    def _notes(self, raw: Sequence[Numbers], times: Times) -> list[str]:
        """Describe the numbers, and the settings and machine that gave them."""
        max_dets = next(iter(self.plan.rows.values())).train.max_dets
        on = ", ".join(dict.fromkeys(n["on"] for n in raw if "on" in n)) or "nothing"
        hours = sum(n.get("minutes", 0.0) for n in raw) / 60
        side = "one thread each" if self.cores[0] != WHOLE_MACHINE else "one after another"
        return [
            f"AP in points (0 to 100) of the last weights on {self._validation[0]}, at most "
            f"{max_dets} detections an image; nothing was chosen by these images. Of several "
            "seeds: mean ± standard deviation (worst to best). Published: COCO val2017, R-50, as "
            "the source gives; a dash where no number was read.",
            f"Time: predicting in one image on {times.on} with one thread, from pixels to pasted "
            f"masks, median over {counted(times.images, 'validation image')}, the rows in turns. "
            "Memory: of the training's process, the most resident on a CPU, the most allocated on "
            "a GPU; processes that load images are not counted. Where a row was trained on both, "
            "memory, steps and minutes are of the seeds on what its first one was trained on. "
            f"Multiply-adds: at the input size, {MASKS} masks. Trained on {on}, {side}: "
            f"{hours:.1f} hours in all, without the scoring.",
            f"`{self.command}`",
            f"On: {json.dumps(environment())}",
        ]


def _of_row(row: Row, jobs: Iterable[Job]) -> list[Job]:
    """The seeds of `row`."""
    return [job for job in jobs if job.row == row.name]


def side_by_side() -> list[int]:
    """Return the numbers of this machine's cores, for one training on each.

    Raises:
        UsageError: U04 where processes cannot be bound to cores.
    """
    if not hasattr(os, "sched_getaffinity"):
        raise UsageError("U04", "--side-by-side needs a system that binds processes to cores.")
    return sorted(os.sched_getaffinity(0))


def _checked(rows: Mapping[str, Settings]) -> dict[str, tuple[int, int]]:
    """Parameters and multiply-adds of every row, with the classes of the data.

    Raises:
        DataError, UsageError: the data, or a row on this data, cannot be used.
        ModelError: M08 when a row has a part that is not allowed or does not exist.
    """
    read: dict[bool, Annotations] = {}
    sizes = {}
    for name, settings in rows.items():
        masks = settings.model.cascade.masks
        if masks not in read:
            read[masks] = read_annotations(settings)
            if read[masks].panoptic_val is not None:
                raise UsageError(
                    "U04",
                    f"{settings.data.val_json} is a panoptic file, but rows are scored by the AP "
                    "of objects. Give COCO instances as --val-json.",
                )
        fitted, _ = read_sources(settings, read[masks])
        if fitted.model.parts.by_place:
            build_detector(fitted.model)  # checks that its parts are allowed, and fit
        sizes[name] = size_of(fitted.model)
    return sizes

"""The folder of a training: its file names, its records and the choice of a free name."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._version import __version__
from ..data.coco.reader import CocoIndex
from ..errors import DataError, RelookError, UsageError
from ..runtime.csv_files import write_csv
from ..runtime.files import is_draft, unwritable, write_text
from ..runtime.locks import LOCK
from .settings import Settings, read_overlay, resolve

_PACKAGES = ("torch", "torchvision", "lightning", "numpy", "opencv-python-headless", "pycocotools")
_TRIES = 10_000
_BEFORE_SETTINGS = {"classes.json", "env.json", "data.json", "data", LOCK}
"""Files of a run that was stopped before it had settings."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths of one run; files are written by its methods only."""

    path: Path

    @property
    def config(self) -> Path:
        """Fully resolved settings."""
        return self.path / "config.yaml"

    @property
    def best(self) -> Path:
        """The model with the best validation so far."""
        return self.path / "best.safetensors"

    @property
    def last(self) -> Path:
        """Newest state of the training."""
        return self.path / "last.ckpt"

    @property
    def previous(self) -> Path:
        """State of the training before `last`, for the case that this is damaged."""
        return self.path / "previous.ckpt"

    @property
    def data(self) -> Path:
        """Digests, classes and counts of the annotation files."""
        return self.path / "data.json"

    @property
    def predictions(self) -> Path:
        """COCO results of the best model on the validation images."""
        return self.path / "predictions.json"

    @property
    def first_batch(self) -> Path:
        """Picture of the first batch."""
        return self.path / "first_batch.jpg"

    @property
    def report(self) -> Path:
        """One page about the run."""
        return self.path / "report.html"

    @property
    def metrics(self) -> Path:
        """Records in order, one json object per line."""
        return self.path / "metrics.jsonl"

    @property
    def metrics_table(self) -> Path:
        """The records as a table."""
        return self.path / "metrics.csv"

    @property
    def has_state(self) -> bool:
        """Return whether there is a state to go on from."""
        return self.last.is_file() or self.previous.is_file()

    def begin(self, settings: Settings, index: CocoIndex, data: Mapping[str, Any]) -> None:
        """Write classes.json, env.json, data.json, and config.yaml as the last; records of a run
        that was stopped before its first checkpoint are dropped."""
        self.metrics.unlink(missing_ok=True)
        write_text(self.path / "classes.json", _json(class_table(index)))
        write_text(self.path / "env.json", _json(environment()))
        write_text(self.data, _json(data))
        write_text(self.config, settings.to_yaml())

    def read_data(self) -> dict[str, Any]:
        """Return what data.json says; nothing for a run of an older relook, which has none.

        Raises:
            RelookError: R06 when the file is damaged.
        """
        if not self.data.is_file():
            return {}
        try:
            record = json.loads(self.data.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RelookError(
                "R06", f"{self.data} cannot be read ({error}). Start a new run."
            ) from None
        return record if isinstance(record, dict) else {}

    def read_settings(self) -> Settings:
        """The settings of config.yaml.

        Raises:
            DataError: D01 when the run or its file is missing.
            UsageError: U02 or U03 when the file cannot be used.
        """
        return resolve([read_overlay(self.config)])

    def record(self, row: Mapping[str, Any]) -> None:
        """Append `row` to metrics.jsonl.

        Raises:
            RelookError: R02 when it cannot be written.
        """
        try:
            with self.metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise unwritable(self.metrics, error) from error

    def write_report(self, page: str) -> None:
        """Write report.html."""
        write_text(self.report, page)

    def rows(self) -> list[dict[str, Any]]:
        """Return the records so far; a last line that was cut off by a crash is left out.

        Raises:
            DataError: D03 when another line is damaged.
        """
        if not self.metrics.is_file():
            return []
        *lines, last = self.metrics.read_bytes().split(b"\n")
        rows = [_record(self.metrics, number, line) for number, line in enumerate(lines, start=1)]
        with contextlib.suppress(DataError):
            rows += [_record(self.metrics, len(lines) + 1, last)] if last else []
        return rows

    def forget_after(self, step: int, count: int | None = None) -> None:
        """Drop the records that a resumed training repeats: all but the first `count`, or without
        it those of steps after `step`."""
        rows = self.rows()
        kept = [row for row in rows if row.get("step", 0) <= step]
        kept = kept if count is None else rows[:count]
        write_text(self.metrics, "".join(json.dumps(row) + "\n" for row in kept))

    def write_table(self) -> None:
        """Write metrics.csv, with one column for every name in the records."""
        rows = self.rows()
        columns = list(dict.fromkeys(name for row in rows for name in row))
        write_csv(
            self.metrics_table, columns, ([row.get(name) for name in columns] for row in rows)
        )


def _record(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or type(record.get("step", 0)) is not int:
        raise DataError(
            "D03",
            f"{path}: line {number} is damaged. Delete this line: its numbers will be missing in "
            "metrics.csv and in the report, and the training is as it was.",
        )
    return record


def class_table(index: CocoIndex) -> list[dict[str, Any]]:
    """Classes of `index` in label order: id, name and number of objects, without crowds."""
    return [
        {"id": c.id, "name": c.name, "objects": count}
        for c, count in zip(index.classes, index.class_counts(), strict=True)
    ]


def environment() -> dict[str, Any]:
    """Versions and machine, stored beside the numbers."""
    import torch

    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed under this name"
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "relook": __version__,
        "python": platform.python_version(),
        "packages": versions,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpus": gpus,
    }


def run_to_continue(out: Path | None) -> RunFolder | None:
    """Return the run at `out`, if there is one that can be resumed."""
    run = None if out is None else RunFolder(out)
    return run if run is not None and run.config.is_file() and run.has_state else None


def create_run(
    out: Path | None, name: str, parent: Path = Path("runs"), *, anew: bool = False
) -> RunFolder:
    """A new, empty folder: `out`, or the first free of parent/name, parent/name-2, ...

    A run that was stopped before it had settings counts as empty, and with `anew` also one that
    was stopped before its first checkpoint.

    Raises:
        UsageError: U04 when `out` exists and is not empty.
        RelookError: R02 when the folder cannot be made.
    """
    try:
        if out is not None:
            return RunFolder(_new_folder(out, anew))
        parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, _TRIES):
            path = parent / (name if number == 1 else f"{name}-{number}")
            try:
                path.mkdir()
            except FileExistsError:
                continue
            return RunFolder(path)
    except OSError as error:
        where = out or parent
        raise RelookError("R02", f"{where}: the run folder cannot be made ({error}).") from error
    raise UsageError("U04", f"{parent}: {_TRIES} runs are called {name}; choose one with --out.")


def _new_folder(out: Path, anew: bool) -> Path:
    run = RunFolder(out)
    is_free = not out.exists()
    if out.is_dir():
        files = {file.name for file in out.iterdir() if not is_draft(file)}
        began = anew and run.config.is_file() and not run.has_state
        is_free = began or files <= _BEFORE_SETTINGS
    if not is_free:
        raise UsageError(
            "U04",
            f"{out} exists, and a run never overwrites another. Choose a new --out, or go on "
            f"with --resume {out}. Add --resume auto for a command that starts a run or goes on "
            "with it, as a queue needs it.",
        )
    out.mkdir(parents=True, exist_ok=True)
    return out


def open_run(path: Path) -> RunFolder:
    """The run at `path`, ready to be resumed.

    Raises:
        DataError: D01 when there is no such run, or it stopped before its first checkpoint.
    """
    run = RunFolder(path)
    if not run.config.is_file():
        raise DataError(
            "D01", f"{path} is no run folder: {run.config.name} is missing. Start a new training."
        )
    if not run.has_state:
        raise DataError(
            "D01",
            f"{path} has no checkpoint yet: it was stopped before its first one. Repeat the "
            f"command that started it, with --out {path} --resume auto: it then starts in this "
            "folder.",
        )
    return run


def _json(value: Sequence[Any] | Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"

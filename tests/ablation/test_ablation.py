"""A whole ablation by the command line: killed, gone on with, and its table."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from relook.ablation import ablation, running
from relook.ablation.jobs import Core, is_done, numbers
from relook.ablation.running import Job, run_job
from relook.cli.app import app
from relook.evaluation.statistics.bootstrap import Resampling
from relook.runtime.csv_files import csv_cell
from relook.runtime.locks import LOCK

from ..narrow_models import FEW, NARROW, as_options

pytestmark = pytest.mark.slow

ROWS, EPOCHS = ("htc", "+rfp"), 2
SMALL = {
    **NARROW,
    **FEW,
    "cascade__select__max_detections": 10,
    "input__size": (64, 64),
    "augment__crop": (48, 48),
    "train__max_dets": 10,
    "train__workers": 0,
}
MEASURED = {"seconds_per_image", "memory_bytes", "minutes"}
"""Columns that two ablations cannot have in common."""


@pytest.fixture
def command(blobs: Path) -> list[str]:
    """The options of an ablation of two rows and two seeds; its folder is to be added."""
    files = ["--train-json", blobs, "--val-json", blobs, "--images", blobs.parent / "images"]
    budget = ["--rows", ",".join(ROWS), "--epochs", EPOCHS, "--seeds", 2, "--batch", 4]
    words = map(str, [*files, *budget, "--time-images", 1])
    return ["ablate", *words, *as_options(SMALL), "--out"]


def _in_this_process(
    jobs: Sequence[Job],
    folder: Path,
    cores: Sequence[Core],
    command: Sequence[str],
    tell: Callable[[Job, dict[str, Any]], None],
) -> None:
    """As `run_all` does, without the seconds that a process takes to start."""
    for job in jobs:
        if not is_done(folder, job):
            place = folder / job.name
            place.mkdir(exist_ok=True)
            (place / "job.json").write_text(json.dumps(asdict(job)))
            (place / "numbers.json").write_text(json.dumps(run_job(job, place)))
            tell(job, numbers(folder, job))


def _refused_meanwhile(command: Sequence[str]) -> Any:
    """`_in_this_process`, after a second command for the same folder was refused."""

    def run(jobs: Sequence[Job], folder: Path, *rest: Any) -> None:
        result = CliRunner().invoke(app, [*command, str(folder), "--resume"])
        assert result.exit_code != 0 and "R07" in result.output, result.output
        assert f"in use by process {os.getpid()}" in result.output
        _in_this_process(jobs, folder, *rest)

    return run


def _relook(arguments: Sequence[str]) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def _kill_in_the_first_training(command: Sequence[str], out: Path) -> Path:
    """Start the ablation, end it without a warning after an epoch; the folder of its job."""
    process = subprocess.Popen(
        [sys.executable, "-m", "relook", *command, str(out)], stderr=subprocess.PIPE
    )
    place = out / "htc-seed0"
    with process:
        while not (place / "run" / "last.ckpt").is_file():
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    time.sleep(1)
    assert (place / "run" / "last.ckpt").is_file() and not (place / "trained.json").exists()
    assert (out / LOCK).is_file()  # of a process that has ended
    return place


def test_killed_and_resumed_it_has_the_table_of_one_that_ran_through(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed, straight = tmp_path / "killed", tmp_path / "straight"
    place = _kill_in_the_first_training(command, killed)
    after_kill = (place / "run" / "last.ckpt").stat().st_mtime_ns
    monkeypatch.setattr(ablation, "run_all", _refused_meanwhile(command))
    monkeypatch.setattr(running, "Resampling", partial(Resampling, resamples=50))
    said = _relook([*command, str(straight)])
    # All this time nobody was training in the folder of the one that was killed.
    assert (place / "run" / "last.ckpt").stat().st_mtime_ns == after_kill
    assert not (killed / "table.md").exists()
    monkeypatch.setattr(ablation, "run_all", _in_this_process)
    _relook([*command, str(killed), "--resume"])
    assert not (killed / LOCK).exists() and not (straight / LOCK).exists()
    assert "going on with" in (place / "log.txt").read_text()

    ours, theirs = (_rows(folder) for folder in (killed, straight))
    assert ours == theirs and [row["row"] for row in ours] == [csv_cell(name) for name in ROWS]
    for row in ours:
        assert (row["seeds"], row["steps"], row["images"]) == (
            "2",
            str(EPOCHS),
            str(4 * EPOCHS),
        )
    for job in ("htc-seed0", "htc-seed1", "+rfp-seed0", "+rfp-seed1"):
        one, other = (load_file(f / job / "run" / "best.safetensors") for f in (killed, straight))
        assert all(torch.equal(one[name], other[name]) for name in other)
    text = (straight / "table.md").read_text()
    assert said == text and text.startswith(f"# 2 rows, 2 seeds, {EPOCHS} epochs each\n")
    assert "| +rfp | DetectoRS paper, table 2 (12 epochs) | 46.2 65.1" in text
    raw = json.loads((straight / "seeds.json").read_text())
    assert [(one["row"], one["seed"]) for one in raw] == [
        ("htc", 0), ("+rfp", 0), ("htc", 1), ("+rfp", 1),
    ]  # fmt: skip
    assert set(json.loads((straight / "times.json").read_text())["seconds"]) == set(ROWS)
    for picture in ("plot.svg", "learning.svg"):
        assert (straight / picture).read_text().startswith("<svg")
    assert not (straight / "gains.svg").exists()  # these images have no dials
    assert "## Masks, gains" in text and "hours in all" in text
    assert (killed / "intervals.csv").read_text() == (straight / "intervals.csv").read_text()
    with (straight / "intervals.csv").open(newline="") as file:
        found = {(row["row"], row["kind"], row["number"]): row for row in csv.DictReader(file)}
    table = {row["row"]: row for row in theirs}
    for name in map(csv_cell, ROWS):
        value = float(found[name, "mask", "ap"]["value"])
        assert value == pytest.approx(float(table[name]["mask_ap_mean"]), abs=1e-3)
    assert found["htc", "mask", "ap"]["gain"] == "" != found["'+rfp", "mask", "ap"]["gain"]

    # Done: the table again, and nothing else.
    monkeypatch.setattr(ablation, "seconds_per_image", None)
    assert _relook([*command, str(killed), "--resume"]) == (killed / "table.md").read_text()


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "table.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k not in MEASURED} for row in csv.DictReader(file)]

"""The demonstration from start to table."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from examples.demo import run
from rich.console import Console

from relook.training.settings import Overlay
from relook.training.start.source import Start


def test_everything_is_in_one_folder_and_one_table(
    shipped: Start,
    blob_sets: Path,
    narrow: Overlay,
    tmp_path: Path,
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "shipped_file", lambda name: shipped.path)
    ticks = itertools.count(0, 1e-4)  # seconds: a quick machine
    result = run.run_demo(0.02, console, data=blob_sets, overlay=narrow, clock=ticks.__next__)
    assert (tmp_path / result.folder).samefile(tmp_path / "runs" / "demo")
    for name in (
        "metrics.json",
        "nuclei.jpg",
        "mushrooms.jpg",
        "mushrooms-fine-tuned/best.safetensors",
        "mushrooms-from-scratch/report.html",
    ):
        assert (result.folder / name).is_file()
    table = result.table()
    assert "all 4 validation images of nuclei" in table
    assert "all 4 validation images of mushrooms" in table
    assert "Count error:" in table
    assert table.splitlines()[-1] == "It took 0 s of 1 s."
    # Nearly all of the minutes, for evaluating takes nothing here.
    assert all(row.seconds and row.seconds >= 0.02 * 60 * 0.45 for row in result.mushrooms[1:])


def test_a_slow_machine_is_told_before_and_after_that_the_time_was_too_short(
    shipped: Start,
    blob_sets: Path,
    narrow: Overlay,
    tmp_path: Path,
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run, "shipped_file", lambda name: shipped.path)
    ticks = itertools.count(0, 6)  # two seconds an image
    result = run.run_demo(
        0.01,
        console,
        data=blob_sets,
        out=tmp_path / "out",
        overlay=narrow,
        clock=ticks.__next__,
        began=0.0,
    )
    before = console.file.getvalue()  # type: ignore[attr-defined]
    assert "Measuring this machine" in before
    assert "That is too short" in before
    assert "finding nuclei in 1 of 4 validation images" in before
    table = result.table()
    assert "1 of 4 validation images of mushrooms" in table
    assert "from scratch:" in table and "from scratch  " not in table
    assert "The time was too short: fine-tuning got" in table
    assert "make demo MINUTES=" in table
    assert table.splitlines()[-1].startswith("It took ")

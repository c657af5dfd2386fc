"""The demonstration from start to table."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from relook.demo import run
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
    result = run.run_demo(0.02, console, data=blob_sets, overlay=narrow)
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
    assert "4 validation images of nuclei" in table
    assert "4 validation images of mushrooms" in table
    assert table.splitlines()[-1].startswith("Count error:")
    # The shortest time that each training gets is a part of the minutes asked for.
    assert all(row.seconds and row.seconds >= 0.02 * 60 * 0.05 for row in result.mushrooms[1:])

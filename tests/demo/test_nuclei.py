"""The demo from data to table, on a few blobs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from relook.demo.nuclei import find_data, run_demo
from relook.errors import DataError
from relook.training.settings import Overlay


def test_trains_evaluates_draws_and_tells(
    blobs: Path,
    narrow: Overlay,
    tmp_path: Path,
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "nuclei"
    (folder / "annotations").mkdir(parents=True)
    shutil.copytree(blobs.parent / "images", folder / "images")
    for split in ("train", "val"):
        shutil.copy(blobs, folder / "annotations" / f"instances_{split}.json")
    monkeypatch.chdir(tmp_path)
    result = run_demo(0.002, console, data=folder, overlay=narrow)
    run = tmp_path / "runs" / "demo" / "detectors-htc-tiny"
    assert (tmp_path / result.run.path).samefile(run)
    for name in ("best.safetensors", "metrics.json", "predictions.json", "report.html"):
        assert (run / name).is_file()
    with Image.open(run / "demo.jpg") as picture:
        assert min(picture.size) > 300
    table = result.table().splitlines()
    assert [line.split()[0] for line in table] == ["mask", "detectors-htc-tiny", "threshold,"]
    # Bright rectangles on a dark ground need no learning.
    assert table[2].split()[3:] == ["1.000", "1.000", "1.000", "1.000", "-", "-"]
    assert len({len(line) for line in table}) == 1


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="D01"):
        find_data(tmp_path)

"""``relook data merge``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from relook.data.coco.reader import read_coco

Run = Callable[..., Result]
MakeDataset = Callable[..., Path]


@pytest.fixture
def two(make_dataset: MakeDataset, tmp_path: Path) -> tuple[Path, Path]:
    first = make_dataset(tmp_path / "a", [[(0, 0, 8, 8)], [(20, 20, 16, 16)]])
    return first, make_dataset(tmp_path / "b", [[(5, 40, 50, 5)]])


def test_files_with_and_without_their_folder(
    relook: Run, two: tuple[Path, Path], tmp_path: Path
) -> None:
    a, b = two
    out = tmp_path / "all.json"
    result = relook("data", "merge", a, f"{b}:{b.parent / 'images'}", out)
    assert result.exit_code == 0, result.stderr
    assert "together: 3 images, 3 annotations, 1 class: blob" in result.stdout
    assert read_coco(out, tmp_path).num_objects == 3
    assert relook("data", "merge", a, b, out).exit_code == 2  # it exists


def test_the_same_images(relook: Run, two: tuple[Path, Path], tmp_path: Path) -> None:
    a, _ = two
    out = tmp_path / "all.json"
    refused = relook("data", "merge", a, a, out)
    assert refused.exit_code == 2
    assert "--same join" in " ".join(refused.stderr.split())
    joined = relook("data", "merge", a, a, out, "--same", "join", "--no-near-duplicates")
    assert joined.exit_code == 0, joined.stderr
    assert "2 annotations of them there already, kept once" in joined.stdout


def test_too_few_files(relook: Run, two: tuple[Path, Path], tmp_path: Path) -> None:
    result = relook("data", "merge", two[0], tmp_path / "all.json")
    assert (result.exit_code, "U04" in result.stderr) == (2, True)

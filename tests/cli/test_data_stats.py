"""``relook data stats``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]
MakeDataset = Callable[..., Path]
SHAPES = [[(0, 0, 8, 8), (4, 0, 8, 8)], [(20, 20, 16, 16)]]


@pytest.fixture
def two(make_dataset: MakeDataset, tmp_path: Path) -> tuple[Path, Path]:
    return make_dataset(tmp_path / "a", SHAPES), make_dataset(tmp_path / "b", SHAPES[1:])


def test_text_and_page(relook: Run, two: tuple[Path, Path], tmp_path: Path) -> None:
    result = relook("data", "stats", two[0], "--html", tmp_path / "page.html")
    assert result.exit_code == 0, result.stderr
    assert "2 images, 3 objects with masks" in result.stdout
    assert result.stdout.splitlines()[-1].split() == ["blob", "3", "2", "9.0", "9.0", "16.2"]
    assert "near-identical" not in result.stdout
    assert "<svg" in (tmp_path / "page.html").read_text()
    assert str(tmp_path / "page.html") in result.stderr


def test_json_of_several_files_with_what_they_share(relook: Run, two: tuple[Path, Path]) -> None:
    a, b = two
    (b.parent / "images" / "1.png").write_bytes((a.parent / "images" / "2.png").read_bytes())
    result = relook("data", "stats", a, b, "--json", "--near-duplicates")
    found = json.loads(result.stdout)
    assert [one["objects"] for one in found["data"]] == [3, 1]
    assert found["near_duplicates"]["across"] == [[f"{a}:2.png", f"{b}:1.png"]]
    result = relook("data", "stats", a, b, "--near-duplicates")
    assert "near-identical images of different files: 1 pair" in result.stdout


def test_images_are_not_needed(relook: Run, two: tuple[Path, Path]) -> None:
    path = two[0].rename(two[0].parent.parent / "alone.json")
    assert relook("data", "stats", path).exit_code == 0
    result = relook("data", "stats", path, "--near-duplicates")
    assert result.exit_code == 3
    assert "--images" not in result.stdout


def test_files_that_have_nothing(relook: Run, make_dataset: MakeDataset, tmp_path: Path) -> None:
    result = relook("data", "stats", make_dataset(tmp_path, []))
    assert (result.exit_code, "D11" in result.stderr) == (3, True)
    assert relook("data", "stats", tmp_path / "none.json").exit_code == 3

"""Which images a command line means."""

from __future__ import annotations

from pathlib import Path

import pytest

from relook.errors import DataError
from relook.inference.batch.sources import find_images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.JPG", "a.png", "deep/er/c.tif", ".hidden/x.png", "._a.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def found(folder: Path, *sources: str, leave_out: Path | None = None) -> list[str]:
    images = find_images([str(folder / s) for s in sources], leave_out)
    return [image.relative_to(folder).as_posix() for image in images]


def test_files_folders_and_patterns(folder: Path) -> None:
    assert found(folder, "") == ["a.png", "b.JPG", "deep/er/c.tif"]
    assert found(folder, "notes.txt") == ["notes.txt"]  # asked for by name: tried
    assert found(folder, "**/*.tif", "*.png") == ["deep/er/c.tif", "a.png"]
    assert found(folder, "deep") == ["deep/er/c.tif"]


def test_every_image_once_in_the_order_asked_for(folder: Path) -> None:
    assert found(folder, "b.JPG", "", "*.png") == ["b.JPG", "a.png", "deep/er/c.tif"]


def test_results_are_left_out(folder: Path) -> None:
    assert found(folder, "", leave_out=folder / "deep") == ["a.png", "b.JPG"]
    assert found(folder, "deep/er/c.tif", leave_out=folder / "deep") == ["deep/er/c.tif"]


def test_a_file_whose_name_looks_like_a_pattern(folder: Path) -> None:
    (folder / "scan[1].png").write_bytes(b"x")
    assert found(folder, "scan[1].png") == ["scan[1].png"]


@pytest.mark.parametrize(
    ("source", "code", "hint"),
    [
        ("a.pgn", "D01", "did you mean 'a.png'"),
        ("gone/a.png", "D01", "no such file"),
        ("*.webp", "D01", "no file matches"),
        ("empty", "D11", "no images"),
    ],
)
def test_what_is_not_there(folder: Path, source: str, code: str, hint: str) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match=hint) as caught:
        find_images([str(folder / source)])
    assert caught.value.code == code

"""The images of a project."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from relook.app.session import folders
from relook.app.session.folders import Images, UnknownImage
from relook.errors import DataError, UsageError
from relook.structures.rules.reading import DEFAULT_READING


def png(width: int = 8, height: int = 6) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(content, "PNG")
    return content.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    (folder / "inside").mkdir(parents=True)
    (folder / "b.png").write_bytes(png())
    (folder / "inside" / "a.png").write_bytes(png(9, 5))
    (folder / "broken.png").write_bytes(b"\x89PNG and nothing else")
    (folder / "notes.txt").write_text("no image")
    return folder


def images(folder: Path | None, tmp_path: Path) -> Images:
    return Images(folder, tmp_path / "uploads", DEFAULT_READING)


def test_images_have_ids_and_sizes(folder: Path, tmp_path: Path) -> None:
    found = images(folder, tmp_path)
    assert [(entry.id, entry.name) for entry in found] == [
        (1, "b.png"),
        (2, "broken.png"),
        (3, "inside/a.png"),
    ]
    assert found.left_out == "left out: 1 .txt"
    found.look()
    assert found.get(3).record() == {
        "id": 3,
        "name": "inside/a.png",
        "width": 9,
        "height": 5,
        "message": None,
    }
    assert "D02" in str(found.get(2).message)
    with pytest.raises(DataError, match="D02"):
        found.size(found.get(2))
    for number in (0, 4, -1):
        with pytest.raises(UnknownImage, match="there is no image"):
            found.get(number)


def test_one_image_is_a_project_of_one(folder: Path, tmp_path: Path) -> None:
    (entry,) = images(folder / "b.png", tmp_path)
    assert entry.root == folder


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("cell.png", "cell.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\x.png", "x.png"),
        ("..", "_"),
        (".hidden.png", "hidden.png"),
        ("", "image"),
        ("a\x1b[31m<img src=x>.png", None),
        ("n" * 500 + ".png", None),
        ("CON/\x00.png", None),
    ],
)
def test_names_of_clients_are_never_paths(name: str, kept: str | None, tmp_path: Path) -> None:
    found = images(None, tmp_path)
    entry = found.add(name, png())
    assert entry.path.parent == tmp_path / "uploads"
    assert entry.path.read_bytes() == png()
    assert entry.size == (6, 8)
    assert not entry.name.startswith(".")
    assert all(c.isprintable() for c in str(entry.record()["name"]))
    if kept is not None:
        assert entry.name == kept
    second = found.add(name, png(3, 3))
    assert second.path != entry.path
    again = images(None, tmp_path)
    assert {entry.name for entry in again} == {entry.name, second.name}


def test_what_is_no_image_is_not_kept(tmp_path: Path) -> None:
    found = images(None, tmp_path)
    with pytest.raises(DataError, match="D02"):
        found.add("a.png", b"<html>")
    assert len(found) == 0
    assert not (tmp_path / "uploads").exists()


def test_bombs_and_crowds_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = images(None, tmp_path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    with pytest.raises(DataError, match="too large"):
        found.add("bomb.png", png(8, 6))
    monkeypatch.undo()
    monkeypatch.setattr(folders, "MOST_IMAGES", 1)
    found.add("a.png", png())
    with pytest.raises(UsageError, match="takes 1 image, and these are 2"):
        found.add("b.png", png())

"""The folder of the images of a COCO file: where it is looked for, and which one is taken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from relook.data.image_folders import folder_with, image_names, images_beside, likely_folder
from relook.errors import DataError


def _coco(path: Path, *names: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [{"id": row, "file_name": name} for row, name in enumerate(names)]
    path.write_text(json.dumps({"images": images, "annotations": [], "categories": []}))
    return path


def _files(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize(
    ("file", "folder"),
    [
        ("a.json", "."),
        ("a.json", "images"),
        ("annotations/a.json", "images"),
        ("annotations/a.json", "."),
        ("annotations/instances_train2017.json", "train2017"),
        ("annotations/a.json", "images/train"),
        ("a.json", "JPEGImages"),
        ("a.json", "whatever it is called"),
        ("annotations/a.json", "photos"),
    ],
)
@pytest.mark.parametrize("names", [("x.png", "y.png"), ("deep\\x.png",)])
def test_images_are_found_where_people_put_them(
    tmp_path: Path, file: str, folder: str, names: tuple[str, ...]
) -> None:
    path = _coco(tmp_path / file, *names)
    _files(tmp_path / folder, *(name.replace("\\", "/") for name in names))
    found = images_beside(path, "train")
    assert found.path.resolve() == (tmp_path / folder).resolve()
    assert f"all of the {len(names)} file" in found.line


def test_the_folder_with_the_most_files_wins_and_the_line_counts_them(tmp_path: Path) -> None:
    path = _coco(tmp_path / "a.json", "x.png", "y.png", "z.png")
    _files(tmp_path / "images", "x.png")
    _files(tmp_path / "other", "x.png", "z.png")
    found = images_beside(path)
    assert found.path == tmp_path / "other"
    assert "2 of the 3 files" in found.line


def test_base_names_find_the_folder_where_the_names_do_not(tmp_path: Path) -> None:
    path = _coco(tmp_path / "a.json", "/data/somewhere/x.png")
    _files(tmp_path / "images", "x.png")
    assert images_beside(path).path == tmp_path / "images"


def test_paths_stay_as_they_were_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _coco(tmp_path / "set" / "annotations" / "a.json", "x.png")
    _files(tmp_path / "set" / "images", "x.png")
    monkeypatch.chdir(tmp_path)
    assert images_beside(Path("set/annotations/a.json")).path == Path("set/images")
    monkeypatch.chdir(tmp_path / "set" / "annotations")
    found = images_beside(Path("a.json")).path
    assert found.resolve() == tmp_path / "set" / "images"


def test_images_that_are_nowhere_are_named_with_the_option(tmp_path: Path) -> None:
    path = _coco(tmp_path / "a.json", "x.png")
    with pytest.raises(DataError, match=r"D01.*x\.png.*--images DIR"):
        images_beside(path)


def test_a_file_without_images_is_left_to_the_reader(tmp_path: Path) -> None:
    path = _coco(tmp_path / "a.json")
    assert images_beside(path).path == tmp_path


def test_names_that_leave_the_folder_or_are_none_find_nothing(tmp_path: Path) -> None:
    _files(tmp_path / "a" / "set" / "other", "x.png")
    (tmp_path / "secret.png").touch()
    path = tmp_path / "a" / "set" / "a.json"
    for name in ("../../secret.png", "C:/secret.png", 5, None, "a\0b", ""):
        path.write_text(json.dumps({"images": [{"id": 1, "file_name": name}]}))
        assert folder_with(path, image_names([{"file_name": name}])) is None
        assert likely_folder(path) == path.parent
    with pytest.raises(DataError, match="D01"):
        images_beside(tmp_path / "none.json")

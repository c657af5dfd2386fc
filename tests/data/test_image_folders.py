"""Folders of images that nobody names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from relook.data.image_folders import images_beside
from relook.errors import DataError


@pytest.mark.parametrize("folder", ["set/images", "images", "set", ".", "set/train", "train"])
def test_usual_places_are_found(folder: str, tmp_path: Path) -> None:
    path = tmp_path / "set" / "train.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"images": [{"id": 1, "file_name": "sub/a.png"}]}))
    place = tmp_path / folder
    (place / "sub").mkdir(parents=True)
    (place / "sub" / "a.png").touch()
    assert images_beside(path).resolve() == place.resolve()


def test_where_there_are_none(tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    for name in ("a.png", "../a.png", "C:/a.png", 5, None):
        path.write_text(json.dumps({"images": [{"id": 1, "file_name": name}]}))
        assert images_beside(path) == tmp_path
    (tmp_path / "images").mkdir()
    assert images_beside(path) == tmp_path / "images"
    path.write_text(json.dumps({"images": []}))
    assert images_beside(path) == tmp_path / "images"
    with pytest.raises(DataError, match="D01"):
        images_beside(tmp_path / "none.json")

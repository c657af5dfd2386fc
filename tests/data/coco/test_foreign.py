"""What is no COCO file is named for what it is, with the command that makes one of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from relook.data.coco.foreign import FORMATS, advice_for, format_of
from relook.data.coco.reader import read_coco
from relook.errors import DataError

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:0a1b\nsize 1234\n"
FILES = {
    "labelme": ("a.json", json.dumps({"shapes": [], "imagePath": "a.png", "version": "5"})),
    "via": ("a.json", json.dumps({"a.png99": {"filename": "a.png", "size": 99, "regions": []}})),
    "label-studio": ("a.json", json.dumps([{"id": 1, "data": {}, "annotations": []}])),
    "qupath": ("a.geojson", json.dumps({"type": "FeatureCollection", "features": []})),
    "supervisely": ("a.json", json.dumps({"objects": [], "size": {"height": 5, "width": 4}})),
    "voc": ("a.xml", "<annotation>\n<folder>a</folder></annotation>"),
    "cvat": ("a.xml", '<?xml version="1.0"?>\n<annotations>\n<version>1.1</version>'),
    "yolo": ("a.txt", "0 0.5 0.5 0.1 0.2\n1 0.1 0.2 0.1 0.1\n"),
}


@pytest.mark.parametrize("name", FILES)
def test_other_formats_are_named(name: str, tmp_path: Path) -> None:
    file, text = FILES[name]
    path = tmp_path / file
    path.write_text(text)
    content = json.loads(text) if file.endswith("json") else None
    assert format_of(path, content) == name
    with pytest.raises(DataError, match=r"D0[34]") as caught:
        read_coco(path, tmp_path)
    assert f"It is {FORMATS[name]}: `relook data convert {path} OUT.json`" in str(caught.value)


def test_a_pointer_of_git_lfs_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(LFS)
    with pytest.raises(DataError, match=r"D03: .*a pointer of Git LFS.*git lfs pull"):
        read_coco(tmp_path / "a.json", tmp_path)


def test_what_is_unknown_gets_no_advice(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"images": [')
    assert advice_for(path) == ""
    assert advice_for(tmp_path / "missing.json") == ""
    assert format_of(tmp_path) is None
    with pytest.raises(DataError, match=r"D03: .*was cut off"):
        read_coco(path, tmp_path)

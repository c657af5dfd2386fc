"""Annotations in a folder or file: which are read, which validate, and what else is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from relook.data import formats
from relook.data.coco.records import FOUND_BY_RELOOK
from relook.data.formats import Conversion
from relook.errors import DataError, UsageError
from relook.training.from_data.annotation_files import find_annotations


def _coco(path: Path, **more: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / "x.png").touch()
    images = [{"id": 1, "file_name": "x.png"}]
    path.write_text(json.dumps({"images": images, "annotations": [], "categories": [], **more}))
    return path


@pytest.mark.parametrize(
    ("files", "train", "val"),
    [
        (["all.json"], "all.json", None),
        (["a/train.json", "a/val.json"], "a/train.json", "a/val.json"),
        (
            ["annotations/instances_train2017.json", "annotations/person_keypoints_train2017.json"],
            "annotations/instances_train2017.json",
            None,
        ),
        (
            ["train/_annotations.coco.json", "valid/_annotations.coco.json", "test/x.json"],
            "train/_annotations.coco.json",
            "valid/_annotations.coco.json",
        ),
        (["training.json", "dev.json"], "training.json", "dev.json"),
        (["objects.json", "test.json"], "objects.json", None),
    ],
)
def test_the_part_is_told_by_names(
    tmp_path: Path, files: list[str], train: str, val: str | None
) -> None:
    for file in files:
        _coco(tmp_path / file)
    (tmp_path / "labels.json").write_text("{}")
    found = find_annotations(tmp_path, tmp_path / "scratch")
    assert found.train == tmp_path / train
    assert found.val == (None if val is None else tmp_path / val)
    assert found.images == (tmp_path / train).parent
    left = [file for file in files if file not in (train, val)]
    assert all(any(file in line for line in found.lines) for file in left)


def test_panoptic_files_are_read_only_where_there_are_no_others(tmp_path: Path) -> None:
    segments = [{"image_id": 1, "segments_info": []}]
    _coco(tmp_path / "panoptic_train.json", annotations=segments)
    assert find_annotations(tmp_path, tmp_path).train.name == "panoptic_train.json"
    _coco(tmp_path / "instances_train.json")
    assert find_annotations(tmp_path, tmp_path).train.name == "instances_train.json"


def test_images_that_are_said_are_not_looked_for(tmp_path: Path) -> None:
    _coco(tmp_path / "a" / "train.json")
    _coco(tmp_path / "a" / "val.json")
    found = find_annotations(tmp_path, tmp_path, tmp_path / "elsewhere")
    assert found.images == found.val_images == tmp_path / "elsewhere"


def test_a_class_name_is_for_formats_that_name_none(tmp_path: Path) -> None:
    _coco(tmp_path / "a.json")
    with pytest.raises(UsageError, match=r"U04: --class cell: .*a\.json is a COCO file"):
        find_annotations(tmp_path, tmp_path, class_name="cell")


def test_several_files_are_listed(tmp_path: Path) -> None:
    _coco(tmp_path / "one.json")
    _coco(tmp_path / "two.json")
    with pytest.raises(UsageError, match=r"U04.*2 annotation files.*one\.json.*two\.json"):
        find_annotations(tmp_path, tmp_path)


def test_only_test_files_are_refused(tmp_path: Path) -> None:
    _coco(tmp_path / "test.json")
    with pytest.raises(UsageError, match="none is for training"):
        find_annotations(tmp_path, tmp_path)


def test_another_format_is_converted_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()

    def convert(path: Path, out: Path, **options: Any) -> Conversion:
        assert (path, options["format"]) == (folder, "yolo")
        return Conversion(json=out, images=path / "images", lines=("3 polygons were read",))

    monkeypatch.setattr(formats, "recognised", lambda path: "yolo")
    monkeypatch.setattr(formats, "convert", convert)
    found = find_annotations(folder, tmp_path / "scratch")
    assert found.is_converted and found.images == folder / "images"
    assert "format yolo and was converted, as" in found.lines[0]
    assert found.lines[1] == "3 polygons were read"


def test_a_folder_that_nothing_tells_is_converted_where_images_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def convert(path: Path, out: Path, **options: Any) -> Conversion:
        assert options == {"format": None, "images": tmp_path / "images", "class_name": "cell"}
        return Conversion(json=out, images=options["images"], lines=())

    monkeypatch.setattr(formats, "convert", convert)
    (tmp_path / "masks").mkdir()
    found = find_annotations(tmp_path / "masks", tmp_path, tmp_path / "images", "cell")
    assert found.is_converted and found.images == tmp_path / "images"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid", "pointer of Git LFS.*git lfs pull"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "PNG.*annotations are needed"),
        (b"hello", "a text file.*folder of the data set"),
    ],
)
def test_a_file_of_another_kind_is_called_so(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(content)
    with pytest.raises(DataError, match=f"D04.*{words}"):
        find_annotations(file, tmp_path)


def test_a_folder_without_annotations_says_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    (tmp_path / "b.png").touch()
    with pytest.raises(DataError, match=r"D11.*2 \.png.*LabelMe"):
        find_annotations(tmp_path, tmp_path)
    with pytest.raises(DataError, match="D01"):
        find_annotations(tmp_path / "nothing", tmp_path)


def test_what_relook_found_is_no_annotation(tmp_path: Path) -> None:
    """`relook predict` writes it into the folder in which `relook train .` is called next."""
    info = {"description": FOUND_BY_RELOOK}
    predicted = _coco(tmp_path / "predictions" / "predictions.json", info=info)
    with pytest.raises(DataError, match=r"D11.*predictions\.json is what relook found"):
        find_annotations(tmp_path, tmp_path)
    annotated = _coco(tmp_path / "objects.json")
    found = find_annotations(tmp_path, tmp_path)
    assert found.train == annotated
    assert f"Not read: {predicted}, which is what relook found." in found.lines
    named = find_annotations(predicted, tmp_path)
    assert named.train == predicted
    assert "It is what relook found" in named.lines[0]

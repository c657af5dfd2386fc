"""The truth of single images, found by their paths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from relook.analysis.compare.truth import TruthFile
from relook.errors import DataError


def write(path: Path, names: list[str], **more: Any) -> Path:
    images = [
        {"id": number, "file_name": name, "width": 30, "height": 20}
        for number, name in enumerate(names, start=1)
    ]
    box = {"category_id": 4, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}
    content = {
        "images": images,
        "categories": [{"id": 4, "name": "nut"}, {"id": 6, "name": "bolt"}],
        "annotations": [
            {**box, "id": 1, "image_id": 1, "segmentation": [[1, 2, 4, 2, 4, 6, 1, 6]]},
            {**box, "id": 2, "image_id": 1, "iscrowd": 1, "bbox": [9, 9, 2, 2], **more},
        ],
    }
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("name", "image", "expected"),
    [
        ("a.png", "folder/a.png", 1),
        ("folder/a.png", "folder/a.png", 1),
        ("folder\\a.png", "folder/a.png", 1),
        ("other/a.png", "folder/a.png", 2),  # the second entry is a.png without a folder
    ],
)
def test_the_longest_name_that_fits(name: str, image: str, expected: int, tmp_path: Path) -> None:
    truth = TruthFile(write(tmp_path / "t.json", [name, "b.png" if expected == 1 else "a.png"]))
    assert truth.image_id(tmp_path / image) == expected


def test_a_name_with_its_folder_wins(tmp_path: Path) -> None:
    truth = TruthFile(write(tmp_path / "t.json", ["a.png", "folder/a.png"]))
    assert truth.image_id(tmp_path / "folder" / "a.png") == 2
    assert truth.image_id(tmp_path / "a.png") == 1


def test_names_that_fit_twice_or_not_at_all(tmp_path: Path) -> None:
    truth = TruthFile(write(tmp_path / "t.json", ["a.png", "a.png"]))
    assert truth.lists(tmp_path / "a.png")
    assert not truth.lists(tmp_path / "c.png")
    for image, code in (("a.png", "D05"), ("c.png", "D11")):
        with pytest.raises(DataError, match=image) as caught:
            truth.image_id(tmp_path / image)
        assert caught.value.code == code


def test_objects_and_crowd(tmp_path: Path) -> None:
    corners = [[9, 9, 11, 9, 11, 11, 9, 11]]
    truth = TruthFile(write(tmp_path / "t.json", ["a.png", "b.png"], segmentation=corners))
    assert truth.has_masks
    assert truth.classes == ["nut"]
    for with_masks in (False, True):
        there = truth.of(tmp_path / "a.png", (20, 30), with_masks)
        assert there.objects.names == ["nut"]
        assert there.objects.box(0) == (1, 2, 3, 4)
        if with_masks:  # of polygons, but as results have them
            assert all(isinstance(code["counts"], str) for code in there.objects.outlines)
        assert there.crowd.box(0) == (9, 9, 2, 2)
        assert truth.of(tmp_path / "b.png", (20, 30), with_masks).objects.names == []


def test_objects_without_a_mask_make_it_one_of_boxes(tmp_path: Path) -> None:
    assert not TruthFile(write(tmp_path / "t.json", ["a.png"])).has_masks


def test_another_size(tmp_path: Path) -> None:
    truth = TruthFile(write(tmp_path / "t.json", ["a.png"]))
    with pytest.raises(DataError, match=r"30x19 pixels, but .* says 30x20") as caught:
        truth.of(tmp_path / "a.png", (19, 30), False)
    assert caught.value.code == "D10"


def test_a_file_that_is_not_coco(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text("{}")
    with pytest.raises(DataError) as caught:
        TruthFile(tmp_path / "t.json")
    assert caught.value.code == "D04"


def test_annotations_of_an_image_stored_turned_are_turned(tmp_path: Path) -> None:
    path, image = write(tmp_path / "t.json", ["a.png"]), Path("a.png")
    with pytest.raises(DataError, match=r"D10.*--frame"):
        TruthFile(path).of(image, (20, 30), False, 3)
    upside_down = TruthFile(path, "stored").of(image, (20, 30), False, 3)
    assert upside_down.objects.box(0) == (26, 14, 3, 4)
    assert upside_down.crowd.box(0) == (19, 9, 2, 2)
    upright = TruthFile(path, "upright").of(image, (20, 30), False, 3)
    assert upright.objects.box(0) == (1, 2, 3, 4)
    quarter = TruthFile(path).of(image, (30, 20), False, 6)  # told by the sizes
    assert quarter.objects.box(0) == (14, 1, 4, 3)

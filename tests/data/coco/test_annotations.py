from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from relook.data.coco.reader import read_coco
from relook.errors import DataError

Document = dict[str, Any]
Write = Callable[[object], Path]


def change(document: Document, position: int, **values: Any) -> Document:
    document["annotations"][position].update(values)
    return document


@pytest.mark.parametrize("image_id", [8, "8", None, [7], 7.5])
def test_annotation_of_no_image(
    image_id: Any, document: Document, write: Write, images_dir: Path
) -> None:
    with pytest.raises(DataError, match=r"D06.*annotation 5 has image_id"):
        read_coco(write(change(document, 2, image_id=image_id)), images_dir)


def test_unknown_category(document: Document, write: Write, images_dir: Path) -> None:
    change(document, 0, category_id=2)
    with pytest.raises(DataError) as caught:
        read_coco(write(document), images_dir)
    assert str(caught.value) == (
        'data error D07: train.json: annotation 1 (image "a.png") has category_id 2, but '
        '"categories" has 4 cell, 9 nucleus. Fix the file, or pass --ignore-unknown to leave such '
        "objects out."
    )
    index = read_coco(write(document), images_dir, ignore_unknown=True)
    assert index.skipped == {"unknown category": 1}
    assert index.num_objects == 1


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"ignore": 1}, "marked ignore"),
        (
            {"bbox": [2, 1, 0.5, 4], "segmentation": [[2.4, 1, 2.9, 1, 2.9, 5, 2.4, 5]]},
            "box narrower or lower than 1 pixel",
        ),
        ({"segmentation": [[2, 1, 8, 1]]}, "polygon with fewer than 3 points or without area"),
        (
            {"segmentation": [[2, 1, 2, 1, 2, 1]]},
            "polygon with fewer than 3 points or without area",
        ),
        ({"segmentation": {"size": [10, 20], "counts": [200]}}, "mask without a pixel"),
        ({"segmentation": []}, "no mask, while others have one"),
        ({"segmentation": None}, "no mask, while others have one"),
    ],
)
def test_objects_that_are_left_out(
    values: dict[str, Any], reason: str, document: Document, write: Write, images_dir: Path
) -> None:
    index = read_coco(write(change(document, 0, **values)), images_dir)
    assert index.skipped == {reason: 1}
    assert index.examples == {reason: 1}
    assert index.num_objects == 1
    assert f"left out: 1 x {reason} (first: annotation 1)" in index.summary()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"area": 0}, "area is 0 or less: computed from the mask"),
        ({"area": -4.0}, "area is 0 or less: computed from the mask"),
        ({"bbox": []}, "box computed from the mask"),
        ({"bbox": [0, 0, 0, 0]}, "box narrower or lower than 1 pixel: box computed from the mask"),
        ({"bbox": [2, 1, 6, -4]}, "box narrower or lower than 1 pixel: box computed from the mask"),
        ({"bbox": [20, 1, 6, 4]}, "box outside of the image: box computed from the mask"),
        ({"bbox": [1e300, 1, 1e300, 4]}, "box outside of the image: box computed from the mask"),
    ],
)
@pytest.mark.parametrize("masks", ["auto", "ignored"])
def test_what_the_mask_says_is_not_left_out(
    masks: Any,
    values: dict[str, Any],
    reason: str,
    document: Document,
    write: Write,
    images_dir: Path,
) -> None:
    index = read_coco(write(change(document, 0, **values)), images_dir, masks=masks)
    assert index.skipped == {}
    assert index.adjusted == {reason: 1}
    thing = index.images[0].objects[0]
    assert (thing.box, thing.area) == ((2, 1, 8, 5), 24)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"bbox": [2, 1, 0.5, 4]}, "box narrower or lower than 1 pixel"),
        ({"bbox": [2, -4, 6, 4]}, "box outside of the image"),
    ],
)
def test_boxes_without_a_mask_that_are_left_out(
    values: dict[str, Any], reason: str, document: Document, write: Write, images_dir: Path
) -> None:
    for annotation in document["annotations"]:
        del annotation["segmentation"]
    index = read_coco(write(change(document, 0, **values)), images_dir)
    assert index.skipped == {reason: 1}
    index = read_coco(write(change(document, 0, bbox=[2, 1, 6, 4], area=0)), images_dir)
    assert index.adjusted == {"area is 0 or less: computed from the box": 1}
    assert index.images[0].objects[0].area == 24


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"bbox": [2, 1, 6]}, "D08"),
        ({"bbox": "2 1 6 4"}, "D08"),
        ({"bbox": [2, 1, 6, math.nan]}, "D08"),
        ({"bbox": [2, 1, 6, math.inf]}, "D08"),
        ({"bbox": [2, 1, 6, "4"]}, "D08"),
        ({"bbox": [2, 1, 6, 10**400]}, "D08"),
        ({"bbox": [2, 1, True, 4]}, "D08"),
        ({"bbox": None, "segmentation": None}, "D08"),
        ({"area": "24"}, "D04"),
        ({"area": math.nan}, "D04"),
        ({"iscrowd": 2}, "D04"),
        ({"iscrowd": "no"}, "D04"),
        ({"segmentation": {"size": [20, 10], "counts": [0, 200]}}, "D09"),
        ({"segmentation": {"size": [10, 20], "counts": "`" * 99}}, "D09"),
        ({"segmentation": [[2, 1, 1e12, 1, 8, 5]]}, "D09"),
        ({"segmentation": "all of it"}, "D09"),
    ],
)
def test_annotations_that_mean_nothing(
    values: dict[str, Any], code: str, document: Document, write: Write, images_dir: Path
) -> None:
    with pytest.raises(DataError, match=rf'{code}: train.json: annotation 1 \(image "a.png"\)'):
        read_coco(write(change(document, 0, **values)), images_dir)


def test_boxes_are_clipped_and_counted(document: Document, write: Write, images_dir: Path) -> None:
    index = read_coco(write(change(document, 0, bbox=[-3, -2, 1e9, 7.5])), images_dir)
    assert index.images[0].objects[0].box == (0, 0, 20, 5.5)
    assert index.adjusted == {"box clipped to the image": 1}
    assert "changed: 1 x box clipped to the image (first: annotation 1)" in index.summary()


def test_missing_boxes_come_from_the_mask(
    document: Document, write: Write, images_dir: Path
) -> None:
    for annotation in document["annotations"]:
        del annotation["bbox"], annotation["area"]
    for masks in ("auto", "ignored"):
        index = read_coco(write(document), images_dir, masks=masks)
        assert [o.box for image in index.images for o in image.objects] == [
            (2, 1, 8, 5),
            (0, 0, 20, 1),
            (4, 4, 12, 12),
        ]
        assert index.images[0].objects[0].area == 24
        assert index.adjusted == {"box computed from the mask": 3}


def test_a_list_of_empty_polygons_is_no_mask(
    document: Document, write: Write, images_dir: Path
) -> None:
    """Exports of boxes alone have ``[[]]``."""
    for row in document["annotations"]:
        row["segmentation"] = [[]]
        row["iscrowd"] = 0
    index = read_coco(write(document), images_dir)
    assert not index.has_masks
    assert index.num_objects == 3
    document["annotations"][0]["segmentation"] = [[2, 1, 8, 1, 8, 5, 2, 5]]
    index = read_coco(write(document), images_dir)
    assert index.skipped == {"no mask, while others have one": 2}

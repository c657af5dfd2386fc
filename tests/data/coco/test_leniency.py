"""Annotation files as people have them: what is read, what is said, and what is allowed."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from relook.data.coco.leniency import STRICT, Leniency
from relook.data.coco.reader import object_mask
from relook.errors import DataError

from ...annotated_discs import (
    HEIGHT,
    RIGHT,
    WIDTH,
    Discs,
    Document,
    boxes_of,
    each,
    make_discs,
    names,
    run_lengths,
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def discs(tmp_path: Path) -> Discs:
    return make_discs(tmp_path)


def box(change: Callable[[float, float, float, float], list[float]]) -> Callable[[Document], None]:
    return each(lambda row: row.update(bbox=change(*row["bbox"])))


def test_strict_by_default() -> None:
    assert Leniency() == STRICT
    assert STRICT.changed() == {}


@pytest.mark.parametrize(
    "values",
    [{"boxes": "from-masks"}, {"crowd": "as-objects", "skip_missing": True}, {"keep_root": True}],
)
def test_what_differs_is_named(values: dict[str, Any]) -> None:
    assert Leniency(**values).changed() == values


def test_a_plain_file_needs_no_words(discs: Discs) -> None:
    index = discs.read()
    assert boxes_of(index) == RIGHT
    assert index.notes() == []
    assert not index.is_rewritten


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (box(lambda x, y, w, h: [x, y, x + w, y + h]), "corners x1 y1 x2 y2"),
        (box(lambda x, y, w, h: [x + w / 2, y + h / 2, w, h]), "the centre, width and height"),
        (box(lambda x, y, w, h: [y, x, h, w]), "y x height width"),
        (box(lambda x, y, w, h: [y, x, y + h, x + w]), "corners y1 x1 y2 x2"),
        (box(lambda x, y, w, h: [x + 40, y, w, h]), "shifted by 40 pixels across and 0 down"),
        (box(lambda x, y, w, h: [x - 5, y + 9, w, h]), "shifted by -5 pixels across and 9 down"),
        (box(lambda x, y, w, h: [x / 2, y / 2, w / 2, h / 2]), "scaled by 0.5 across"),
        (box(lambda x, y, w, h: [0, 0, 0, 0]), "they are all 0"),
        (
            box(lambda x, y, w, h: [x / WIDTH, y / HEIGHT, w / WIDTH, h / HEIGHT]),
            "fractions of the image",
        ),
        (
            box(
                lambda x, y, w, h: [
                    (x + w / 2) / WIDTH,
                    (y + h / 2) / HEIGHT,
                    w / WIDTH,
                    h / HEIGHT,
                ]
            ),
            r"\(YOLO\)",
        ),
    ],
)
@pytest.mark.parametrize("masks", ["auto", "ignored"])
def test_boxes_that_are_not_those_of_the_masks(
    change: Callable[[Document], None], cause: str, masks: str, discs: Discs
) -> None:
    index = discs.read(change, masks=masks)
    (line,) = [line for line in index.notes() if line.startswith("boxes:")]
    assert "4 of 4 are not those of their masks (first: annotation 1)" in line
    assert re.search(cause, line)
    right = discs.read(change, masks=masks, boxes="from-masks")
    assert boxes_of(right) == RIGHT
    assert right.is_rewritten


@pytest.mark.parametrize("form", [run_lengths, lambda row: row["segmentation"][0]])
def test_boxes_are_compared_where_only_boxes_are_read(form: Any, discs: Discs) -> None:
    def change(row: Document) -> None:
        row.update(segmentation=form(row), bbox=[row["bbox"][0] + 40, *row["bbox"][1:]])

    index = discs.read(each(change), masks="ignored")
    assert any("shifted by 40 pixels across" in line for line in index.remarks)


def test_corners_without_masks_are_named(discs: Discs) -> None:
    def change(row: Document) -> None:
        x, y, w, h = row["bbox"]
        row.update(segmentation=[], bbox=[x, y, x + w, y + h])

    (line,) = discs.read(each(change)).remarks
    assert "of 4 reach out of the image; they look like corners x1 y1 x2 y2" in line
    assert discs.read(each(lambda row: row.update(segmentation=[]))).remarks == ()


def test_one_wrong_box_is_counted_and_kept(discs: Discs) -> None:
    def change(document: Document) -> None:
        document["annotations"][2]["bbox"][0] += 6

    index = discs.read(change)
    assert boxes_of(index)[2] == [26, 30, 46, 50]
    assert "boxes: 1 of 4 are not those" in index.remarks[0]
    assert "first: annotation 3" in index.remarks[0]


def test_small_differences_of_boxes_are_nothing(discs: Discs) -> None:
    for by in (-2, 1.5, 2):
        assert discs.read(box(lambda x, y, w, h, by=by: [x + by, y, w, h])).remarks == ()


@pytest.mark.parametrize(
    "again",
    [
        lambda row: {},
        lambda row: {"segmentation": run_lengths(row)},
        lambda row: {"segmentation": run_lengths(row, compressed=True)},
        lambda row: {"segmentation": [row["segmentation"][0][6:] + row["segmentation"][0][:6]]},
    ],
)
def test_every_annotation_twice(again: Callable[[Document], Document], discs: Discs) -> None:
    def change(document: Document) -> None:
        rows = document["annotations"]
        rows.extend([{**row, "id": row["id"] + 500, **again(row)} for row in rows])

    index = discs.read(change)
    assert index.num_objects == 8
    assert index.remarks == (
        "duplicates: 4 objects are in the file twice (first: annotations 1 and 501); "
        "--duplicates drop keeps one of each",
    )
    assert not index.is_rewritten
    dropped = discs.read(change, duplicates="drop")
    assert [one.id for image in dropped.images for one in image.objects] == [1, 2, 3, 4]
    assert dropped.skipped == {"the same object twice (--duplicates drop)": 4}
    assert dropped.is_rewritten


def test_equal_masks_of_two_classes_are_no_duplicates(discs: Discs) -> None:
    def change(document: Document) -> None:
        document["categories"].append({"id": 2, "name": "nucleolus"})
        rows = document["annotations"]
        rows.extend([{**row, "id": row["id"] + 500, "category_id": 2} for row in rows])

    assert discs.read(change, duplicates="drop").num_objects == 8


@pytest.mark.parametrize("name", ["im0.png", "./im0.png", ".\\im0.png", "IM0.png"])
def test_an_image_listed_twice_is_refused(name: str, discs: Discs) -> None:
    def change(document: Document) -> None:
        document["images"].append({**document["images"][0], "id": 99, "file_name": name})

    with pytest.raises(DataError, match=r"D05: .*1 image file is listed twice: images 1 and 99"):
        discs.read(change)


def test_a_root_category_is_left_out_with_a_line(discs: Discs) -> None:
    def change(document: Document) -> None:
        document["categories"] = [
            {"id": 0, "name": "cells", "supercategory": "none"},
            {"id": 1, "name": "nucleus", "supercategory": "cells"},
        ]

    index = discs.read(change)
    assert [c.name for c in index.classes] == ["nucleus"]
    assert 'category 0 "cells" has no object' in index.remarks[0]
    kept = discs.read(change, keep_root=True)
    assert [c.name for c in kept.classes] == ["cells", "nucleus"]
    assert kept.remarks == ()


def test_a_root_category_of_the_same_name(discs: Discs) -> None:
    """Roboflow writes it where the project is called as its class."""

    def change(document: Document) -> None:
        document["categories"] = [
            {"id": 0, "name": "nucleus", "supercategory": "none"},
            {"id": 1, "name": "nucleus", "supercategory": "nucleus"},
        ]

    index = discs.read(change)
    assert [(c.id, c.name) for c in index.classes] == [(1, "nucleus")]
    assert len(index.remarks) == 1


def test_categories_without_objects_are_no_roots(discs: Discs) -> None:
    def change(document: Document) -> None:
        document["categories"] = [
            {"id": 1, "name": "nucleus", "supercategory": "none"},
            {"id": 2, "name": "debris", "supercategory": "none"},
            {"id": 3, "name": "cell", "supercategory": "nucleus"},
        ]

    assert len(discs.read(change).classes) == 3


def test_a_class_name_twice_is_one_class(discs: Discs) -> None:
    def change(document: Document) -> None:
        document["categories"] = [{"id": 1, "name": "nucleus"}, {"id": 2, "name": "nucleus"}]
        for row in document["annotations"][::2]:
            row["category_id"] = 2

    index = discs.read(change)
    assert index.class_counts() == (4,)
    assert index.remarks == ('categories 1 and 2 are both called "nucleus": read as one class',)
    assert index.is_rewritten


@pytest.mark.parametrize("form", [lambda row: row["segmentation"], run_lengths])
def test_all_marked_as_crowd(form: Callable[[Document], Any], discs: Discs) -> None:
    change = each(lambda row: row.update(iscrowd=1, segmentation=form(row)))
    index = discs.read(change)
    assert (index.num_objects, index.num_crowd) == (0, 4)
    assert "all 4 annotations are marked iscrowd: 1, as CVAT" in index.remarks[-1]
    assert "--crowd as-objects" in index.remarks[-1]
    read = discs.read(change, crowd="as-objects")
    assert (read.num_objects, read.num_crowd) == (4, 0)
    assert read.adjusted == {"crowd region read as an object (--crowd as-objects)": 4}


def nested(row: Document) -> list[Any]:
    flat = row["segmentation"][0]
    return [list(pair) for pair in zip(flat[::2], flat[1::2], strict=True)]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (lambda row: row["segmentation"][0], "flat polygon"),
        (nested, "polygon of points"),
        (lambda row: [nested(row)], "polygon of points"),
        (lambda row: [row["segmentation"]], "nested once more"),
        (lambda row: [[nested(row)]], "nested once more"),
        (lambda row: [{"x": x, "y": y} for x, y in nested(row)], "polygon of points"),
        (lambda row: [run_lengths(row)], "list of run-length codes"),
        (lambda row: [run_lengths(row, compressed=True)] * 2, "list of run-length codes"),
        (lambda row: {"counts": run_lengths(row)["counts"]}, "without a size"),
        (lambda row: json.dumps(row["segmentation"]), "in a text"),
    ],
)
def test_forms_of_masks(form: Callable[[Document], Any], said: str, discs: Discs) -> None:
    index = discs.read(each(lambda row: row.update(segmentation=form(row))))
    ((reason, count),) = index.adjusted.items()
    assert (said in reason, count) == (True, 4)
    assert boxes_of(index) == RIGHT
    plain = discs.read()
    for image, right in zip(index.images, plain.images, strict=True):
        for one, other in zip(image.objects, right.objects, strict=True):
            mask = object_mask(one, HEIGHT, WIDTH)
            assert (mask == object_mask(other, HEIGHT, WIDTH)).all()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([{"label": "nucleus", "points": []}], "is a list of objects with label, points"),
        ("somewhere", "is a text"),
        (7, "is a int"),
        ({"size": [WIDTH, HEIGHT], "counts": [WIDTH * HEIGHT]}, "the other way round"),
        ([[1, 2, 3, "4", 5, 6]], "is not a list of polygons"),
    ],
)
def test_masks_in_no_form_are_named(value: Any, said: str, discs: Discs) -> None:
    with pytest.raises(DataError, match=rf"D09: .*annotation 1 .*{said}"):
        discs.read(lambda document: document["annotations"][0].update(segmentation=value))


@pytest.mark.parametrize(
    ("change", "how"),
    [
        (names(lambda name: name.replace(".png", ".PNG")), "by upper and lower case"),
        (names(str.upper), "by upper and lower case"),
    ],
)
def test_names_that_fit_one_file(
    change: Callable[[Document], None], how: str, discs: Discs
) -> None:
    index = discs.read(change)
    assert [image.path.name for image in index.images] == ["im0.png", "im1.png"]
    assert index.remarks[0].startswith(f"images: 2 of 2 found {how}, first: ")


@pytest.mark.parametrize(("written", "stored"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_names_in_other_unicode_forms(written: Any, stored: Any, discs: Discs) -> None:
    for k in range(2):
        name = unicodedata.normalize(stored, f"Zelle_für_é{k}.png")
        (discs.images / f"im{k}.png").rename(discs.images / name)
    change = names(lambda n: unicodedata.normalize(written, f"Zelle_für_é{n[2]}.png"))
    index = discs.read(change)
    assert index.images[1].path.is_file()
    assert "images: 2 of 2 found by Unicode form" in index.remarks[0]


@pytest.mark.parametrize(
    "change",
    [
        lambda n: "images\\1\\" + n,
        lambda n: "../../label-studio/data/media/upload/1/" + n,
        lambda n: "/volumes/data/" + n,
        lambda n: "C:\\data\\" + n,
        lambda n: "https://example.org/upload/" + n + "?token=1",
        lambda n: "/data/local-files/?d=folder%2F" + n,
        lambda n: "file:///data/" + n.upper(),
    ],
)
def test_base_names_where_they_are_allowed(change: Callable[[str], str], discs: Discs) -> None:
    with pytest.raises(DataError, match=r"D01: .*2 of 2 are there .*--match basename"):
        discs.read(names(change))
    index = discs.read(names(change), match="basename")
    assert [image.path.name for image in index.images] == ["im0.png", "im1.png"]
    assert index.remarks[0].startswith("images: 2 of 2 found by base name, first: ")


def test_a_base_name_of_two_files_or_of_two_images(discs: Discs) -> None:
    change = names(lambda n: "elsewhere/im0.png")
    with pytest.raises(DataError, match=r"D05: .*listed twice"):
        discs.read(change, match="basename")
    (discs.images / "more").mkdir()
    (discs.images / "im0.png").rename(discs.images / "more" / "im1.png")
    with pytest.raises(DataError, match=r"D01: .*2 of its 2 images are not in"):
        discs.read(names(lambda n: "elsewhere/im1.png"), match="basename")


def test_missing_images_are_counted_where_that_is_allowed(discs: Discs) -> None:
    (discs.images / "im0.png").unlink()
    with pytest.raises(DataError, match=r"D01: .*1 of its 2 images.*--skip-missing"):
        discs.read()
    index = discs.read(skip_missing=True)
    assert [image.id for image in index.images] == [2]
    assert index.skipped == {"its image was left out": 2}
    assert index.remarks == ("images: 1 of 2 left out, without a file",)
    assert discs.read(names(lambda n: f"../{n}"), skip_missing=True).images == ()


def test_ids_as_texts_floats_and_names(discs: Discs) -> None:
    def texts(document: Document) -> None:
        for row in document["images"]:
            row["id"] = str(row["id"])
        for row in document["annotations"]:
            row.update(id=float(row["id"]), image_id=str(row["image_id"]), category_id="nucleus")

    def file_names(document: Document) -> None:
        for row in document["images"]:
            row["id"] = row["file_name"]
        for row in document["annotations"]:
            row.pop("id")
            row["image_id"] = f"im{row['image_id'] - 1}.png"

    for change in (texts, file_names):
        index = discs.read(change)
        assert boxes_of(index) == RIGHT
        assert [image.id for image in index.images] == [1, 2]
        assert [one.id for image in index.images for one in image.objects] == [1, 2, 3, 4]
        assert index.remarks
        assert index.is_rewritten


def test_ids_that_may_mean_two_things_are_refused(discs: Discs) -> None:
    def change(document: Document) -> None:
        document["images"][1]["id"] = "1"

    with pytest.raises(DataError, match=r'D05: .*"images" has ids 1 and "1"'):
        discs.read(change)


def test_swapped_sizes_are_told_before_an_image_is_decoded(discs: Discs) -> None:
    def change(document: Document) -> None:
        for row in document["images"]:
            row.update(width=HEIGHT, height=WIDTH)

    with pytest.raises(DataError, match=r"D10: .*2 of its 2 images .*sides of 2 are swapped"):
        discs.read(change)
    (discs.images / "im1.png").write_bytes((discs.images / "im1.png").read_bytes()[:60])
    with pytest.raises(DataError, match=r"D10: .*2 of its 2 images"):
        discs.read(change)


def test_unknown_categories_are_left_out_where_that_is_allowed(discs: Discs) -> None:
    def change(document: Document) -> None:
        document["annotations"][0]["category_id"] = 7

    with pytest.raises(DataError, match=r"D07: .*--ignore-unknown"):
        discs.read(change)
    assert discs.read(change, ignore_unknown=True).skipped == {"unknown category": 1}

"""Corrected labels as objects and as COCO files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from relook.data.coco.reader import Category, object_mask, read_coco
from relook.data.coco.segmentation import checked, rasterised
from relook.errors import UsageError
from relook.napari.annotations import LayerNotes, coco_document, labelled_objects, save_coco

CLASSES = (Category(3, "cell"), Category(7, "crystal"))
NOTES = LayerNotes(file_name="a.png", classes=CLASSES, new_class="crystal")


def drawn_labels() -> np.ndarray:
    """Label 2 with a hole, label 5 in two parts, label 9 in a corner."""
    labels = np.zeros((10, 12), np.int32)
    labels[1:6, 1:6] = 2
    labels[3, 3] = 0
    labels[7, 1] = labels[8:10, 8:10] = 5
    labels[:2, 10:] = 9
    return labels


def columns(**more: list[Any]) -> dict[str, list[Any]]:
    return {"index": [2, 5], "class": ["cell", "crystal"], "score": [0.9, 0.5], **more}


def test_objects_have_the_class_and_score_of_their_row() -> None:
    objects = labelled_objects(drawn_labels(), columns(), NOTES)
    assert objects.numbers == (2, 5, 9)
    assert objects.result.names == ["cell", "crystal", "crystal"]
    assert objects.result.scores[:2].tolist() == pytest.approx([0.9, 0.5])
    assert np.isnan(objects.result.scores[2])
    assert objects.result.boxes[0].tolist() == [1, 1, 6, 6]
    assert (objects.drawn, objects.unclassed, objects.missing) == (1, 1, 0)
    assert objects.words("crystal") == (
        "3 objects; 1 without a score; 1 without a class: taken as crystal"
    )


def test_the_table_is_that_of_the_labels_as_they_are() -> None:
    table = labelled_objects(drawn_labels(), columns(), NOTES).columns((2.0, 2.0))
    assert table["index"] == table["id"] == [2, 5, 9]
    assert table["area"] == [24, 5, 4]
    assert table["area_um2"] == [96, 20, 16]


def test_a_class_that_was_typed_becomes_a_category() -> None:
    table = columns()
    table["class"] = ["dust", float("nan")]
    objects = labelled_objects(drawn_labels(), table, NOTES)
    assert objects.result.names == ["dust", "crystal", "crystal"]
    assert [(c.id, c.name) for c in objects.result.classes][-1] == (8, "dust")


def test_labels_of_an_unknown_layer() -> None:
    objects = labelled_objects(drawn_labels(), {}, LayerNotes.of({}))
    assert objects.result.names == ["object"] * 3
    assert [(c.id, c.name) for c in objects.result.classes] == [(1, "object")]


def test_without_an_index_the_row_is_the_label() -> None:
    table = {"class": ["none", "cell", "cell"]}
    objects = labelled_objects(drawn_labels(), table, NOTES)
    assert objects.result.names == ["cell", "crystal", "crystal"]
    assert objects.missing == 1  # row 1


def test_leading_axes_of_one_plane_are_no_stack() -> None:
    assert len(labelled_objects(drawn_labels()[None, None], columns(), NOTES).numbers) == 3


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((2, 4, 4), int), "Take the plane out of the stack"),
        (np.zeros(4, int), "objects of COCO lie in one image"),
        (np.full((4, 4), -1), "whole numbers from 0"),
        (np.ones((4, 4)), "whole numbers from 0"),
        (np.zeros((0, 4), int), "whole numbers from 0"),
    ],
)
def test_what_are_no_labels_is_refused(labels: np.ndarray, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        labelled_objects(labels, {}, NOTES)


def test_two_rows_of_a_label_are_refused() -> None:
    with pytest.raises(UsageError, match="two rows of label 2"):
        labelled_objects(drawn_labels(), {"index": [2, 2]}, NOTES)


def test_no_objects() -> None:
    objects = labelled_objects(np.zeros((4, 4), int), columns(), NOTES)
    assert objects.words("cell") == "0 objects; 2 rows of the table without a pixel left out"
    assert coco_document(objects, "a.png")["annotations"] == []


@given(arrays(np.uint8, (7, 9), elements=st.integers(0, 3)))
def test_polygons_give_the_labels_back(labels: np.ndarray) -> None:
    objects = labelled_objects(labels, {}, NOTES)
    again = np.zeros_like(labels)
    for number, row in zip(
        objects.numbers, coco_document(objects, "a.png")["annotations"], strict=True
    ):
        segmentation, left_out = checked(row["segmentation"], *labels.shape)
        assert not left_out
        again[rasterised(segmentation, *labels.shape)] = number
    assert (again == labels).all()


def test_the_file_trains(tmp_path: Path) -> None:
    Image.new("L", (12, 10)).save(tmp_path / "a.png")
    save_coco(tmp_path / "a.json", labelled_objects(drawn_labels(), columns(), NOTES), "a.png")
    coco = read_coco(tmp_path / "a.json", tmp_path)
    (image,) = coco.images
    assert [coco.classes[record.label].name for record in image.objects] == [
        "cell",
        "crystal",
        "crystal",
    ]
    assert (object_mask(image.objects[0], 10, 12) == (drawn_labels() == 2)).all()


def test_the_file_has_scores_of_found_objects_only(tmp_path: Path) -> None:
    save_coco(tmp_path / "a.json", labelled_objects(drawn_labels(), columns(), NOTES), "a.png")
    document = json.loads((tmp_path / "a.json").read_text())
    assert [row.get("score") for row in document["annotations"]] == [0.9, 0.5, None]
    assert "attributes" not in document["annotations"][2]
    assert [row["category_id"] for row in document["annotations"]] == [3, 7, 7]
    assert document["images"] == [{"id": 1, "file_name": "a.png", "width": 12, "height": 10}]
    assert [row["area"] for row in document["annotations"]] == [24, 5, 4]


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("mine")
    objects = labelled_objects(drawn_labels(), columns(), NOTES)
    with pytest.raises(UsageError, match="not written over without asking"):
        save_coco(path, objects, "a.png")
    assert path.read_text() == "mine"
    save_coco(path, objects, "a.png", over=True)
    assert json.loads(path.read_text())["annotations"]


def test_notes_travel_as_plain_metadata() -> None:
    assert LayerNotes.of(json.loads(json.dumps(NOTES.metadata()))) == NOTES


@pytest.mark.parametrize("cell", [float("nan"), "two", 2.5])
def test_a_row_without_a_label_is_refused(cell: object) -> None:
    with pytest.raises(UsageError, match="column index of row 0"):
        labelled_objects(drawn_labels(), {"index": [cell]}, NOTES)


def test_notes_of_somebody_else_are_no_notes() -> None:
    assert LayerNotes.of({"relook": "text"}) == LayerNotes()
    assert LayerNotes.of({"relook": {}}) == LayerNotes()


def test_measuring_again_keeps_columns_of_ones_own() -> None:
    table = columns(note=["dubious", ""], mean_c0=[5.0, 6.0], area_um2=[1.0, 2.0])
    measured = labelled_objects(drawn_labels(), table, NOTES).columns()
    assert measured["note"] == ["dubious", "", None]
    assert "mean_c0" not in measured, "the values of another time"
    assert "area_um2" not in measured

"""Class names: where they are looked for, in which order, and what does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from relook.errors import DataError, ModelError, UsageError
from relook.interop.classes import coco_classes, name_classes, names_in


def test_coco_has_its_ids() -> None:
    classes = coco_classes()
    assert (len(classes), classes[0].name, classes[0].id) == (80, "person", 1)
    assert (classes[-1].name, classes[-1].id) == ("toothbrush", 90)
    assert [c.id for c in classes] == sorted(c.id for c in classes)


@pytest.mark.parametrize(
    "meta",
    [
        {"CLASSES": ("nut", "bolt")},
        {"classes": ["nut", "bolt"]},
        {"dataset_meta": {"classes": ["nut", "bolt"]}},
        {"dataset_meta": {"CLASSES": ("nut", "bolt"), "PALETTE": [[1, 2, 3]]}},
    ],
)
def test_every_place_in_meta(meta: dict[str, object]) -> None:
    named = name_classes(2, meta)
    assert [(c.id, c.name) for c in named.classes] == [(1, "nut"), (2, "bolt")]
    assert not named.missing


def test_places_that_hold_no_names() -> None:
    assert names_in({"CLASSES": None, "dataset_meta": 3}) is None
    assert names_in({"classes": [1, 2]}) is None
    assert names_in({"CLASSES": "nut"}) == ("nut",)


def test_names_in_coco_order_get_coco_ids() -> None:
    names = [c.name for c in coco_classes()]
    assert name_classes(80, {"CLASSES": names}).classes == coco_classes()
    turned = name_classes(80, {"CLASSES": names[::-1]}).classes
    assert (turned[0].name, turned[0].id) == ("toothbrush", 1)


def test_missing_names_are_said() -> None:
    coco, made_up = name_classes(80, {}), name_classes(3, {})
    assert coco.missing and coco.classes == coco_classes() and "COCO" in coco.why
    assert made_up.missing and [c.name for c in made_up.classes] == [
        "class_0",
        "class_1",
        "class_2",
    ]
    wrong = name_classes(3, {"CLASSES": ["nut", "bolt"]})
    assert wrong.missing and "names 2" in wrong.why


def test_the_user_comes_first_then_the_configuration(tmp_path: Path) -> None:
    meta = {"CLASSES": ["a", "b"]}
    assert name_classes(2, meta, None, ["c", "d"]).classes[0].name == "c"
    assert name_classes(2, meta, ["e", "f"], ["c", "d"]).classes[0].name == "e"
    path = tmp_path / "names.txt"
    path.write_text("traffic light\n\n  stop sign \n", encoding="utf-8-sig")
    assert [c.name for c in name_classes(2, meta, path).classes] == ["traffic light", "stop sign"]
    assert name_classes(2, meta, str(path)).classes[0].name == "traffic light"


def test_names_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        name_classes(2, {}, tmp_path / "names.txt")
    with pytest.raises(ModelError, match="3 classes, and the model has 2"):
        name_classes(2, {}, ["a", "b", "c"])
    with pytest.raises(UsageError, match="a comes twice"):
        name_classes(2, {}, ["a", "a"])
    with pytest.raises(UsageError, match="must be text"):
        name_classes(2, {}, ["a", ""])
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not a text file"):
        name_classes(2, {}, tmp_path / "binary")

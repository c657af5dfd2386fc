"""Classes under other names, and as one: labels, ids, and the truth of an evaluation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from relook.data.class_names import as_one_class, renamed
from relook.data.coco.reader import CocoIndex, read_coco
from relook.errors import UsageError
from relook.evaluation.ground_truth import truth_of


@pytest.fixture
def index(tmp_path: Path) -> CocoIndex:
    """One image with an object of each of three classes."""
    (tmp_path / "a.png").touch()
    images = [{"id": 1, "file_name": "a.png", "width": 40, "height": 20}]
    names = {4: "small", 6: "other", 9: "large"}
    rows = [
        {"id": row, "image_id": 1, "category_id": key, "bbox": [1, 1, 5, 5], "area": 25,
         "iscrowd": 0, "segmentation": [[1, 1, 6, 1, 6, 6, 1, 6]]}
        for row, key in enumerate(names, start=1)
    ]  # fmt: skip
    categories = [{"id": key, "name": name} for key, name in names.items()]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"images": images, "annotations": rows, "categories": categories}))
    return read_coco(path, tmp_path)


def _labels(index: CocoIndex) -> list[int]:
    return [thing.label for thing in index.images[0].objects]


def _truth(index: CocoIndex) -> tuple[dict[int, str], list[int]]:
    truth = truth_of(index)
    return dict(truth.categories), [row["category_id"] for row in truth.objects]


def test_names_change_and_equal_ones_become_one_class(index: CocoIndex) -> None:
    found = renamed(index, {"small": "nucleus", "large": "nucleus"})
    assert [(c.id, c.name) for c in found.classes] == [(4, "nucleus"), (6, "other")]
    assert _labels(found) == [0, 1, 0]
    assert _truth(found) == ({4: "nucleus", 6: "other"}, [4, 6, 4])
    assert found.class_counts() == (2, 1)


def test_a_name_may_become_that_of_another_class(index: CocoIndex) -> None:
    found = renamed(index, {"large": "small"})
    assert [c.name for c in found.classes] == ["small", "other"]
    assert _labels(found) == [0, 1, 0]


def test_one_class_holds_all_objects(index: CocoIndex) -> None:
    found = as_one_class(renamed(index, {"large": "small"}), "thing")
    assert [(c.id, c.name) for c in found.classes] == [(4, "thing")]
    assert _labels(found) == [0, 0, 0]
    assert _truth(found) == ({4: "thing"}, [4, 4, 4])


def test_nothing_changes_without_names(index: CocoIndex) -> None:
    found = renamed(index, {})
    assert (found.classes, _labels(found), _truth(found)) == (
        index.classes, _labels(index), _truth(index),
    )  # fmt: skip


def test_an_unknown_name_is_refused_with_the_known_ones(index: CocoIndex) -> None:
    with pytest.raises(UsageError, match=r"U01.*no class 'nucleus'.*small, other, large"):
        renamed(index, {"nucleus": "small"})

"""The confusion matrix, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from relook.evaluation.confusion import Confusion, MixUp
from relook.evaluation.ground_truth import read_ground_truth
from relook.evaluation.pairing import ImagePairs, Kind, Pair, Unpaired, pair_images

from .conftest import by_hotcoco, load_annotations


def row(category_id: int) -> dict[str, int]:
    return {"category_id": category_id}


IMAGES = [
    ImagePairs(
        1,
        (Pair(row(7), row(7), 0.9), Pair(row(3), row(7), 0.8), Pair(row(7), row(7), 0.8)),
        (Unpaired(row(3), 0),),
        (Unpaired(row(7), 0), Unpaired(row(3), 0)),
    ),
    ImagePairs(2, (Pair(row(3), row(7), 0.8),), (Unpaired(row(3), 0),), ()),
]


def test_rows_are_the_truth_and_columns_what_was_found() -> None:
    confusion = Confusion.from_pairs(IMAGES, {3: "nut", 7: "bolt", 8: "none"})
    assert confusion.labels() == ("nut", "bolt", "none", "background")
    assert confusion.matrix.tolist() == [
        [0, 0, 0, 1],
        [2, 2, 0, 1],
        [0, 0, 0, 0],
        [2, 0, 0, 0],
    ]
    assert confusion.mix_ups(5) == [MixUp("bolt", "nut", 2)]


def test_the_largest_classes_stay_and_the_rest_is_one() -> None:
    matrix = np.array([[1, 0, 2, 0], [0, 9, 0, 1], [4, 0, 3, 1], [0, 5, 1, 0]])
    confusion = Confusion(("a", "b", "c"), matrix)
    one = confusion.largest(1)
    assert one.labels() == ("b", "other classes", "background")
    assert one.matrix.tolist() == [[9, 0, 1], [0, 10, 1], [5, 1, 0]]
    assert confusion.largest(3).matrix.tolist() == matrix.tolist()
    assert confusion.mix_ups(1) == [MixUp("c", "a", 4)]


def test_classes_that_do_not_occur_are_left_out() -> None:
    confusion = Confusion.from_pairs(IMAGES, {3: "nut", 7: "bolt", 8: "none"}).largest(5)
    assert confusion.labels() == ("nut", "bolt", "background")
    empty = Confusion.from_pairs([], {3: "nut"})
    assert empty.largest(5).matrix.tolist() == [[0]]
    assert empty.mix_ups(5) == []


def matrices(content: Any, found: Any, kind: Kind, threshold: float) -> tuple[Any, Any]:
    """Ours, with twins as background, and hotcoco's, which knows no twins."""
    truth = read_ground_truth(content)
    pairs = [
        replace(image, false=tuple(false._replace(is_twin=False) for false in image.false))
        for image in pair_images(truth, found, kind=kind, threshold=threshold)
    ]
    theirs = by_hotcoco(truth, found, kind, 10_000).confusion_matrix(0.5, None, threshold)
    return Confusion.from_pairs(pairs, truth.categories).matrix, theirs["matrix"].astype(np.int64)


@pytest.mark.parametrize("threshold", [0.0, 0.3])
@pytest.mark.parametrize("kind", ["box", "mask"])
@pytest.mark.parametrize("name", ["nuclei", "mushrooms", "coco_mini"])
def test_equal_to_hotcoco_where_no_crowd_region_is(
    name: str, kind: Kind, threshold: float, noisy: Callable[..., Any]
) -> None:
    content = load_annotations(name)
    found = noisy(content)  # also on the crowd regions
    content["annotations"] = [row for row in content["annotations"] if not row["iscrowd"]]
    ours, theirs = matrices(content, found, kind, threshold)
    assert ours.tolist() == theirs.tolist()
    assert np.trace(ours) > 100


@pytest.mark.parametrize(("kind", "more"), [("box", 16), ("mask", 2)])
def test_on_crowd_regions_hotcoco_counts_what_we_leave_out(
    kind: Kind, more: int, coco_mini: Any, noisy: Callable[..., Any]
) -> None:
    ours, theirs = matrices(coco_mini, noisy(coco_mini), kind, 0.0)
    assert ours[:-1].tolist() == theirs[:-1].tolist()
    assert (theirs[-1] >= ours[-1]).all()
    assert (theirs[-1] - ours[-1]).sum() == more


def test_twins_are_counted_and_are_no_background() -> None:
    twin = ImagePairs(
        1, (Pair(row(3), row(3), 0.9),), (Unpaired(row(7), 0.9, True), Unpaired(row(7), 0.0)), ()
    )
    confusion = Confusion.from_pairs([twin, twin], {3: "nut", 7: "bolt"})
    assert confusion.matrix.tolist() == [[2, 0, 0], [0, 0, 0], [0, 2, 0]]
    assert confusion.twins == confusion.largest(1).twins == 2

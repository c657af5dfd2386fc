"""The image to correct next."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from relook.app.session.suggestions import (
    APP_ORDER,
    BY_NUMBER,
    BY_SHARE,
    Doubt,
    doubt_by_score,
    doubt_of,
    suggested,
)
from relook.data.coco.reader import Category
from relook.inference.results import Result
from relook.ops.rle import encode_window

SIZE = (20, 40)
ONLY_ONE = "only one of the image and its mirror image, or with another outline"


def result(*squares: tuple[int, float]) -> Result:
    """Squares of 6 pixels at these columns with these scores, best first."""
    boxes = np.array([(x, 2, x + 6, 8) for x, _ in squares], np.float32).reshape(-1, 4)
    masks = tuple(encode_window(np.ones((6, 6), bool), x, 2, SIZE) for x, _ in squares)
    scores = np.array([score for _, score in squares], np.float32)
    labels = np.zeros(len(squares), np.int64)
    return Result(boxes, scores, labels, masks, SIZE, (Category(1, "cell"),))


def test_doubt_is_what_only_one_of_two_finds_or_outlines_otherwise() -> None:
    first = result((2, 0.9), (12, 0.8), (30, 0.7), (20, 0.1))
    mirrored = result((2, 0.9), (14, 0.8))
    assert doubt_of(first, mirrored, 0.5) == Doubt(2, 3, 2)  # 12 and 14: an IoU of a half; 30
    assert doubt_of(first, mirrored, 0.05) == Doubt(3, 4, 3)
    assert doubt_of(first, first, 0.5) == Doubt(0, 3, 0)


def test_an_object_is_in_doubt_where_a_stage_alone_leaves_it_out() -> None:
    """It counts once, whatever the reasons are; and what is not shown does not count."""
    found = result((2, 0.9), (12, 0.8), (30, 0.7), (20, 0.1))
    stages = np.array([[0.9, 0.9], [0.95, 0.4], [0.45, 0.9], [0.6, 0.1]], np.float32)
    by_stage = replace(found, stage_scores=stages)
    assert doubt_of(by_stage, found, 0.5) == Doubt(2, 3, 0, 2)
    assert doubt_of(by_stage, result((2, 0.9), (12, 0.8)), 0.5) == Doubt(2, 3, 1, 2)
    assert doubt_of(by_stage, result((12, 0.8), (30, 0.8)), 0.5) == Doubt(3, 3, 1, 2)
    assert doubt_of(by_stage, found, 0.3) == Doubt(0, 3, 0, 0)
    assert doubt_by_score(by_stage, 0.5) == Doubt(2, 3, 1, 2, is_mirrored=False)


def test_scores_near_the_threshold_are_in_doubt_where_nothing_is_mirrored() -> None:
    found = result((2, 0.9), (12, 0.7), (22, 0.3), (30, 0.1))
    doubt = doubt_by_score(found, 0.5)
    assert doubt == Doubt(2, 3, 2, is_mirrored=False)
    assert doubt.words() == "2 of 3 objects have a score near the threshold"


@pytest.mark.parametrize(
    ("doubt", "words"),
    [
        (Doubt(0, 0, 0), "nothing is found in it"),
        (Doubt(0, 4, 0), "all of its 4 objects are found mirrored as well"),
        (Doubt(0, 4, 0, is_mirrored=False), "all of its 4 objects are found with a clear score"),
        (Doubt(1, 1, 1), f"1 of 1 object is found in {ONLY_ONE}"),
        (Doubt(12, 40, 12), f"12 of 40 objects are found in {ONLY_ONE}"),
        (Doubt(1, 9, 0, 1), "1 of 9 objects has too low a score in one stage of the model"),
        (
            Doubt(4, 9, 3, 1),
            f"4 of 9 objects are in doubt: 3 are found in {ONLY_ONE}, and 1 has too low a score in "
            "one stage of the model",
        ),
    ],
)
def test_the_reason_is_said_in_words(doubt: Doubt, words: str) -> None:
    assert doubt.words() == words


def test_the_image_with_the_largest_share_comes_first() -> None:
    """Not one doubtful object of one before forty of sixty."""
    doubts = [
        (4, Doubt(1, 1, 1)),
        (7, Doubt(50, 60, 50)),
        (9, Doubt(0, 30, 0)),
        (2, Doubt(0, 0, 0)),
    ]
    assert suggested(doubts, 0).id == 7
    assert "(of 4 images looked at so far)" in suggested(doubts, 3).reason
    assert suggested(doubts[2:], 0).id == 2
    assert suggested([(3, Doubt(1, 2, 1)), (1, Doubt(1, 2, 1))], 0).id == 3
    assert suggested([], 2).id is None
    assert suggested([], 2).reason == "2 images must be looked at first"
    assert suggested([], 0).reason == "no image is left that is not corrected"


def test_by_number_nothing_found_comes_before_nothing_in_doubt() -> None:
    doubts = [Doubt(0, 30, 0), Doubt(0, 0, 0), Doubt(1, 1, 1), Doubt(2, 40, 2), Doubt(2, 4, 2)]
    assert sorted(doubts, key=BY_NUMBER) == doubts
    assert APP_ORDER is BY_SHARE

"""The image to correct next."""

from __future__ import annotations

import numpy as np
import pytest

from relook.app.session.suggestions import Doubt, doubt_by_score, doubt_of, suggested
from relook.data.coco.reader import Category
from relook.inference.results import Result
from relook.ops.rle import encode_window

SIZE = (20, 40)


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
    assert doubt_of(first, mirrored, 0.5) == Doubt(2, 3)  # at 12 and 14: an IoU of a half; at 30
    assert doubt_of(first, mirrored, 0.05) == Doubt(3, 4)
    assert doubt_of(first, first, 0.5) == Doubt(0, 3)


def test_scores_near_the_threshold_are_in_doubt_where_nothing_is_mirrored() -> None:
    found = result((2, 0.9), (12, 0.7), (22, 0.3), (30, 0.1))
    doubt = doubt_by_score(found, 0.5)
    assert doubt == Doubt(2, 3, is_mirrored=False)
    assert doubt.words() == "2 of 3 objects have a score near the threshold"


@pytest.mark.parametrize(
    ("doubt", "words"),
    [
        (Doubt(0, 0), "nothing is found in it"),
        (Doubt(0, 4), "all of its 4 objects are found mirrored as well"),
        (Doubt(1, 1), "1 of 1 object is found in only one"),
        (Doubt(12, 40), "12 of 40 objects are found in only one"),
    ],
)
def test_the_reason_is_said_in_words(doubt: Doubt, words: str) -> None:
    assert doubt.words().startswith(words)


def test_the_image_with_the_largest_share_comes_first() -> None:
    """Not one doubtful object of one before forty of sixty."""
    doubts = [(4, Doubt(1, 1)), (7, Doubt(50, 60)), (9, Doubt(0, 30)), (2, Doubt(0, 0))]
    assert suggested(doubts, 0).id == 7
    assert "(of 4 images looked at so far)" in suggested(doubts, 3).reason
    assert suggested(doubts[2:], 0).id == 2
    assert suggested([(3, Doubt(1, 2)), (1, Doubt(1, 2))], 0).id == 3
    assert suggested([], 2).id is None
    assert suggested([], 2).reason == "2 images must be looked at first"
    assert suggested([], 0).reason == "no image is left that is not corrected"

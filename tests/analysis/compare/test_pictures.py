"""The picture of an image, in which every kind of difference has its colour."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from relook.analysis.compare.matching import Objects, Truth, match_objects, objects_of
from relook.analysis.compare.pictures import picture_of
from relook.analysis.compare.run import Compared
from relook.inference.results import Result
from relook.ops.rle import encode_window
from relook.visualization.palette import COLORS

CORAL, SKY, SUN, GREEN, VIOLET, ORANGE, _, PINK = COLORS[:8]
LIME = COLORS[9]


def result(*boxes: tuple[int, int, int, int], with_masks: bool = True) -> Result:
    codes = [
        encode_window(np.ones((y2 - y1, x2 - x1), dtype=bool), x1, y1, (400, 800))
        for x1, y1, x2, y2 in boxes
    ]
    return Result(
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        scores=np.full(len(boxes), 0.9, dtype=np.float32),
        labels=np.zeros(len(boxes), dtype=np.int64),
        masks=tuple(codes) if with_masks else None,
        size=(400, 800),
        classes=(type("Class", (), {"id": 1, "name": "cell"})(),),
        image=np.zeros((400, 800, 3), dtype=np.uint8),
    )


def compared(a: Result, b: Result, truth: Result | None, with_masks: bool = True) -> Compared:
    from pathlib import Path

    there = None
    if truth is not None:
        there = Truth(objects_of(truth, with_masks), Objects([], np.zeros((0, 4))))
    matches = match_objects(objects_of(a, with_masks), objects_of(b, with_masks), there)
    return Compared(Path("cells.png"), a, b, there, with_masks, tuple(matches))


def colors(picture: np.ndarray, x: int, y: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of the upper and of the lower picture at (x, y) of the image of 400 x 800."""
    head = 2 * (800 // 48)  # the line above each
    return picture[head + y, x], picture[2 * head + 400 + y, x]


def is_tinted(pixel: np.ndarray, color: tuple[int, int, int] | None) -> bool:
    """Whether black became `color` at the opacity of 0.4; None: it stayed black."""
    expected = np.zeros(3) if color is None else 0.4 * np.array(color)
    return bool(np.abs(pixel.astype(float) - expected).max() <= 3)


@pytest.fixture(scope="module")
def with_truth() -> np.ndarray:
    squares = [(x, 50, x + 80, 130) for x in range(100, 700, 120)]
    both, better, only_a, only_b = squares[:4]  # and one that neither finds
    smaller = (better[0], 50, better[2], 100)
    a = result(both, better, only_a, (250, 200, 330, 280))
    b = result(both, smaller, only_b)
    return np.asarray(picture_of(compared(a, b, result(*squares)), ("first", "second")))


@pytest.mark.parametrize(
    ("place", "above", "below"),
    [
        ((140, 80), SKY, SKY),  # found by both
        ((260, 80), GREEN, ORANGE),  # A's mask is better
        ((380, 80), VIOLET, PINK),  # only A has it, B missed it
        ((500, 80), PINK, VIOLET),
        ((620, 80), LIME, LIME),  # missed by both
        ((290, 240), CORAL, None),  # A's, and not in the truth
        ((750, 350), None, None),
    ],
)
def test_each_kind_in_its_color(
    with_truth: np.ndarray,
    place: tuple[int, int],
    above: tuple[int, int, int] | None,
    below: tuple[int, int, int] | None,
) -> None:
    upper, lower = colors(with_truth, *place)
    assert is_tinted(upper, above)
    assert is_tinted(lower, below)


def test_without_the_truth() -> None:
    a = result((300, 50, 400, 150), (500, 50, 600, 150))
    b = result((300, 50, 400, 116))
    picture = np.asarray(picture_of(compared(a, b, None), ("first", "second")))
    upper, lower = colors(picture, 350, 80)
    assert is_tinted(upper, SUN)
    assert is_tinted(lower, SUN)
    upper, lower = colors(picture, 550, 80)
    assert is_tinted(upper, VIOLET)
    assert is_tinted(lower, None)  # who is right is not known, so nothing was missed


def test_pictures_of_one_image_are_of_one_size_whatever_was_found() -> None:
    tiny = [(x, 50, x + 4, 54) for x in range(100, 700, 12)]  # which alone are drawn larger
    one = compared(result((100, 100, 300, 300)), result(*tiny), None)
    picture = np.asarray(picture_of(one, ("first", "second")))
    upper, lower = colors(picture, 200, 200)
    assert is_tinted(upper, VIOLET)
    assert is_tinted(lower, None)
    assert colors(picture, 102, 52)[1].max() > 60  # the first of the tiny ones is in its place
    assert picture.shape[1] == 800


def test_boxes_are_drawn_where_there_are_no_masks() -> None:
    a = result((300, 50, 400, 150), with_masks=False)
    one = compared(a, dataclasses.replace(a, boxes=a.boxes + 500), None, with_masks=False)
    upper, _ = colors(np.asarray(picture_of(one, ("first", "second"))), 300, 100)
    assert np.abs(upper.astype(int) - VIOLET).max() < 30


def test_an_image_in_which_nothing_is_found() -> None:
    picture = picture_of(compared(result(), result(), None), ("first", "second"))
    assert picture.size == (800, 2 * (400 + 32))

"""Outlines of what is there and of what was found."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from relook.ops.rle import encode_window
from relook.visualization.outlines import FOUND, TRUTH, Outline, draw_outlines, frame_around

BLACK = np.zeros((60, 100, 3), dtype=np.uint8)
BOX = (20.0, 10.0, 40.0, 30.0)


def colored(picture: NDArray[np.uint8], color: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Where `picture` has exactly this colour."""
    return np.asarray((picture == color).all(axis=2))


def test_a_box_is_drawn_where_it_is() -> None:
    picture = np.asarray(draw_outlines(BLACK, [Outline(BOX, None, TRUTH, False)], WHOLE, 100))
    rows, columns = np.nonzero(picture.max(axis=2) > 50)
    assert picture.shape == (60, 100, 3)
    assert (rows.min(), rows.max()) == (pytest.approx(9.5, abs=1), pytest.approx(39.5, abs=1))
    assert (columns.min(), columns.max()) == (
        pytest.approx(19.5, abs=1),
        pytest.approx(59.5, abs=1),
    )
    assert not picture[15:35, 25:55].any()  # nothing is filled


WHOLE = (0, 0, 100, 60)


def test_a_mask_is_outlined_rather_than_its_box() -> None:
    window = np.tri(30, 40, dtype=bool)
    mask = encode_window(window, 20, 10, (60, 100))
    for code in (mask, {**mask, "counts": mask["counts"].encode("ascii")}):
        outline = Outline(BOX, code, FOUND, False)
        picture = np.asarray(draw_outlines(BLACK, [outline], WHOLE, 100))
        assert picture[39, 25].any()  # the lower side of the triangle
        assert not picture[9:15, 40:60].any()  # the corner of the box


def test_frames_are_enlarged() -> None:
    image = BLACK.copy()
    image[20:30, 30:40] = 255
    picture = np.asarray(draw_outlines(image, [], (30, 20, 50, 30), 200))
    assert picture.shape == (100, 200, 3)
    assert picture[:, :90].min() > 200
    assert picture[:, 110:].max() < 50


def test_mistakes_are_thicker_and_on_top() -> None:
    large = (5.0, 5.0, 80.0, 50.0)
    right, wrong = Outline(large, None, TRUTH, False), Outline(large, None, FOUND, True)
    for outlines in ([right, wrong], [wrong, right]):
        picture = np.asarray(draw_outlines(BLACK, outlines, WHOLE, 100))
        assert not colored(picture, TRUTH).any()
        assert colored(picture[:, 40:41], FOUND).sum() >= 4
    thin = np.asarray(draw_outlines(BLACK, [right], WHOLE, 100))
    assert (thin[:, 40].any(axis=1)).sum() < (picture[:, 40].any(axis=1)).sum()


def test_lines_around_small_objects_are_thin() -> None:
    tiny = [Outline((20.0, 20.0, 6.0, 6.0), None, FOUND, wrong) for wrong in (False, True)]
    thin, wrong = (np.asarray(draw_outlines(BLACK, [one], WHOLE, 100)) for one in tiny)
    assert (thin == wrong).all()


def test_an_empty_mask_and_a_box_far_away_draw_nothing() -> None:
    empty = encode_window(np.zeros((0, 0), dtype=bool), 0, 0, (60, 100))
    outlines = [Outline(BOX, empty, TRUTH, True), Outline((1e11, -1e11, 5, 5), None, FOUND, True)]
    assert not np.asarray(draw_outlines(BLACK, outlines, WHOLE, 100)).any()


@pytest.mark.parametrize(
    ("boxes", "frame"),
    [
        ([(40.0, 20.0, 10.0, 10.0)], (35, 15, 55, 35)),  # as much again around it
        ([(40.0, 20.0, 10.0, 10.0), (50.0, 22.0, 6.0, 4.0)], (32, 9, 64, 41)),  # both, and square
        ([(0.0, 50.0, 10.0, 10.0)], (0, 40, 20, 60)),  # moved into the image
        ([(0.0, 0.0, 90.0, 50.0)], (0, 0, 100, 60)),  # cut where the image ends
        ([(500.0, 500.0, 0.0, 0.0)], (80, 40, 100, 60)),
    ],
)
def test_frames_show_the_boxes_and_their_surroundings(boxes: list, frame: tuple) -> None:
    assert frame_around(boxes, (60, 100), 20) == frame

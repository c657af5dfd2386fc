"""The scale of an image by a first look, with a detector that knows objects of one size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from relook.inference.first_look import LOOKS, choose_scale, weigh
from relook.inference.preprocess import Prepared, read
from relook.inference.scaling import Scaling
from relook.structures.detection import Detections
from relook.structures.object_sizes import ObjectSizes

SIZES = ObjectSizes((20.0, 25.0, 30.0, 40.0, 50.0), (15.0, 60.0), 50, "boxes")
SCALING = Scaling(SIZES, (240, 240))


class Squares:
    """Finds bright squares that are 15 to 60 pixels wide in the network input, the better the
    closer they are to 30, and specks in the others.
    """

    def __init__(self, blind: bool = False) -> None:
        self.blind, self.inputs = blind, list[tuple[int, ...]]()

    def __call__(self, one: Prepared) -> Detections:
        self.inputs.append(one.resized.shape[:2])
        factor = one.resized.shape[1] / one.image.shape[1]
        boxes, scores = [], []
        for x, y, side in squares_in(one.image):
            if 15 <= side * factor <= 60:
                boxes.append([x, y, x + side, y + side])
                scores.append(0.95 - abs(np.log(side * factor / 30)) / 3)
            else:
                boxes.append([x, y, x + 2, y + 2])
                scores.append(0.55)
        if self.blind:
            boxes, scores = [], []
        return Detections(
            torch.tensor(boxes).reshape(-1, 4).float(),
            torch.tensor(scores),
            torch.zeros(len(scores), dtype=torch.int64),
            None,
            one.size,
        )


def squares_in(image: NDArray[Any]) -> list[tuple[int, int, int]]:
    """(x, y, side) of each bright square, by its left upper corner."""
    bright = image[..., 0] > 128
    corners = bright.copy()
    corners[1:] &= ~bright[:-1]
    corners[:, 1:] &= ~bright[:, :-1]
    found = []
    for y, x in zip(*np.nonzero(corners), strict=True):
        run = bright[y, x:]
        found.append((int(x), int(y), int(np.argmin(run)) if not run.all() else len(run)))
    return found


def scene(side: int, gap: int, length: int) -> Prepared:
    """Squares of `side` pixels on a square image of `length`, as the model would see it."""
    image = np.zeros((length, length, 3), dtype=np.uint8)
    for y in range(gap, length - side, side + gap):
        for x in range(gap, length - side, side + gap):
            image[y : y + side, x : x + side] = 255
    one = read(image, (240, 240))
    assert isinstance(one, Prepared)
    return one


def test_objects_of_the_models_size_leave_the_scale_as_it_is() -> None:
    one, detect = scene(30, 10, 240), Squares()
    chosen = choose_scale(one, SCALING, detect, 0.4)
    assert chosen.prepared.limits == (240, 240)
    assert np.array_equal(chosen.prepared.resized, one.resized)
    assert chosen.found is not None and len(chosen.found.scores) == 25
    assert len(detect.inputs) == 1  # one look was enough, and is not repeated
    scale = chosen.prepared.scale
    assert scale is not None and (scale.factor, scale.diameter, scale.bound) == (1, 30, None)


@pytest.mark.parametrize(("side", "factor"), [(80, 0.5), (110, 0.25), (150, 0.25)])
def test_large_objects_are_scaled_down(side: int, factor: float) -> None:
    one = scene(side, 10, 480)
    one = read(one.image, (480, 480))  # type: ignore[assignment]
    scaling, detect = Scaling(SIZES, (480, 480)), Squares()
    chosen = choose_scale(one, scaling, detect, 0.4)
    scale = chosen.prepared.scale
    assert scale is not None
    assert (scale.factor, scale.diameter) == (factor, side)
    assert f"objects about {side} pixels across, as a first look found them" in scale.line()
    assert chosen.prepared.resized.shape[0] == round(480 * factor)
    assert chosen.found is not None and float(chosen.found.scores.min()) > 0.6


def test_small_objects_are_scaled_up_as_far_as_it_is_allowed() -> None:
    one, detect = scene(20, 6, 400), Squares()  # 12 pixels in the input of the model
    chosen = choose_scale(one, SCALING, detect, 0.4)
    scale = chosen.prepared.scale
    assert scale is not None
    assert (scale.factor, scale.diameter, scale.bound) == (pytest.approx(1.2), 20, None)
    large = scene(16, 6, 2000)
    chosen = choose_scale(large, SCALING, detect, 0.4)
    scale = chosen.prepared.scale
    assert scale is not None and scale.diameter == 16
    assert scale.bound is not None and "cut the image into tiles" in scale.bound
    assert chosen.found is None  # it was looked at in the middle only
    assert chosen.prepared.resized.shape[:2] == (480, 480)
    assert max(max(shape) for shape in detect.inputs) <= 480  # no look is larger than the network's


def test_nothing_found_leaves_the_scale_as_it_is() -> None:
    one, detect = scene(30, 10, 240), Squares(blind=True)
    chosen = choose_scale(one, SCALING, detect, 0.4)
    scale = chosen.prepared.scale
    assert scale is not None and scale.diameter is None
    assert (
        scale.line() == "scaled by 1: nothing was found at any scale, so as the model was trained"
    )
    assert chosen.found is not None and len(chosen.found.scores) == 0
    assert len(detect.inputs) == 1 + len(LOOKS)


def test_objects_below_the_shown_score_do_not_count() -> None:
    one = scene(30, 10, 240)
    found = Squares()(one)
    evidence, diameter, score = weigh(found, one, SCALING, 0.4)
    assert evidence > 0.1 and diameter == 30 and score == pytest.approx(0.95)
    assert weigh(found, one, SCALING, 0.99) == (0.0, None, 0.0)


def test_masks_say_the_diameter_where_there_are_any() -> None:
    one = scene(30, 10, 240)
    found = Squares()(one)
    masks = torch.zeros(len(found.scores), 28, 28)
    masks[:, :14] = 1.0
    halves = Detections(found.boxes, found.scores, found.labels, masks, found.size)
    _, diameter, _ = weigh(halves, one, SCALING, 0.4)
    assert diameter == pytest.approx(np.sqrt(4 / np.pi * 30 * 15))

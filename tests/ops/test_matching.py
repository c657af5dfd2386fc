"""Assignment of boxes to objects, and sampling."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from relook.ops.boxes import pairwise_iou
from relook.ops.matching import BACKGROUND, IGNORED, assign, draw


def _literal_assign(
    boxes: Tensor, objects: Tensor, positive: float, negative: float, low: float | None
) -> list[int]:
    """The rule, box by box and object by object, in words turned into loops."""
    index = [IGNORED] * len(boxes)
    if not len(objects):
        return [BACKGROUND] * len(boxes)
    iou = pairwise_iou(objects, boxes)
    for n in range(len(boxes)):
        best = max(range(len(objects)), key=lambda g, n=n: (iou[g, n].item(), -g))
        if iou[best, n] < negative:
            index[n] = BACKGROUND
        if iou[best, n] >= positive:
            index[n] = best
    if low is not None:
        for g in range(len(objects)):
            if iou[g].max() >= low:
                for n in range(len(boxes)):
                    if iou[g, n] == iou[g].max():
                        index[n] = g
    return index


@st.composite
def grid_boxes(draw: st.DrawFn, least: int) -> Tensor:
    """Boxes on a coarse grid, where equal overlaps are common."""
    side = st.integers(0, 4)
    rows = [
        [x, y, x + 1 + draw(side), y + 1 + draw(side)]
        for x, y in draw(st.lists(st.tuples(side, side), min_size=least, max_size=8))
    ]
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)


@given(grid_boxes(1), grid_boxes(0), st.booleans())
def test_assign_is_the_literal_rule(boxes: Tensor, objects: Tensor, low_quality: bool) -> None:
    low = 0.3 if low_quality else None
    expected = _literal_assign(boxes, objects, 0.7, 0.3, low)
    assert assign(boxes, objects, 0.7, 0.3, low).tolist() == expected


def test_assign_without_boxes_is_empty() -> None:
    assert assign(torch.zeros(0, 4), torch.tensor([[0.0, 0, 1, 1]]), 0.5, 0.5).shape == (0,)


@given(
    st.lists(st.sampled_from([BACKGROUND, IGNORED, 0, 3]), max_size=60),
    st.integers(1, 40),
    st.sampled_from([0.25, 0.5]),
)
def test_draw_fills_the_quota_with_what_there_is(
    index: list[int], quota: int, fraction: float
) -> None:
    rows = torch.tensor(index, dtype=torch.int64)
    positives, negatives = draw(rows, quota, fraction)
    num_positives = sum(i >= 0 for i in index)
    num_background = sum(i == BACKGROUND for i in index)
    assert len(positives) == min(num_positives, int(quota * fraction))
    assert len(negatives) == min(num_background, quota - len(positives))
    assert (rows[positives] >= 0).all() and (rows[negatives] == BACKGROUND).all()
    for chosen in (positives.tolist(), negatives.tolist()):
        assert chosen == sorted(set(chosen))


def test_draw_is_random_but_repeatable() -> None:
    index = torch.full((100,), BACKGROUND)
    samples = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        samples.append(draw(index, 10, 0.5)[1].tolist())
    assert samples[0] == samples[1] != samples[2]


def test_a_seed_draws_the_same_rows_whatever_was_drawn_before() -> None:
    index = torch.tensor([0, 0, 0, 0, 0, 0, *[BACKGROUND] * 40])
    drawn = []
    for seed in (7, 7, 8, None):
        torch.rand(3)
        state = torch.get_rng_state()
        drawn.append(draw(index, 10, 0.4, seed))
        assert torch.equal(torch.get_rng_state(), state) == (seed is not None)
    assert all(torch.equal(a, b) for a, b in zip(drawn[0], drawn[1], strict=True))
    assert not torch.equal(drawn[0][1], drawn[2][1])


def test_what_just_reaches_a_threshold_counts() -> None:
    """Shares of quarters, which numbers of 32 bits have exactly."""
    boxes = torch.tensor([[0.0, 0, 10, 5], [0, 0, 5, 5], [20, 20, 30, 30], [0, 0, 10, 4]])
    objects = torch.tensor([[0.0, 0, 10, 10]])
    assert pairwise_iou(objects, boxes)[0, :3].tolist() == [0.5, 0.25, 0.0]
    assert assign(boxes, objects, 0.5, 0.25).tolist() == [0, IGNORED, BACKGROUND, IGNORED]
    assert assign(boxes, objects, 0.75, 0.5).tolist() == [IGNORED, *[BACKGROUND] * 3]
    assert assign(boxes, objects, 0.75, 0.75, 0.5).tolist() == [0, *[BACKGROUND] * 3]
    assert assign(boxes, objects, 0.75, 0.75, 0.6).tolist() == [BACKGROUND] * 4


def test_marks_are_no_rows_of_objects() -> None:
    assert BACKGROUND < 0 and IGNORED < 0 and BACKGROUND != IGNORED
    positives, background = draw(torch.tensor([BACKGROUND, IGNORED, 0, 1]), 8, 1.0)
    assert positives.tolist() == [2, 3] and background.tolist() == [0]


def test_one_box_and_one_object() -> None:
    box = torch.tensor([[0.0, 0, 10, 10]])
    assert assign(box, box, 0.5, 0.5).tolist() == [0]
    assert assign(box, box.repeat(2, 1), 0.5, 0.5).tolist() == [0]

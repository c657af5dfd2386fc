"""Box geometry."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torchvision.ops import box_iou

from relook.ops import boxes as box_ops
from relook.structures.rules.proposals import Bound

STD = (0.1, 0.1, 0.2, 0.2)
BOUNDS: tuple[Bound, Bound] = ("above", "from")
pixels = st.sampled_from([0.0, 1.0])
coordinate = st.floats(0, 1000, width=32)
extent = st.floats(0.5, 500, width=32)


@st.composite
def some_boxes(draw: st.DrawFn, count: int | None = None) -> Tensor:
    n = draw(st.integers(1, 8)) if count is None else count
    rows = [[draw(coordinate), draw(coordinate), draw(extent), draw(extent)] for _ in range(n)]
    corner_and_size = torch.tensor(rows, dtype=torch.float64)
    return torch.cat([corner_and_size[:, :2], corner_and_size[:, :2] + corner_and_size[:, 2:]], 1)


@given(some_boxes(4), some_boxes(4))
def test_decode_inverts_encode(boxes: Tensor, goals: Tensor) -> None:
    sizes = (goals[:, 2:] - goals[:, :2]) / (boxes[:, 2:] - boxes[:, :2])
    reachable = ((sizes < 60) & (sizes > 1 / 60)).all(dim=1)  # the size change is limited
    boxes, goals = boxes[reachable], goals[reachable]
    back = box_ops.decode(boxes, box_ops.encode(boxes, goals, STD), STD)
    torch.testing.assert_close(back, goals, rtol=1e-6, atol=1e-6)


def test_decode_limits_growth_but_not_shifts() -> None:
    box = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    moved = box_ops.decode(box, torch.tensor([[1e3, 0.0, 1e3, -1e3]]), (1.0, 1.0, 1.0, 1.0))
    width, height = (moved[:, 2:] - moved[:, :2])[0].tolist()
    assert round(width, 1) == 625.0 and round(height, 3) == 0.16
    assert moved[0, 0] > 9000


@given(some_boxes(), some_boxes())
def test_pairwise_iou_is_torchvisions_for_boxes_with_area(first: Tensor, second: Tensor) -> None:
    torch.testing.assert_close(box_ops.pairwise_iou(first, second), box_iou(first, second))


def test_boxes_without_area_overlap_nothing() -> None:
    point = torch.tensor([[5.0, 5.0, 5.0, 5.0]])
    assert box_ops.pairwise_iou(point, point).item() == 0
    assert box_ops.has_area(point).tolist() == [False]


def test_sides_of_just_the_least_length_are_out_or_in() -> None:
    boxes = torch.tensor([[1.0, 1, 3, 9], [1, 1, 9, 3], [1, 1, 3, 3], [1, 1, 3.5, 3.5]])
    assert box_ops.are_wide(boxes, 2, "above").tolist() == [False, False, False, True]
    assert box_ops.are_wide(boxes, 2, "from").tolist() == [True] * 4
    assert box_ops.are_wide(boxes, 2.25, "from").tolist() == [False, False, False, True]
    assert box_ops.are_wide(boxes[:0], 2, "from").shape == (0,)


@given(some_boxes(4), st.lists(st.floats(-100, 100, width=32), min_size=16, max_size=16), pixels)
def test_no_box_has_a_side_below_zero(boxes: Tensor, deltas: list[float], pixel: float) -> None:
    for dtype in (torch.float32, torch.float64):
        moves = torch.tensor(deltas, dtype=dtype).reshape(4, 4)
        moved = box_ops.decode(boxes.to(dtype), moves, STD)
        for some in (moved, box_ops.clip(moved, (37, 411), pixel)):
            assert box_ops.are_wide(some, 0, "from").all()
            assert torch.equal(box_ops.are_wide(some, 0, "above"), box_ops.has_area(some))


@given(some_boxes(), st.floats(0, 600, width=32))
def test_the_two_bounds_differ_by_what_is_just_as_long(boxes: Tensor, side: float) -> None:
    above, from_on = (box_ops.are_wide(boxes, side, bound) for bound in BOUNDS)
    shorter = (boxes[:, 2:] - boxes[:, :2]).amin(dim=1)
    assert torch.equal(above, shorter > side)
    assert torch.equal(from_on & ~above, shorter == side)
    assert box_ops.are_wide(boxes, float(shorter[0]), "from")[0]
    assert not box_ops.are_wide(boxes, float(shorter[0]), "above")[0]


@given(some_boxes(), st.integers(1, 500), st.integers(1, 500))
def test_clip_keeps_boxes_inside_and_inside_boxes_unchanged(
    boxes: Tensor, height: int, width: int
) -> None:
    clipped = box_ops.clip(boxes, (height, width))
    assert (clipped >= 0).all()
    assert (clipped[:, 0::2] <= width).all() and (clipped[:, 1::2] <= height).all()
    assert torch.equal(box_ops.clip(clipped, (height, width)), clipped)


@given(some_boxes())
def test_unscale_inverts_scale(boxes: Tensor) -> None:
    there = box_ops.scale(boxes, (2.134, 2.1333))
    torch.testing.assert_close(box_ops.unscale(there, (2.134, 2.1333)), boxes)


def test_the_last_pixel_is_not_scaled() -> None:
    boxes = torch.tensor([[2.0, 2.0, 5.0, 5.0]])
    scaled = torch.tensor([[4.0, 6.0, 9.0, 13.0]])  # 4 x 2 + 1, 4 x 3 + 1
    assert torch.equal(box_ops.scale(boxes, (2.0, 3.0), 1.0), scaled)
    assert torch.equal(box_ops.unscale(scaled, (2.0, 3.0), 1.0), boxes)
    assert box_ops.scale(boxes, (2.0, 3.0)).tolist() == [[4.0, 6.0, 10.0, 15.0]]

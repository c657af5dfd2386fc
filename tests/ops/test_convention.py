"""Every difference between MMDetection 1.x and 2.x, worked by hand or by its own formula.

Formulas here are literal: boxes name their first and last pixel, and widths have their "+1".
Ours take the same boxes as edges, (x1, y1, x2 + 1, y2 + 1), and must give the same numbers.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from relook.models.rpn.anchors import base_anchors, grid_anchors, pixel_anchors
from relook.ops import boxes as box_ops
from relook.ops.boxes import decode, encode, pairwise_iou
from relook.ops.convention import TORCHVISION, V1, V2
from relook.ops.masks import paste_resized
from relook.ops.nms import suppress
from relook.ops.roi_align import align_two_by_two, pool_map, pyramid_level
from relook.structures.detection import Rois

STD = (0.1, 0.1, 0.2, 0.2)
LAST = torch.tensor([0.0, 0.0, 1.0, 1.0])


def edges(boxes: list[list[float]] | Tensor) -> Tensor:
    return torch.as_tensor(boxes, dtype=torch.float64) + LAST


@st.composite
def some_boxes(draw: st.DrawFn, count: int = 4) -> Tensor:
    """First and last pixel of boxes, (N, 4)."""
    corner, extent = st.floats(-20, 300, width=32), st.floats(0, 200, width=32)
    rows = [[draw(corner), draw(corner), draw(extent), draw(extent)] for _ in range(count)]
    values = torch.tensor(rows, dtype=torch.float64)
    return torch.cat([values[:, :2], values[:, :2] + values[:, 2:]], dim=1)


def centre_and_size(boxes: Tensor) -> tuple[Tensor, Tensor]:
    size = boxes[:, 2:] - boxes[:, :2] + 1
    return (boxes[:, :2] + boxes[:, 2:]) / 2, size


def test_the_published_numerics_are_the_default() -> None:
    assert type(V2)() == V2 and V2.trainable and not V1.trainable
    assert V2.pixel == 0 and V1.pixel == 1


def test_each_convention_has_its_own_limits_and_ways_of_suppression() -> None:
    assert [c.limits_shrinking for c in (V2, V1, TORCHVISION)] == [True, True, False]
    # Of torchvision, in its own suppression by classes on a CPU: from 1,001 boxes on.
    assert [c.apart_from for c in (V2, V1, TORCHVISION)] == [None, 0, 1001]
    assert [c.ranks for c in (V2, V1, TORCHVISION)] == ["scores", "scores", "logits"]


@given(some_boxes(), some_boxes())
def test_encoding(boxes: Tensor, goals: Tensor) -> None:
    (p, size), (g, goal_size) = centre_and_size(boxes), centre_and_size(goals)
    deltas = torch.cat([(g - p) / size, (goal_size / size).log()], dim=1)
    expected = deltas / deltas.new_tensor(STD)
    torch.testing.assert_close(encode(edges(boxes), edges(goals), STD), expected)


def test_encoding_by_hand() -> None:
    # Ten pixels wide, moved by five; twice as high: 20 rows instead of 10.
    box, goal = edges([[0, 0, 9, 9]]), edges([[5, 0, 14, 19]])
    expected = [0.5, 0.5, 0.0, math.log(2)]
    assert encode(box, goal, (1.0, 1.0, 1.0, 1.0))[0].tolist() == pytest.approx(expected)


@given(some_boxes(), st.lists(st.floats(-30, 30, width=32), min_size=16, max_size=16))
def test_decoding(boxes: Tensor, values: list[float]) -> None:
    deltas = torch.tensor(values, dtype=torch.float64).reshape(4, 4)
    limit = abs(math.log(16 / 1000))
    moves = deltas * deltas.new_tensor(STD)
    p, size = centre_and_size(boxes)
    g = p + size * moves[:, :2]
    goal_size = size * moves[:, 2:].clamp(-limit, limit).exp()
    first, last = g - goal_size * 0.5 + 0.5, g + goal_size * 0.5 - 0.5
    expected = edges(torch.cat([first, last], dim=1))
    torch.testing.assert_close(decode(edges(boxes), deltas, STD), expected)


@given(some_boxes(), st.integers(1, 400), st.integers(1, 400))
def test_clipping_to_the_last_pixel(boxes: Tensor, height: int, width: int) -> None:
    limit = boxes.new_tensor([width - 1, height - 1, width - 1, height - 1])
    expected = edges(boxes.clamp(min=0).minimum(limit))
    torch.testing.assert_close(box_ops.clip(edges(boxes), (height, width), V1.pixel), expected)


def test_clipping_by_hand() -> None:
    outside = edges([[-9, -9, -5, -5], [200, 200, 210, 210], [-3, 2, 150, 7]])
    expected = [[0, 0, 1, 1], [99, 49, 100, 50], [0, 2, 100, 8]]
    assert box_ops.clip(outside, (50, 100), V1.pixel).tolist() == expected
    assert box_ops.clip(outside, (50, 100)).tolist()[0] == [0, 0, 0, 0]


def test_anchors_by_hand() -> None:
    # Stride 4, scale 8: sides 32; for the ratio 1/2 width 45.25 and height 22.63. The centre of
    # four pixels is 1.5, so that 1.5 - (45.25 - 1) / 2 = -20.63 becomes -21.
    expected = edges([[-21, -9, 24, 12], [-14, -14, 17, 17], [-9, -21, 12, 24]]).float()
    assert torch.equal(pixel_anchors(4, 8.0, (0.5, 1.0, 2.0)), expected)


@pytest.mark.parametrize("stride", [4, 8, 16, 32, 64])
def test_anchors_are_their_formula_at_every_cell(stride: int) -> None:
    ratios = (0.5, 1.0, 2.0)
    device = torch.device("cpu")
    found = grid_anchors((2, 3), stride, 8.0, ratios, device, pixel_anchors).view(2, 3, 3, 4)
    for k, ratio in enumerate(ratios):
        width, height = stride * 8 / math.sqrt(ratio), stride * 8 * math.sqrt(ratio)
        centre = 0.5 * (stride - 1)
        cell = torch.tensor(
            [
                centre - 0.5 * (width - 1),
                centre - 0.5 * (height - 1),
                centre + 0.5 * (width - 1),
                centre + 0.5 * (height - 1),
            ],
            dtype=torch.float64,
        ).round()
        for y, x in ((0, 0), (1, 2)):
            shift = torch.tensor([x, y, x, y]) * stride
            assert torch.equal(found[y, x, k].double(), edges(cell[None] + shift)[0])
    assert not torch.equal(found[0, 0], base_anchors(stride, 8.0, ratios))


@given(some_boxes(), some_boxes())
def test_overlap(first: Tensor, second: Tensor) -> None:
    low = torch.maximum(first[:, None, :2], second[None, :, :2])
    high = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    overlap = (high - low + 1).clamp(min=0).prod(dim=-1)
    areas = [centre_and_size(boxes)[1].prod(dim=1) for boxes in (first, second)]
    expected = overlap / (areas[0][:, None] + areas[1][None] - overlap)
    torch.testing.assert_close(pairwise_iou(edges(first), edges(second)), expected)


def test_suppression_counts_the_last_pixel() -> None:
    # Of ten columns, five are common: 50 / 150 = 0.333. Without the "+1" it were 36 / 126 = 0.286.
    boxes = edges([[0, 0, 9, 9], [5, 0, 14, 9]])
    scores, groups = torch.tensor([0.9, 0.8]), torch.zeros(2, dtype=torch.int64)
    assert pairwise_iou(boxes[:1], boxes[1:]).item() == pytest.approx(1 / 3)
    for iou, kept in ((0.3, [0]), (0.34, [0, 1])):
        assert suppress(boxes, scores, groups, iou, apart_from=0)[0].tolist() == kept


def test_groups_apart_give_what_each_group_gives_alone() -> None:
    torch.manual_seed(0)
    corner = torch.rand(300, 2) * 60
    boxes = torch.cat([corner, corner + torch.rand(300, 2) * 40 + 1], dim=1)
    scores, groups = torch.rand(300), torch.randint(0, 4, (300,))
    keep, best = suppress(boxes, scores, groups, 0.5, apart_from=0)
    alone = []
    for group in range(4):
        rows = (groups == group).nonzero().flatten()
        one, _ = suppress(boxes[rows], scores[rows], torch.zeros_like(rows), 0.5)
        alone += rows[one].tolist()
    assert sorted(keep.tolist()) == sorted(alone)
    assert torch.equal(best, scores[keep]) and (best.diff() <= 0).all()


def test_a_boxs_level_counts_the_last_pixel() -> None:
    assert pyramid_level(edges([[0, 0, 111, 111], [0, 0, 110, 110]]), 4).tolist() == [1, 0]
    assert pyramid_level(edges([[0, 0, 447, 447], [5, 5, 451, 451]]), 4).tolist() == [3, 2]


def bilinear(features: Tensor, y: float, x: float) -> Tensor:
    """Value (C,) at a point whose whole coordinates are cells; zero beyond one cell outside."""
    _, height, width = features.shape
    if y < -1 or y > height or x < -1 or x > width:
        return torch.zeros(len(features), dtype=features.dtype)
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    v, u = y - top, x - left
    upper = features[:, top, left] * (1 - u) + features[:, top, right] * u
    lower = features[:, bottom, left] * (1 - u) + features[:, bottom, right] * u
    return upper * (1 - v) + lower * v


def roi_align_v1(features: Tensor, box: list[float], stride: int, side: int) -> Tensor:
    """The formula, sample by sample: features (C, H, W), box by its first and last pixel."""
    x1, y1, x2, y2 = box
    start = (x1 / stride, y1 / stride)
    width = max((x2 + 1) / stride - start[0], 0) / side
    height = max((y2 + 1) / stride - start[1], 0) / side
    out = torch.zeros(len(features), side, side, dtype=features.dtype)
    for j in range(side):
        for i in range(side):
            for sy in (0.25, 0.75):
                for sx in (0.25, 0.75):
                    y, x = start[1] + (j + sy) * height, start[0] + (i + sx) * width
                    out[:, j, i] += bilinear(features, y, x) / 4
    return out


ROIS = [
    [3.0, 5.0, 40.0, 33.0],
    [0.0, 0.0, 0.0, 0.0],  # one pixel, an eighth of a cell: never widened to a cell
    [10.25, 7.5, 11.0, 7.75],
    [-6.0, -7.0, 20.0, 30.0],  # sticks out at the start ...
    [50.0, 40.0, 95.0, 80.0],  # ... and at the end
    [200.0, 200.0, 220.0, 230.0],  # is elsewhere
    [30.0, 30.0, 20.0, 20.0],  # ends before it starts
]


@pytest.mark.parametrize("stride", [4, 8])
def test_crops_are_sampled_two_by_two_without_the_half_pixel(stride: int) -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 3, 64 // stride, 80 // stride, dtype=torch.float64)
    rois = Rois(edges(ROIS), torch.tensor([0, 0, 0, 0, 1, 1, 1]))
    found = pool_map(features, rois, 5, stride, align_two_by_two)
    for row, (box, image) in enumerate(zip(ROIS, rois.image_index.tolist(), strict=True)):
        expected = roi_align_v1(features[image], box, stride, 5)
        torch.testing.assert_close(found[row], expected, rtol=1e-9, atol=1e-9)
    assert not torch.allclose(found, pool_map(features, rois, 5, stride))


def test_a_crop_by_hand() -> None:
    # On a ramp, the value of a cell is its column. Pixels 8 to 15 at stride 4 are columns 2 to 4,
    # in two bins of one cell each, whose samples lie at 2.25 and 2.75, 3.25 and 3.75.
    ramp = torch.arange(10.0).expand(1, 1, 10, 10).contiguous()
    rois = Rois(edges([[8, 8, 15, 15]]).float(), torch.zeros(1, dtype=torch.int64))
    assert pool_map(ramp, rois, 2, 4, align_two_by_two)[0, 0, 0].tolist() == [2.5, 3.5]
    assert pool_map(ramp, rois, 2, 4)[0, 0, 0].tolist() == [2.0, 3.0]


@given(some_boxes(), st.floats(0.3, 3), st.floats(0.3, 3))
def test_scaling_scales_pixels_not_edges(boxes: Tensor, x: float, y: float) -> None:
    factors = boxes.new_tensor([x, y, x, y])
    there = box_ops.scale(edges(boxes), (x, y), V1.pixel)
    torch.testing.assert_close(there, edges(boxes * factors))
    back = box_ops.unscale(edges(boxes), (x, y), V1.pixel)
    torch.testing.assert_close(back, edges(boxes / factors))


def paste_v1(mask: np.ndarray, box: list[float], height: int, width: int) -> np.ndarray:
    x1, y1, x2, y2 = (int(value) for value in box)
    w, h = max(x2 - x1 + 1, 1), max(y2 - y1 + 1, 1)
    image = np.zeros((height, width), dtype=bool)
    resized = cv2.resize(mask, (w, h), interpolation=cv2.INTER_LINEAR)
    image[y1 : y1 + h, x1 : x1 + w] = (resized > 0.5)[: height - y1, : width - x1]
    return image


@settings(deadline=None)
@given(st.lists(st.floats(0, 58, width=32), min_size=4, max_size=4), st.integers(0, 9))
def test_masks_are_resized_to_whole_pixels(values: list[float], seed: int) -> None:
    x, y, w, h = values
    box = [min(x, 38.0), min(y, 28.0), min(x + w, 39.0), min(y + h, 29.0)]
    mask = torch.rand(28, 28, generator=torch.Generator().manual_seed(seed))
    window, left, top = paste_resized(mask, edges([box])[0], (30, 40))
    found = np.zeros((30, 40), dtype=bool)
    found[top : top + window.shape[0], left : left + window.shape[1]] = window.numpy()
    differs = found != paste_v1(mask.numpy(), box, 30, 40)
    assert differs.mean() < 0.005  # where both are at the threshold but for rounding


def test_pasting_by_hand() -> None:
    window, left, top = paste_resized(torch.ones(28, 28), edges([[2.9, 3.2, 6.1, 3.8]])[0], (9, 9))
    assert window.all() and window.shape == (1, 5) and (left, top) == (2, 3)  # columns 2 to 6
    threshold = torch.full((28, 28), 0.5)
    assert not paste_resized(threshold, edges([[2, 3, 6, 6]])[0], (9, 9))[0].any()


@pytest.mark.parametrize(
    "box", [[20, 20, 25, 25], [-9, -9, -5, -5], [-3, -3, 20, 20], [5, 5, 2, 2]]
)
def test_pasting_stays_inside_the_image(box: list[float]) -> None:
    window, left, top = paste_resized(torch.ones(28, 28), edges([box])[0], (9, 9))
    assert left + window.shape[1] <= 9 or not window.numel()
    assert top + window.shape[0] <= 9 or not window.numel()
    assert window.numel() == {20: 0, -9: 0, -3: 81, 5: 1}[box[0]]

"""Masks: crops, targets, pasting, run lengths."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from relook.ops.boxes import clip
from relook.ops.masks import (
    crop_masks,
    dense_masks,
    mask_targets,
    paste_mask,
    paste_probabilities,
    paste_resized,
)
from relook.ops.roi_align import pool_map
from relook.structures.detection import Rois


@st.composite
def some_masks(draw: st.DrawFn) -> Tensor:
    """Blobs anywhere, at the border too; some masks may be empty."""
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    masks = torch.zeros(draw(st.integers(0, 4)), height, width, dtype=torch.bool)
    for mask in masks:
        y, x = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        mask[y : y + draw(st.integers(0, 40)), x : x + draw(st.integers(0, 40))] = True
    return masks


@given(some_masks())
def test_cropping_loses_nothing(masks: Tensor) -> None:
    assert torch.equal(dense_masks(crop_masks(masks)), masks)


@given(some_masks(), st.integers(0, 20), st.integers(0, 20))
def test_a_larger_canvas_only_adds_background(masks: Tensor, below: int, right: int) -> None:
    _, height, width = masks.shape
    dense = dense_masks(crop_masks(masks, (height + below, width + right)))
    assert torch.equal(dense[:, :height, :width], masks)
    assert dense.sum() == masks.sum()


@settings(deadline=None)
@given(some_masks(), st.data())
def test_targets_from_crops_are_targets_from_whole_masks(
    masks: Tensor, data: st.DataObject
) -> None:
    if not len(masks):
        return
    coordinate = st.floats(-10, 50, width=32)
    boxes = torch.tensor(
        [
            sorted((data.draw(coordinate), data.draw(coordinate)))
            + sorted((data.draw(coordinate), data.draw(coordinate)))
            for _ in range(5)
        ]
    )[:, [0, 2, 1, 3]]
    index = torch.tensor([data.draw(st.integers(0, len(masks) - 1)) for _ in range(5)])
    whole = pool_map(
        masks[:, None].float(), Rois(clip(boxes, (masks.shape[1], masks.shape[2])), index), 28, 1
    )[:, 0]
    ours = mask_targets(crop_masks(masks), boxes, index, 28)
    certain = (whole - 0.5).abs() > 1e-4  # crops sample at shifted, hence rounded, coordinates
    assert torch.equal(ours[certain], (whole >= 0.5).float()[certain])


def test_crops_are_as_small_as_the_largest_object() -> None:
    masks = torch.zeros(300, 500, 500, dtype=torch.bool)
    masks[:, 100:110, 200:220] = True
    assert crop_masks(masks).crops.shape == (300, 12, 22)


def test_pasting_ones_covers_the_box() -> None:
    mask = paste_mask(torch.ones(28, 28), torch.tensor([10.0, 5.0, 20.0, 25.0]), (30, 40))
    expected = torch.zeros(30, 40, dtype=torch.bool)
    expected[5:25, 10:20] = True
    assert torch.equal(mask, expected)


@pytest.mark.parametrize(
    "box",
    [[5, 5, 5, 9], [5, 5, 9, 5], [9, 9, 5, 5], [100, 100, 120, 120], [-50, -50, -40, -40]],
    ids=["no width", "no height", "inverted", "beyond", "before"],
)
def test_boxes_that_cover_nothing_paste_nothing(box: list[float]) -> None:
    assert not paste_mask(
        torch.ones(28, 28), torch.tensor(box, dtype=torch.float32), (30, 40)
    ).any()


def test_the_window_is_what_the_whole_image_would_give() -> None:
    torch.manual_seed(0)
    probabilities, box = torch.rand(28, 28), torch.tensor([-3.3, 4.7, 30.2, 21.9])
    window, left, top = paste_probabilities(probabilities, box, (32, 40))
    moved = box + torch.tensor([7.0, 3.0, 7.0, 3.0])
    larger, far_left, far_top = paste_probabilities(probabilities, moved, (60, 60))
    inside = larger[top + 3 - far_top :, left + 7 - far_left :][
        : window.shape[0], : window.shape[1]
    ]
    torch.testing.assert_close(inside, window)


@pytest.mark.parametrize(
    "box",
    [
        [0.0, 0, 6, 5],
        [0.4, 0.3, 7.9, 6.2],
        [2.5, 1.25, 5.75, 9.5],
        [-3.2, -1.7, 4.1, 20.0],
        [9.1, 6.6, 15.0, 13.0],
    ],
)
def test_pasting_is_bilinear_sampling_of_pixel_centres(box: list[float]) -> None:
    """As PyTorch's own sampler gives it for the whole image."""
    height, width = 10, 12
    probabilities = torch.rand(4, 4, generator=torch.Generator().manual_seed(3))
    x0, y0, x1, y1 = box
    x = (torch.arange(width) + 0.5 - x0) / (x1 - x0) * 2 - 1
    y = (torch.arange(height) + 0.5 - y0) / (y1 - y0) * 2 - 1
    grid = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1)
    expected = F.grid_sample(probabilities[None, None], grid[None], align_corners=False)[0, 0]
    window, left, top = paste_probabilities(probabilities, torch.tensor(box), (height, width))
    pasted = torch.zeros(height, width)
    pasted[top : top + window.shape[0], left : left + window.shape[1]] = window
    torch.testing.assert_close(pasted, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ([2.0, 3, 6, 5], range(3, 5), range(2, 6)),
        ([2.9, 3.9, 6.9, 5.9], range(3, 5), range(2, 6)),
        ([5.0, 5, 5, 5], range(5, 6), range(5, 6)),  # one pixel at least
        ([-2.0, -1, 3, 4], range(4), range(3)),
        ([6.0, 7, 20, 30], range(7, 10), range(6, 12)),
        ([20.0, 30, 25, 35], range(0), range(0)),
    ],
)
def test_older_pasting_fills_whole_pixels(box: list[float], rows: range, columns: range) -> None:
    window, left, top = paste_resized(torch.ones(3, 3), torch.tensor(box), (10, 12))
    assert window.all() and window.shape == (len(rows), len(columns))
    if len(rows):
        assert (top, left) == (rows[0], columns[0])


def test_older_pasting_resizes_before_it_cuts() -> None:
    halves = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    window, left, _ = paste_resized(halves, torch.tensor([-4.0, 0, 4, 2]), (10, 12))
    assert left == 0 and window.tolist() == [[True] * 4] * 2  # the left half is outside
    window, left, _ = paste_resized(halves, torch.tensor([4.0, 0, 12, 2]), (10, 12))
    assert left == 4 and window.tolist() == [[False] * 4 + [True] * 4] * 2

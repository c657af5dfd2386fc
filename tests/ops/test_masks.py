"""Masks as tensors: crops, targets, pasting."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from relook.ops.boxes import clip
from relook.ops.masks import (
    crop_masks,
    dense_masks,
    mask_targets,
    paste_mask,
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

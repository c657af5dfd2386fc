"""Cropping RoIs out of feature maps."""

from __future__ import annotations

import pytest
import torch

from relook.ops.roi_align import (
    Align,
    align_adaptive,
    align_two_by_two,
    pool_map,
    pool_pyramid,
    pyramid_level,
)
from relook.structures.detection import Rois

BOXES = [
    torch.tensor([[0.0, 0, 300, 300], [4, 4, 20, 20]]),
    torch.tensor([[30.0, 10, 150, 130], [0, 0, 8, 8], [0, 0, 500, 500]]),
]


def _pyramid() -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(2, 3, 512 // s, 512 // s) for s in (4, 8, 16, 32, 64)]


def test_every_row_comes_from_its_own_image_and_level() -> None:
    pyramid, rois = _pyramid(), Rois.cat(BOXES)
    pooled = pool_pyramid(pyramid, rois, 7, (4, 8, 16, 32))
    level = pyramid_level(rois.boxes, 4)
    assert level.tolist() == [2, 0, 1, 0, 3]
    for row in range(len(rois)):
        stride = (4, 8, 16, 32)[int(level[row])]
        alone = pool_map(pyramid[int(level[row])], rois[torch.tensor([row])], 7, stride)
        assert torch.equal(pooled[row], alone[0])


def test_no_rois_give_an_empty_tensor_of_the_right_shape() -> None:
    rois = Rois.cat([torch.zeros(0, 4), torch.zeros(0, 4)])
    assert pool_pyramid(_pyramid(), rois, 7, (4, 8, 16, 32)).shape == (0, 3, 7, 7)


def test_rois_without_area_give_zeros() -> None:
    rois = Rois.cat([torch.tensor([[10.0, 10, 10, 30]])])
    assert not pool_map(torch.ones(1, 1, 8, 8), rois, 2, 4).any()


def test_gradients_reach_the_features() -> None:
    pyramid = [level.requires_grad_() for level in _pyramid()]
    pool_pyramid(pyramid, Rois.cat(BOXES), 7, (4, 8, 16, 32)).sum().backward()
    assert all(level.grad is not None and level.grad.any() for level in pyramid[:4])


def test_half_precision_does_not_move_rois() -> None:
    """A coordinate of 1003 would be 1004 in bfloat16."""
    features = torch.arange(300.0).expand(1, 2, 300, 300).contiguous().bfloat16()
    rois = Rois.cat([torch.tensor([[1003.0, 403, 1061, 447]])])
    found = pool_map(features, rois, 7, 4)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, pool_map(features.float(), rois, 7, 4).bfloat16())


@pytest.mark.parametrize(
    ("align", "columns"), [(align_adaptive, [2.5, 4.5]), (align_two_by_two, [3.0, 5.0])]
)
def test_samples_lie_at_the_centres_of_the_cells_of_a_ramp(
    align: Align, columns: list[float]
) -> None:
    """A RoI of 8 to 24 covers the cells 1.5 to 5.5 at stride 4; older ones half a cell more."""
    ramp = torch.arange(10.0).expand(1, 1, 10, 10)
    pooled = pool_map(ramp, Rois.cat([torch.tensor([[8.0, 8, 24, 24]])]), 2, 4, align)
    assert pooled.tolist() == [[[columns, columns]]]
    pooled = pool_map(ramp.mT, Rois.cat([torch.tensor([[8.0, 8, 24, 24]])]), 2, 4, align)
    assert pooled.tolist() == [[[[row, row] for row in columns]]]

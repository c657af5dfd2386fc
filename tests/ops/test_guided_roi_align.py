"""Box features weighted by masks, against sums over sample points that are written out."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from relook.ops.guided_roi_align import pool_guided
from relook.ops.roi_align import pool_pyramid, pyramid_level
from relook.structures.detection import Rois
from relook.structures.rules.guidance import Product

STRIDES = (4, 8, 16, 32)
PRODUCTS: tuple[Product, ...] = ("of_means", "of_samples")
BOXES = [
    torch.tensor([[9.3, 5.1, 50.2, 41.7], [3.0, 7, 180.5, 160.3], [-30.4, -21.3, 40.1, 33.9]]),
    torch.tensor(
        [
            [20.2, 30.7, 150.9, 91.1],
            [150.1, 170.3, 290.7, 260.2],  # half of it beside the map
            [400.0, 400, 430, 420],  # all of it
            [30.0, 30, 30, 60],  # no width
            [30.0, 30, 60, 30],  # no height
            [-60.3, -50.2, 420.9, 433.1],
        ]
    ),
]


def _pyramid(channels: int = 3) -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(2, channels, 192 // s, 192 // s) for s in STRIDES]


def _weights(count: int, side: int) -> Tensor:
    return torch.rand(count, 1, side, side, generator=torch.Generator().manual_seed(1)) + 1


def _value(map_: Tensor, y: float, x: float) -> Tensor:
    """Bilinear (C,) of a map (C, H, W) as RoIAlign reads it: zero beyond a cell outside."""
    height, width = map_.shape[1:]
    if not (-1 <= y <= height and -1 <= x <= width):
        return torch.zeros(map_.shape[0])
    return _bilinear(map_, y, x)


def _bilinear(map_: Tensor, y: float, x: float) -> Tensor:
    height, width = map_.shape[1:]
    y, x = min(max(y, 0.0), height - 1), min(max(x, 0.0), width - 1)
    top, left = min(int(y), height - 1), min(int(x), width - 1)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    above = map_[:, top, left] * (1 - x + left) + map_[:, top, right] * (x - left)
    below = map_[:, bottom, left] * (1 - x + left) + map_[:, bottom, right] * (x - left)
    return above * (1 - y + top) + below * (y - top)


def _bin(map_: Tensor, box: list[float], weights: Tensor, at: tuple[int, int], side: int) -> Tensor:
    """Mean of feature times weight over the sample points of one bin; `box` in cells."""
    x1, y1, x2, y2 = box
    across, down = math.ceil((x2 - x1) / side), math.ceil((y2 - y1) / side)
    cells = weights.shape[-1]
    total = torch.zeros(map_.shape[0])
    for i in range(down):
        for j in range(across):
            v, u = (at[0] + (i + 0.5) / down) / side, (at[1] + (j + 0.5) / across) / side
            feature = _value(map_, y1 + v * (y2 - y1) - 0.5, x1 + u * (x2 - x1) - 0.5)
            total += feature * _bilinear(weights, v * cells - 0.5, u * cells - 0.5)
    return total / max(down * across, 1)


def _by_hand(pyramid: list[Tensor], rois: Rois, side: int, weights: Tensor) -> Tensor:
    level = pyramid_level(rois.boxes, 4).tolist()
    found = torch.zeros(len(rois), pyramid[0].shape[1], side, side)
    for row, (image, index) in enumerate(zip(rois.image_index.tolist(), level, strict=True)):
        box = (rois.boxes[row] / STRIDES[index]).tolist()
        for i in range(side):
            for j in range(side):
                found[row, :, i, j] = _bin(pyramid[index][image], box, weights[row], (i, j), side)
    return found


def _pool(side: int, weights: Tensor, product: Product, **changes: Any) -> Tensor:
    pyramid = changes.get("pyramid", _pyramid())
    return pool_guided(
        pyramid, changes.get("rois", Rois.cat(BOXES)), side, STRIDES, weights, product
    )


@pytest.mark.parametrize(("side", "cells"), [(2, 14), (3, 5), (7, 28)])
def test_of_samples_is_the_mean_over_sample_points(side: int, cells: int) -> None:
    rois, weights = Rois.cat(BOXES), _weights(9, cells)
    assert set(pyramid_level(rois.boxes, 4).tolist()) == {0, 1, 3}
    found = _pool(side, weights, "of_samples")
    expected = _by_hand(_pyramid(), rois, side, weights)
    assert expected[4].any() and not expected[5:8].any()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("channels", [3, 20])
def test_of_means_multiplies_means(channels: int) -> None:
    pyramid, rois, weights = _pyramid(channels), Rois.cat(BOXES), _weights(9, 28)
    found = _pool(7, weights, "of_means", pyramid=pyramid)
    plain = pool_pyramid(pyramid, rois, 7, STRIDES)
    torch.testing.assert_close(found, plain * F.avg_pool2d(weights, 4))


def test_the_reference_weighs_ones_by_the_mean_of_the_mask() -> None:
    probability = torch.zeros(1, 1, 14, 14)
    probability[..., 7:] = 1
    probability[..., 3, :] = 0.5
    pyramid = [torch.ones(1, 2, 256 // s, 256 // s) for s in STRIDES]
    rois = Rois.cat([torch.tensor([[40.0, 40, 150, 150]])])
    found = _pool(7, probability + 1, "of_means", pyramid=pyramid, rois=rois)
    rows = torch.tensor([1, 1, 1, 1.5, 2, 2, 2]).repeat(7, 1)
    rows[1] = torch.tensor([1.25, 1.25, 1.25, 1.5, 1.75, 1.75, 1.75])
    torch.testing.assert_close(found, rows.expand(1, 2, 7, 7))


@pytest.mark.parametrize("product", PRODUCTS)
def test_equal_weights_scale_what_is_pooled(product: Product) -> None:
    rois = Rois.cat(BOXES)
    found = _pool(7, torch.full((9, 1, 14, 14), 1.5), product)
    plain = pool_pyramid(_pyramid(), rois, 7, STRIDES)
    torch.testing.assert_close(found, 1.5 * plain, rtol=1e-4, atol=1e-5)


def test_the_products_differ_where_feature_and_weight_do_within_a_bin() -> None:
    means, samples = (_pool(7, _weights(9, 28), product) for product in PRODUCTS)
    assert not torch.allclose(means, samples, atol=1e-2)


@pytest.mark.parametrize("product", PRODUCTS)
def test_gradients_reach_features_and_weights(product: Product) -> None:
    pyramid = [level.requires_grad_() for level in _pyramid()]
    weights = _weights(9, 14).requires_grad_()
    _pool(7, weights, product, pyramid=pyramid).square().sum().backward()
    assert weights.grad is not None
    seen = weights.grad.abs().sum((1, 2, 3)) > 0
    assert seen.tolist() == [True] * 5 + [False] * 3 + [True]
    assert all(pyramid[i].grad is not None and pyramid[i].grad.any() for i in (0, 1, 3))


@pytest.mark.parametrize("product", PRODUCTS)
def test_no_rois_give_an_empty_tensor_of_the_right_shape(product: Product) -> None:
    nothing = Rois.cat([torch.zeros(0, 4)] * 2)
    weights = torch.zeros(0, 1, 14, 14)
    assert _pool(7, weights, product, rois=nothing).shape == (0, 3, 7, 7)


@pytest.mark.parametrize("box", [[8.0, 8, 14, 60], [8.0, 8, 60, 14], [8.0, 8, 14, 14]])
def test_small_rois_with_one_sample_a_bin_have_features_too(box: list[float]) -> None:
    rois = Rois.cat([torch.tensor([box])])
    pyramid = [torch.ones(1, 1, 192 // s, 192 // s) for s in STRIDES]
    weights = torch.full((1, 1, 14, 14), 1.5)
    assert pool_guided(pyramid, rois, 7, STRIDES, weights, "of_samples").unique().tolist() == [1.5]


def test_half_precision_does_not_move_rois_and_double_is_kept() -> None:
    rois, weights = Rois.cat(BOXES), _weights(9, 14)
    half = [level.bfloat16() for level in _pyramid()]
    found = pool_guided(half, rois, 7, STRIDES, weights, "of_samples")
    wide = pool_guided([m.float() for m in half], rois, 7, STRIDES, weights, "of_samples")
    assert found.dtype == torch.bfloat16 and torch.equal(found, wide.bfloat16())
    double = pool_guided([m.double() for m in half], rois, 7, STRIDES, weights, "of_samples")
    assert double.dtype == torch.float64
    assert 0 < (double - wide).abs().max() < 1e-3  # another rounding: not by way of 32 bits

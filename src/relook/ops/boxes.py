"""Geometry of boxes ``(x1, y1, x2, y2)``. Every function returns a new tensor."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..structures.detection import Size
from ..structures.rules.cascade import Deviations
from ..structures.rules.proposals import Bound

_MAX_LOG_RATIO = abs(math.log(16 / 1000))  # keeps exp() finite; the constant of Fast R-CNN


def areas(boxes: Tensor) -> Tensor:
    """Area (N,) in square pixels of each box (N, 4)."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def has_area(boxes: Tensor) -> Tensor:
    """Return for each box (N, 4) whether its width and height are above 0, (N,) bool."""
    return are_wide(boxes, 0, "above")


def are_wide(boxes: Tensor, side: float, bound: Bound) -> Tensor:
    """Return for each box (N, 4) whether both sides are above `side`, or from `side` on, (N,) bool.

    Boxes of `decode` and `clip` have no side below zero, so that all of them are from 0 on.
    """
    sides = boxes[:, 2:] - boxes[:, :2]
    return (sides >= side if bound == "from" else sides > side).all(dim=1)


def pairwise_iou(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union (N, M) of every pair of boxes (N, 4) and (M, 4).

    The union is taken as at least 1e-6, so that boxes without area overlap nothing instead of
    giving NaN.
    """
    top_left = torch.maximum(first[:, None, :2], second[None, :, :2])  # (N, M, 2)
    bottom_right = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    overlap = (bottom_right - top_left).clamp(min=0).prod(dim=-1)
    union = areas(first)[:, None] + areas(second)[None, :] - overlap
    return overlap / union.clamp(min=1e-6)


def encode(boxes: Tensor, gt_boxes: Tensor, std: Deviations) -> Tensor:
    """Deltas (N, 4) that move `boxes` onto `gt_boxes` (both (N, 4)), divided by `std`.

    The deltas are the shift of the centre over the box's size and the logarithm of the ratio of
    sizes (R-CNN, https://arxiv.org/abs/1311.2524, appendix C).
    """
    x, y, w, h = _to_cxcywh(boxes).unbind(-1)
    gx, gy, gw, gh = _to_cxcywh(gt_boxes).unbind(-1)
    deltas = torch.stack([(gx - x) / w, (gy - y) / h, (gw / w).log(), (gh / h).log()], dim=-1)
    return deltas / deltas.new_tensor(std)


def decode(
    boxes: Tensor, deltas: Tensor, std: Deviations, *, limits_shrinking: bool = True
) -> Tensor:
    """Inverse of `encode`: boxes (N, 4) moved by `deltas` (N, 4).

    Sizes grow by at most 1000 / 16, and unless `limits_shrinking` is off shrink by as much; shifts
    are not limited.
    """
    least = -_MAX_LOG_RATIO if limits_shrinking else None
    x, y, w, h = _to_cxcywh(boxes).unbind(-1)
    dx, dy, dw, dh = (deltas * deltas.new_tensor(std)).unbind(-1)
    cx, cy = x + w * dx, y + h * dy
    half_w = 0.5 * w * dw.clamp(least, _MAX_LOG_RATIO).exp()
    half_h = 0.5 * h * dh.clamp(least, _MAX_LOG_RATIO).exp()
    return torch.stack([cx - half_w, cy - half_h, cx + half_w, cy + half_h], dim=-1)


def clip(boxes: Tensor, size: Size, pixel: float = 0.0) -> Tensor:
    """Boxes (N, 4) cut at the border of an image of `size`: x to [0, W], y to [0, H].

    Boxes outside of the image become a strip of `pixel` inside the border.
    """
    height, width = size
    low = boxes.new_tensor([0, 0, pixel, pixel])
    high = _row(boxes, [width - pixel, height - pixel, width, height])
    return boxes.clamp(low, high)


def scale(boxes: Tensor, factors: tuple[float, float], pixel: float = 0.0) -> Tensor:
    """Boxes (N, 4) with x multiplied by ``factors[0]`` and y by ``factors[1]``.

    The last `pixel` of a box's extent is not scaled: the first corners of its first and last
    pixel are.
    """
    x, y = factors
    last = boxes.new_tensor([0, 0, pixel, pixel])
    return (boxes - last) * _row(boxes, [x, y, x, y]) + last


def unscale(boxes: Tensor, factors: tuple[float, float], pixel: float = 0.0) -> Tensor:
    """Inverse of `scale`."""
    x, y = factors
    last = boxes.new_tensor([0, 0, pixel, pixel])
    return (boxes - last) / _row(boxes, [x, y, x, y]) + last


def _row(boxes: Tensor, numbers: Sequence[float | Tensor]) -> Tensor:
    """`numbers` as a row (4,) like those of `boxes`; they are tensors while a model is exported."""
    if not any(isinstance(number, Tensor) for number in numbers):
        return boxes.new_tensor(numbers)
    return torch.stack([torch.as_tensor(number).to(boxes) for number in numbers])


def _to_cxcywh(boxes: Tensor) -> Tensor:
    top_left, bottom_right = boxes.split(2, dim=-1)
    return torch.cat([(top_left + bottom_right) / 2, bottom_right - top_left], dim=-1)

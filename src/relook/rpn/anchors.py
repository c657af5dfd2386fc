"""Anchors: the boxes that the region proposal network starts from."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..types import Size


def base_anchors(stride: int, scale: float, ratios: Sequence[float]) -> Tensor:
    """Anchors (ratios, 4) of the cell at the origin, one for each ratio of height to width.

    Every anchor has the area ``(stride * scale)**2`` and is centred on the cell's corner.
    """
    rows = []
    for ratio in ratios:
        half_w = 0.5 * stride * scale / math.sqrt(ratio)
        half_h = 0.5 * stride * scale * math.sqrt(ratio)
        rows.append((-half_w, -half_h, half_w, half_h))
    return torch.tensor(rows)


def grid_anchors(
    size: Size, stride: int, scale: float, ratios: Sequence[float], device: torch.device
) -> Tensor:
    """Anchors (H * W * ratios, 4) of a map of `size` (H, W), x fastest after the ratio."""
    height, width = size
    ys = torch.arange(height, device=device) * stride
    xs = torch.arange(width, device=device) * stride
    x, y = torch.meshgrid(xs, ys, indexing="xy")
    shifts = torch.stack([x, y, x, y], dim=-1).reshape(-1, 1, 4)
    return (shifts + base_anchors(stride, scale, ratios).to(device)).reshape(-1, 4)


def is_trainable(anchors: Tensor, size: Size, stride: int, image: Size, padded: Size) -> Tensor:
    """Which anchors of one level, those of a map of `size` (H, W), may be trained on; bool.

    They belong to cells within the `padded` size of the image alone (a batch may be padded
    further) and lie wholly inside the `image` itself.
    """
    height, width = size
    ratios = len(anchors) // (height * width)
    in_padding = torch.zeros((height, width, ratios), dtype=torch.bool, device=anchors.device)
    in_padding[: math.ceil(padded[0] / stride), : math.ceil(padded[1] / stride)] = True
    inside = (
        (anchors[:, 0] >= 0)
        & (anchors[:, 1] >= 0)
        & (anchors[:, 2] < image[1])
        & (anchors[:, 3] < image[0])
    )
    return in_padding.flatten() & inside

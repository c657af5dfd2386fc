"""Anchors: the initial boxes of the region proposal network."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ...structures.detection import Size

CellAnchors = Callable[[int, float, Sequence[float]], Tensor]
"""Anchors (ratios, 4) of the cell at the origin, from stride, scale and ratios."""


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


def pixel_anchors(stride: int, scale: float, ratios: Sequence[float]) -> Tensor:
    """The same in the convention of MMDetection 1.x (`ops.convention`).

    Centred on the middle of the cell, with corners rounded to whole pixels.
    """
    anchors = base_anchors(stride, scale, ratios)
    centre = 0.5 * (stride - 1)  # of the pixels of the cell, counted from 0
    first, last = anchors[:, :2] + 0.5, anchors[:, 2:] - 0.5  # centres of the outermost pixels
    return torch.cat([(centre + first).round(), (centre + last).round() + 1], dim=1)


def rounded_anchors(stride: int, scale: float, ratios: Sequence[float]) -> Tensor:
    """The same as torchvision has them: with corners rounded to whole pixels."""
    return base_anchors(stride, scale, ratios).round()


def grid_anchors(
    size: Size,
    stride: int,
    scale: float,
    ratios: Sequence[float],
    device: torch.device,
    cell: CellAnchors = base_anchors,
    steps: tuple[int, int] | None = None,
) -> Tensor:
    """Anchors (H * W * ratios, 4) of a map of `size` (H, W), x fastest after the ratio.

    `steps` are the pixels between cells, down and across; by default the `stride`.
    """
    height, width = size
    down, across = steps or (stride, stride)
    ys = torch.arange(height, device=device) * down
    xs = torch.arange(width, device=device) * across
    x, y = torch.meshgrid(xs, ys, indexing="xy")
    shifts = torch.stack([x, y, x, y], dim=-1).reshape(-1, 1, 4)
    return (shifts + cell(stride, scale, ratios).to(device)).reshape(-1, 4)


def is_trainable(
    anchors: Tensor, size: Size, stride: int, image: Size | None, padded: Size
) -> Tensor:
    """Return for each anchor of a map of `size` (H, W) whether it may be trained on; bool.

    Such anchors belong to cells within the `padded` size of the image (a batch may be padded
    further) and, where it is given, lie wholly inside the `image` itself.
    """
    height, width = size
    ratios = len(anchors) // (height * width)
    in_padding = torch.zeros((height, width, ratios), dtype=torch.bool, device=anchors.device)
    in_padding[: math.ceil(padded[0] / stride), : math.ceil(padded[1] / stride)] = True
    if image is None:
        return in_padding.flatten()
    inside = (
        (anchors[:, 0] >= 0)
        & (anchors[:, 1] >= 0)
        & (anchors[:, 2] < image[1])
        & (anchors[:, 3] < image[0])
    )
    return in_padding.flatten() & inside

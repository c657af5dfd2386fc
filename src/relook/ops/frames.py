"""Frames: enlarged boxes in which features were sampled, and features sampled again inside them.

The geometry of DSC (https://arxiv.org/abs/1911.11263). A frame is an enlarged box with the same
centre; features (R, C, S, S) of a RoI are a map over its frame.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..structures.detection import Rois
from .boxes import has_area
from .roi_align import pool_map


def enlarge(boxes: Tensor, ratio: float) -> Tensor:
    """Boxes (R, 4) of `ratio` times the width and height, around the same centres."""
    if ratio == 1:
        return boxes
    top_left, bottom_right = boxes.split(2, dim=-1)
    centre, half = (top_left + bottom_right) / 2, (bottom_right - top_left) * (ratio / 2)
    return torch.cat([centre - half, centre + half], dim=-1)


def cut(boxes: Tensor, frames: Tensor) -> Tensor:
    """Part of each box (R, 4) inside its frame (R, 4); at the frame's border, if there is none."""
    low, high = frames.split(2, dim=-1)
    return torch.minimum(torch.maximum(boxes, low.repeat(1, 2)), high.repeat(1, 2))


def inside(boxes: Tensor, frames: Tensor, side: int) -> Tensor:
    """Boxes (R, 4) in cells of a map of `side` cells over the frame (R, 4) of each.

    Where a frame has no area, its box becomes (0, 0, 0, 0).
    """
    visible = has_area(frames)[:, None]
    low, high = frames.split(2, dim=-1)
    extent = torch.where(visible, high - low, 1)
    relative = (boxes - low.repeat(1, 2)) / extent.repeat(1, 2) * side
    return torch.where(visible, relative, 0)


def align_inside(features: Tensor, frames: Tensor, boxes: Tensor, side: int) -> Tensor:
    """Adaptive feature alignment: `features` (R, C, S, S) of `frames` (R, 4), sampled in `boxes`.

    RoIAlign of every row's own map, (R, C, side, side). Features are zero outside of the frame,
    and everywhere where the frame has no area. For boxes equal to their frames the features are
    not changed.
    """
    rois = Rois(
        inside(boxes, frames, features.shape[-1]),
        torch.arange(boxes.shape[0], device=boxes.device),  # each row is a map of its own
    )
    return pool_map(features, rois, side, stride=1)

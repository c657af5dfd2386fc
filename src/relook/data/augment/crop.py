"""Rectangular parts of samples, and what is left of their objects there.

A sample is a dictionary as `data.augment.transforms` describes it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors

from ...structures.detection import Size

Sample = dict[str, Any]


def cut_window(sample: Sample, top: int, left: int, window: Size) -> tuple[Sample, Tensor]:
    """The part of `sample` in a window (height, width) at (`left`, `top`), which lies inside it.

    Objects outside of the window are dropped: those of which no pixel of the mask, or else not a
    whole pixel of the box, is left. The second value (G,) bool says which of the others lost a
    part; their boxes are clipped, not fitted to the masks (see `refitted`).
    """
    cut = {key: _cropped(value, top, left, window) for key, value in sample.items()}
    return cut_boxes(cut, sample["boxes"], top, left, window)


def cut_boxes(
    cut: Sample, boxes: Tensor, top: int, left: int, window: Size
) -> tuple[Sample, Tensor]:
    """The result of `cut_window`, of a sample `cut` that has all but the boxes of the window.

    `boxes` (G, 4) are those of its objects in the whole image.
    """
    cut = cut | {"boxes": _cropped(as_boxes(boxes, window), top, left, window)}
    is_cut = ~_is_inside(boxes, top, left, window)
    is_visible = _is_visible(cut)
    if bool(is_visible.all()):  # masks are large: copy at need only
        return cut, is_cut
    return objects_of(cut, is_visible), is_cut[is_visible]


def objects_of(sample: Sample, rows: Tensor) -> Sample:
    """`sample` with some of its objects, by position (P,) or by truth (G,)."""
    return sample | {
        key: _rows(sample[key], rows) for key in ("boxes", "labels", "masks") if key in sample
    }


def refitted(boxes: Tensor, masks: Tensor, is_cut: Tensor) -> tv_tensors.BoundingBoxes:
    """`boxes` (G, 4), with those of cut objects (G,) computed anew from their masks (G, H, W)."""
    fitted, dense = boxes.as_subclass(Tensor).clone(), masks.as_subclass(Tensor).numpy()
    for g in torch.nonzero(is_cut).flatten().tolist():
        columns = np.flatnonzero(dense[g].any(axis=0))
        rows = np.flatnonzero(dense[g].any(axis=1))
        fitted[g] = fitted.new_tensor([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    return as_boxes(fitted, (dense.shape[-2], dense.shape[-1]))


def areas(masks: Tensor) -> Tensor:
    """Pixels (G,) of masks (G, H, W) bool; NumPy counts them many times faster."""
    pixels = [np.count_nonzero(mask) for mask in masks.as_subclass(Tensor).numpy()]
    return torch.tensor(pixels, dtype=torch.int64)


def clipped(boxes: Tensor, size: Size) -> tv_tensors.BoundingBoxes:
    """Boxes (G, 4) inside an image of `size`; those outside end up without area."""
    upper = torch.tensor([size[1], size[0]] * 2, dtype=boxes.dtype)
    return as_boxes(boxes.clamp(min=0).minimum(upper), size)


def as_boxes(boxes: Tensor, size: Size) -> tv_tensors.BoundingBoxes:
    """Boxes (G, 4) in pixels of an image of `size`, as torchvision's transforms know them."""
    return tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=size)


def _cropped(entry: Any, top: int, left: int, window: Size) -> Any:
    height, width = window
    if isinstance(entry, tv_tensors.BoundingBoxes):
        origin = torch.tensor([left, top, left, top], dtype=entry.dtype)
        return clipped(entry.as_subclass(Tensor) - origin, window)
    if isinstance(entry, tv_tensors.Image | tv_tensors.Mask):
        piece = entry.as_subclass(Tensor)[..., top : top + height, left : left + width]
        return tv_tensors.wrap(piece, like=entry)
    return entry


def _rows(entry: Tensor, rows: Tensor) -> Tensor:
    chosen = entry.as_subclass(Tensor)[rows]
    return chosen if type(entry) is Tensor else tv_tensors.wrap(chosen, like=entry)


def _is_inside(boxes: Tensor, top: int, left: int, window: Size) -> Tensor:
    """(G,) bool: boxes (G, 4) that lie in the window completely."""
    x1, y1, x2, y2 = boxes.as_subclass(Tensor).unbind(dim=1)
    return (x1 >= left) & (y1 >= top) & (x2 <= left + window[1]) & (y2 <= top + window[0])


def _is_visible(cut: Sample) -> Tensor:
    """(G,) bool: objects of which a pixel of the mask, or else a part of the box, is left."""
    if "masks" in cut:
        return areas(cut["masks"]) > 0
    boxes: Tensor = cut["boxes"].as_subclass(Tensor)
    return ((boxes[:, 2:] - boxes[:, :2]) >= 1).all(dim=1)

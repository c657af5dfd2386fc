"""Masks as tensors: cut out around objects, cropped to RoIs as targets, pasted into images."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..structures.detection import ObjectMasks, Rois, Size
from .boxes import clip
from .pasting import paste_sampled
from .roi_align import pool_map


def crop_masks(masks: Tensor, canvas: Size | None = None) -> ObjectMasks:
    """Whole-image masks (G, H, W) bool, each cut out to a window around its object.

    `canvas` is the size of the padded image the masks lie on, in its upper left corner; by
    default that of the masks. Outside of the masks there is background.
    """
    height, width = canvas or (masks.shape[1], masks.shape[2])
    source = masks.cpu().numpy()  # whose `any` takes a tenth of the time of torch's
    top, bottom = _extent(np.asarray(source.any(axis=2)))
    left, right = _extent(np.asarray(source.any(axis=1)))
    # One pixel of background on each side: samples outside of the window are then zero, as in the
    # whole mask.
    crop_h = min(height, int((bottom - top).max(initial=0)) + 2)
    crop_w = min(width, int((right - left).max(initial=0)) + 2)
    y = (top - 1).clip(0, height - crop_h)
    x = (left - 1).clip(0, width - crop_w)
    crops = np.zeros((len(masks), crop_h, crop_w), dtype=bool)
    for g in range(len(masks)):
        piece = source[g, y[g] : y[g] + crop_h, x[g] : x[g] + crop_w]
        crops[g, : piece.shape[0], : piece.shape[1]] = piece
    origins = torch.from_numpy(np.stack([x, y], axis=-1).astype(np.int64))
    return ObjectMasks(
        torch.from_numpy(crops).to(masks.device), origins.to(masks.device), (height, width)
    )


def dense_masks(masks: ObjectMasks) -> Tensor:
    """Inverse of `crop_masks`: whole-canvas masks (G, H, W) bool."""
    _, height, width = masks.crops.shape
    dense = masks.crops.new_zeros((len(masks), *masks.size))
    for g, (x, y) in enumerate(masks.origins.tolist()):
        dense[g, y : y + height, x : x + width] = masks.crops[g]
    return dense


def mask_targets(masks: ObjectMasks, boxes: Tensor, index: Tensor, side: int) -> Tensor:
    """Targets of a mask head: (P, side, side) float, 0 or 1.

    Row p is mask ``index[p]`` inside ``boxes[p]`` (P, 4), cropped as features are, and 1 where at
    least half of the cell is covered.
    """
    clipped = clip(boxes, masks.size)
    used, own_row = index.unique(return_inverse=True)
    inside_crop = clipped - masks.origins[index].repeat(1, 2).to(boxes)
    crops = masks.crops[used][:, None].to(boxes)
    return (pool_map(crops, Rois(inside_crop, own_row), side, 1)[:, 0] >= 0.5).to(boxes)


def paste_mask(probabilities: Tensor, box: Tensor, size: Size, threshold: float = 0.5) -> Tensor:
    """Mask (H, W) bool of an image of `size`: where `probabilities` (M, M) over `box` (4,) reach
    `threshold`."""
    arrays = probabilities.cpu().numpy(), box.cpu().numpy()
    window, left, top = paste_sampled(*arrays, size, threshold)
    mask = torch.zeros(size, dtype=torch.bool, device=probabilities.device)
    mask[top : top + window.shape[0], left : left + window.shape[1]] = torch.from_numpy(window)
    return mask


def _extent(flags: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and one past the last True of each row (G, L); zeros for rows without any."""
    first = flags.argmax(axis=1)
    last = flags.shape[1] - flags[:, ::-1].argmax(axis=1)
    return first, np.where(flags.any(axis=1), last, first)

"""Masks: cut out around objects, cropped to RoIs as targets, pasted into images."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..structures.detection import ObjectMasks, Rois, Size
from .boxes import clip
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


def paste_probabilities(probabilities: Tensor, box: Tensor, size: Size) -> tuple[Tensor, int, int]:
    """A mask (M, M) stretched over `box` (4,): its window of the image, and the window's x and y.

    Pixel centres are sampled bilinearly, with zeros around the mask (Mask R-CNN's paste, as in the
    reference on the CPU). The window covers every pixel that can be above zero inside an image of
    `size`; it is empty for boxes without area or outside the image.
    """
    height, width = size
    x0, y0, x1, y1 = (float(v) for v in box)
    left, top = max(int(np.floor(x0)) - 1, 0), max(int(np.floor(y0)) - 1, 0)
    right, bottom = min(int(np.ceil(x1)) + 1, width), min(int(np.ceil(y1)) + 1, height)
    if right <= left or bottom <= top or not (x1 > x0 and y1 > y0):
        return probabilities.new_zeros((0, 0)), 0, 0
    down = _stretched(y0, y1, top, bottom, len(probabilities))
    across = _stretched(x0, x1, left, right, len(probabilities))
    framed = F.pad(probabilities.float(), (1, 1, 1, 1))  # zeros around the mask
    return down @ (framed @ across.T), left, top


def _stretched(start: float, end: float, first: int, last: int, cells: int) -> Tensor:
    """Weights (pixels, 1 + cells + 1) of the cells for pixels from `first` to before `last`.

    The `cells` lie between `start` and `end`; the outer two weights are for samples outside."""
    centres = torch.arange(first, last, dtype=torch.float32) + 0.5
    place = ((centres - start) / (end - start) * cells + 0.5).clamp(0, cells + 1)
    below = place.floor().clamp(max=cells)
    share = (place - below)[:, None]
    weights = torch.zeros(len(place), cells + 2)
    weights.scatter_(1, below.long()[:, None], 1 - share)
    weights.scatter_(1, below.long()[:, None] + 1, share)
    return weights


def paste_resized(
    probabilities: Tensor, box: Tensor, size: Size, threshold: float = 0.5
) -> tuple[Tensor, int, int]:
    """A mask (M, M) as MMDetection 1.x pastes it: a bool window of the image, its x and y.

    The mask is resized to the whole pixels of `box` (4,), at least one, and set where it is
    above `threshold`; the window is its part inside an image of `size`.
    """
    height, width = size
    left, top = int(box[0]), int(box[1])
    right, bottom = max(int(box[2] - 1), left) + 1, max(int(box[3] - 1), top) + 1
    resized = F.interpolate(
        probabilities[None, None].float(),
        size=(bottom - top, right - left),
        mode="bilinear",
        align_corners=False,
    )
    rows = slice(max(-top, 0), max(height - top, 0))
    columns = slice(max(-left, 0), max(width - left, 0))
    window = resized[0, 0, rows, columns]
    return window > threshold, max(left, 0), max(top, 0)


def paste_expanded(
    probabilities: Tensor, box: Tensor, size: Size, threshold: float = 0.5
) -> tuple[Tensor, int, int]:
    """A mask (M, M) as torchvision pastes it: a bool window of the image, its x and y.

    Mask and `box` (4,) get a frame of one cell of zeros, are resized to the whole pixels of the
    larger box, both ends included, and the mask is set where it is above `threshold`.
    """
    height, width = size
    cells = len(probabilities)
    centre, half = (box[:2] + box[2:]) * 0.5, (box[2:] - box[:2]) * 0.5 * ((cells + 2) / cells)
    left, top = (int(v) for v in centre - half)
    right, bottom = (int(v) + 1 for v in centre + half)
    resized = F.interpolate(
        F.pad(probabilities.float(), (1, 1, 1, 1))[None, None],
        size=(max(bottom - top, 1), max(right - left, 1)),
        mode="bilinear",
        align_corners=False,
    )
    rows = slice(max(-top, 0), max(min(bottom, height) - top, 0))
    columns = slice(max(-left, 0), max(min(right, width) - left, 0))
    return resized[0, 0, rows, columns] > threshold, max(left, 0), max(top, 0)


def paste_sampled(
    probabilities: Tensor, box: Tensor, size: Size, threshold: float = 0.5
) -> tuple[Tensor, int, int]:
    """Mask where `paste_probabilities` reaches `threshold`: a bool window, and its x and y."""
    window, left, top = paste_probabilities(probabilities, box, size)
    return window >= threshold, left, top


PASTES: Final = {
    "sampled": paste_sampled,
    "resized": paste_resized,
    "expanded": paste_expanded,
}


def paste_mask(probabilities: Tensor, box: Tensor, size: Size, threshold: float = 0.5) -> Tensor:
    """Mask (H, W) bool of an image of `size`: where `probabilities` (M, M) over `box` (4,) reach
    `threshold`."""
    window, left, top = paste_sampled(probabilities, box, size, threshold)
    mask = torch.zeros(size, dtype=torch.bool, device=probabilities.device)
    mask[top : top + window.shape[0], left : left + window.shape[1]] = window
    return mask


def _extent(flags: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and one past the last True of each row (G, L); zeros for rows without any."""
    first = flags.argmax(axis=1)
    last = flags.shape[1] - flags[:, ::-1].argmax(axis=1)
    return first, np.where(flags.any(axis=1), last, first)

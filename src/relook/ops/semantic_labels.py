"""Labels of all pixels of an image from class logits on a coarse grid."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..structures.detection import Size

_AT_ONCE = 2**24  # values of resized logits in memory at a time, 64 MB of floats


def semantic_labels(logits: Tensor, padded: Size, size: Size, original: Size) -> Tensor:
    """The most likely label (H, W) uint8 of every pixel of the `original` (height, width).

    The `logits` (K, h, w) of a network input of `padded` size are enlarged to it, cut to the
    `size` of the image in it, and resized to the original, each bilinearly with pixel centres at
    halves, a few classes at a time. Of equal logits the first class wins.
    """
    per_class = max(padded[0] * padded[1], original[0] * original[1])
    step = max(1, _AT_ONCE // per_class)
    best = logits.new_full(original, -torch.inf, dtype=torch.float32)
    labels = torch.zeros(original, dtype=torch.uint8, device=logits.device)
    for start in range(0, len(logits), step):
        part = logits[start : start + step].float()[None]
        inside = _resized(part, padded)[..., : size[0], : size[1]]
        highest, index = _resized(inside, original)[0].max(dim=0)
        wins = highest > best
        best = torch.where(wins, highest, best)
        labels = torch.where(wins, (index + start).to(torch.uint8), labels)
    return labels


def _resized(values: Tensor, size: Size) -> Tensor:
    if values.shape[-2:] == size:
        return values
    return F.interpolate(values, size=size, mode="bilinear", align_corners=False)

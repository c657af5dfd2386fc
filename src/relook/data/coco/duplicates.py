"""Objects that are in a file twice: equal masks, or boxes, of one class in one image."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .records import ObjectRecord
from .segmentation import runs_of

NEAR: Final = 1.5  # pixels that the boxes of equal masks may differ
EQUAL: Final = 0.95  # IoU from which two masks are one
_LOOK: Final = 64  # neighbours along x that are compared


def find_duplicates(
    objects: Sequence[ObjectRecord], images: NDArray[np.int64], sizes: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Pairs (kept, repeated) of positions in `objects`, each repeated one once.

    Args:
        objects: all objects of a file, in its order.
        images: (N,) position of the image of each.
        sizes: (height, width) of each image.

    Masks are equal from an IoU of 0.95, however they are written; objects without masks where
    their boxes are the same to half a pixel.
    """
    if len(objects) < 2:
        return []
    sides = chain.from_iterable(one.box for one in objects)
    boxes = np.fromiter(sides, np.float64, 4 * len(objects)).reshape(-1, 4)
    kinds = (2 * one.label + one.is_crowd for one in objects)
    labels = np.fromiter(kinds, np.int64, len(objects))
    order = np.lexsort((boxes[:, 1], boxes[:, 0], labels, images))
    keys = np.stack([images[order], labels[order]], axis=1)
    sorted_boxes = boxes[order]
    repeated: dict[int, int] = {}
    for step in range(1, min(_LOOK, len(objects) - 1) + 1):
        same = (keys[step:] == keys[:-step]).all(axis=1)
        same &= sorted_boxes[step:, 0] - sorted_boxes[:-step, 0] <= NEAR
        if not same.any():
            break
        close = same & (np.abs(sorted_boxes[step:] - sorted_boxes[:-step]).max(axis=1) <= NEAR)
        for at in np.flatnonzero(close).tolist():
            first, second = sorted((int(order[at]), int(order[at + step])))
            if second in repeated or not _equal(objects, first, second, sizes[int(images[first])]):
                continue
            repeated[second] = repeated.get(first, first)
    return sorted((kept, second) for second, kept in repeated.items())


def _equal(objects: Sequence[ObjectRecord], first: int, second: int, size: tuple[int, int]) -> bool:
    one, other = objects[first], objects[second]
    if one.segmentation is None or other.segmentation is None:
        return max(abs(a - b) for a, b in zip(one.box, other.box, strict=True)) <= 0.5
    if one.segmentation is other.segmentation or one.segmentation == other.segmentation:
        return True
    return runs_of(one.segmentation, *size).iou(runs_of(other.segmentation, *size)) >= EQUAL

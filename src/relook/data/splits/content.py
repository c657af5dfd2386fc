"""Quantities that every part of a data set is to have its share of."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..coco.records import CocoIndex

_IMAGES: Final = 4.0  # weight of the number of images; all classes together weigh 2, crowding 1
_BINS: Final = 4


def content_of(index: CocoIndex) -> tuple[NDArray[np.float64], list[float]]:
    """Amounts (N, D) of each quantity in each image, and the weight of each quantity (D).

    They are: the image itself, objects of each class, each class at all, and whether it is empty
    or belongs to which quarter of the other images by its number of objects. Crowd regions do not
    count as objects.
    """
    classes = len(index.classes)
    objects = np.zeros((len(index.images), classes))
    for row, image in enumerate(index.images):
        for thing in image.objects:
            objects[row, thing.label] += not thing.is_crowd
    present = max(1, int((objects.sum(axis=0) > 0).sum()))
    crowding = _crowding(objects.sum(axis=1))
    content = np.concatenate(
        [np.ones((len(objects), 1)), objects, objects > 0, crowding], axis=1
    ).astype(np.float64)
    each = 1 / present
    bins = crowding.shape[1]
    return content, [_IMAGES, *[each] * (2 * classes), *[1 / bins] * bins]


def _crowding(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 5) 1 for the bin of each image: empty, or a quarter by its number of objects."""
    bins = np.zeros((len(totals), 1 + _BINS))
    full = np.flatnonzero(totals)
    bins[totals == 0, 0] = 1
    for number, part in enumerate(np.array_split(full[totals[full].argsort(kind="stable")], _BINS)):
        bins[part, 1 + number] = 1
    return bins

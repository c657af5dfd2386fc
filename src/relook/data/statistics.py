"""Sizes and numbers of the objects of a data set: the only place where objects are measured."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from ..structures.object_sizes import SHARES, ObjectSizes
from .augment.rule import Augment
from .coco.reader import CocoIndex
from .coco.records import ImageRecord, ObjectRecord
from .coco.segmentation import runs_of
from .resizing import Limits, resized_size

_MOST_MEASURED: Final = 50_000  # objects


def most_objects(index: CocoIndex) -> int:
    """Objects in the fullest image, crowd regions not counted; 0 without an image."""
    return max((len(objects_of(image)) for image in index.images), default=0)


def objects_of(image: ImageRecord) -> list[ObjectRecord]:
    """The objects of an image without its crowd regions."""
    return [thing for thing in image.objects if not thing.is_crowd]


def measured_images(index: CocoIndex) -> tuple[ImageRecord, ...]:
    """All images, or of more than 50,000 objects evenly chosen ones: what is measured of them."""
    return index.images[:: max(1, index.num_objects // _MOST_MEASURED)]


def object_sizes(index: CocoIndex, limits: Limits, augment: Augment) -> ObjectSizes | None:
    """Sizes of the objects of `index` as a network sees them; None without any object.

    In prediction it sees images scaled to fit `limits` (long, short), and in training at the
    scales of `augment`. Crowd regions are left out. Of more than 50,000 objects those of evenly
    chosen images are measured.
    """
    in_test: list[float] = []
    smallest: list[float] = []
    largest: list[float] = []
    for image in measured_images(index):
        scales = _scales(image, limits, augment)
        for diameter in (diameter_of(thing, image) for thing in objects_of(image)):
            for found, scale in zip((in_test, smallest, largest), scales, strict=True):
                found.append(diameter * scale)
    if not in_test:
        return None
    ends = float(np.quantile(smallest, SHARES[0])), float(np.quantile(largest, SHARES[-1]))
    return ObjectSizes(
        quantiles=tuple(round(size, 3) for size in np.quantile(in_test, SHARES).tolist()),
        trained=(round(ends[0], 3), round(ends[1], 3)),
        count=len(in_test),
        basis="masks" if index.has_masks else "boxes",
    )


def _scales(image: ImageRecord, limits: Limits, augment: Augment) -> tuple[float, float, float]:
    """Pixels of the network input for one of `image`: in test, and the least and the most in
    training."""
    test = _fitted(image, limits)
    if augment.crop is not None and augment.scale_jitter is not None:
        height, width = augment.crop
        fitted = min(height / image.height, width / image.width)
        low, high = augment.scale_jitter
        return test, low * fitted, high * fitted
    if augment.size is not None:
        low, high = sorted(_fitted(image, limits) for limits in augment.size)
        return test, low, high
    return test, test, test


def _fitted(image: ImageRecord, limits: Limits) -> float:
    height, width = resized_size(image.height, image.width, limits)
    return math.sqrt(height * width / (image.height * image.width))


def diameter_of(thing: ObjectRecord, image: ImageRecord) -> float:
    """Equivalent diameter in pixels of the image: that of the disc with the area of the mask.

    Of an object that has a box only, it is the square root of the area of the box.
    """
    if thing.segmentation is None:
        x1, y1, x2, y2 = thing.box
        return math.sqrt((x2 - x1) * (y2 - y1))
    if isinstance(thing.segmentation, list | dict):
        area = float(runs_of(thing.segmentation, image.height, image.width).area)
    else:  # a map, whose file has been read once for its areas
        area = thing.area
    return 2 * math.sqrt(area / math.pi)

"""Training windows of large images that are read by windows, such as tiled TIFF.

The sample of a window is that which cutting the whole sample would give, but neither pixels nor
masks outside of the window are ever in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from ..errors import UsageError
from ..ops.runs import part_of
from ..structures.detection import Size
from .augment.crop import Sample, cut_boxes
from .augment.transforms import LargeScaleJitterCrop
from .coco.records import CocoIndex, ImageRecord, ObjectRecord
from .coco.segmentation import runs_of
from .images import OpenedImage
from .images.limits import most_pixels
from .semantics import semantic_from_instances

LARGE: Final = 16_000_000  # pixels; smaller images are read whole

_MOST_OF_MASKS: Final = 4_000_000_000  # bytes of all masks of a window

Steps = Sequence[v2.Transform]


def leading_crop(transforms: v2.Transform | None) -> tuple[LargeScaleJitterCrop, Steps] | None:
    """The crop that `transforms` begin with, and the steps after it; None for other ones."""
    steps = list(transforms.transforms) if isinstance(transforms, v2.Compose) else [transforms]
    first = steps[0] if steps else None
    return (first, steps[1:]) if isinstance(first, LargeScaleJitterCrop) else None


def window_sample(
    index: CocoIndex,
    record: ImageRecord,
    opened: OpenedImage,
    window: tuple[int, int, Size],
    *,
    paints: bool,
) -> tuple[Sample, Tensor]:
    """The sample of a window (top, left, its size) of an image, and which objects (G,) it cuts.

    With `paints` it has semantic labels that are painted from the instances. Objects whose boxes do
    not meet the window are not looked at.

    Raises:
        DataError: D02 for values that cannot be decoded.
        UsageError: U03 for a window that has too many pixels, or too many objects for its size.
    """
    top, left, size = window
    near = [thing for thing in record.objects if _meets(thing, top, left, size)]
    _check(record, size, len(near) if index.has_masks else 0)
    pixels = opened.read_window(top, left, *size)
    things = [thing for thing in near if not thing.is_crowd]
    boxes = torch.tensor([thing.box for thing in things], dtype=torch.float32).reshape(-1, 4)
    sample: dict[str, Any] = {
        "image": tv_tensors.Image(torch.from_numpy(pixels).permute(2, 0, 1)),
        "labels": torch.tensor([thing.label for thing in things], dtype=torch.int64),
    }
    if index.has_masks:
        masks, areas = _masks(things, record, top, left, size)
        sample["masks"] = tv_tensors.Mask(torch.from_numpy(masks))
        if paints:
            crowds, _ = _masks([t for t in near if t.is_crowd], record, top, left, size)
            crowd = np.asarray(crowds.any(axis=0)) if len(crowds) else None
            labels = [thing.label for thing in things]
            painted = semantic_from_instances(masks, labels, crowd, len(index.classes), areas)
            sample["semantic"] = tv_tensors.Mask(torch.from_numpy(painted))
    return cut_boxes(sample, boxes, top, left, size)


def _check(record: ImageRecord, size: Size, masks: int) -> None:
    """Refuse a window before it takes the memory."""
    pixels = size[0] * size[1]
    if pixels <= most_pixels() and pixels * masks <= _MOST_OF_MASKS:
        return
    raise UsageError(
        "U03",
        f'image {record.id} ("{record.file_name}"): a training window of {size[1]} x {size[0]} '
        f"pixels (width x height) with {masks} masks is too large. Windows are large where "
        "they are scaled down by much: give larger scales in train.augment.scale_jitter (1 is the "
        "whole image in a window), or cut the image into tiles.",
    )


def _meets(thing: ObjectRecord, top: int, left: int, size: Size) -> bool:
    x1, y1, x2, y2 = thing.box
    return x1 < left + size[1] and x2 > left and y1 < top + size[0] and y2 > top


def _masks(
    things: Sequence[ObjectRecord], record: ImageRecord, top: int, left: int, size: Size
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Masks (G, h, w) of a window, and the areas (G,) of the whole masks."""
    masks = np.zeros((len(things), *size), dtype=bool)
    areas = np.zeros(len(things), dtype=np.int64)
    for number, thing in enumerate(things):
        assert thing.segmentation is not None  # CocoIndex.has_masks
        runs = runs_of(thing.segmentation, record.height, record.width)
        masks[number] = part_of(runs, record.height, top, left, size)
        areas[number] = runs.area
    return masks, areas

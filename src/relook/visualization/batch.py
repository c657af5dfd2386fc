"""Picture of a training batch: augmented images with their targets."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import counted
from ..ops.rle import RLE, encode_window
from ..structures.detection import ImageBatch, ObjectMasks, Size, Target
from .overlay import draw_objects
from .sheet import Row, contact_sheet


def draw_batch(
    images: ImageBatch,
    targets: Sequence[Target],
    class_names: Sequence[str],
    mean: Sequence[float],
    std: Sequence[float],
    *,
    limit: int = 16,
) -> Image.Image:
    """The first `limit` images of a batch in a grid, without padding, each with its objects.

    `mean` and `std` (3,) are those of the normalisation of pixels, on the scale 0 to 255.
    """
    rows = []
    for i in range(min(len(images), limit)):
        image = _denormalise(images, i, mean, std)
        target = targets[i]
        labels = target.labels.cpu().numpy()
        names = [class_names[label] for label in labels.tolist()]
        masks = None if target.masks is None else _codes(target.masks, image.shape[:2])
        boxes = target.boxes.cpu().float().numpy()
        picture = draw_objects(image, boxes, masks, names, labels=labels)
        height, width = image.shape[:2]
        objects = counted(len(names), "object")
        rows.append(Row((picture,), f"{objects}, {width} x {height} pixels"))
    columns = math.ceil(math.sqrt(len(rows)))
    cell = max(360, min(800, 2400 // columns))
    return contact_sheet(rows, cell=cell, rows_per_line=columns)


def _denormalise(
    images: ImageBatch, row: int, mean: Sequence[float], std: Sequence[float]
) -> NDArray[np.uint8]:
    height, width = images.sizes[row]
    pixels = images.pixels[row, :, :height, :width].detach().cpu().float().numpy()
    rgb = pixels.transpose(1, 2, 0) * np.asarray(std) + np.asarray(mean)
    return np.ascontiguousarray(np.clip(np.rint(rgb), 0, 255).astype(np.uint8))


def _codes(masks: ObjectMasks, size: Size) -> list[RLE]:
    """Run-length codes of the masks, which may extend into the padding of the image."""
    height, width = size
    codes = []
    for crop, (x, y) in zip(masks.crops.cpu().numpy(), masks.origins.tolist(), strict=True):
        x, y = min(x, width), min(y, height)
        codes.append(encode_window(crop[: height - y, : width - x], x, y, size))
    return codes

"""Frames of annotations: as an image is stored, or upright as it is seen."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from ...errors import DataError
from ...ops.rle import encode_mask
from ...structures.detection import Size
from ..images.orientation import UPRIGHT, upright, upright_points, upright_size
from .records import ObjectRecord
from .segmentation import Segmentation, rasterised

Frame = Literal["stored", "upright"]
Box = tuple[float, float, float, float]


def turn_of(
    where: str, stored: Size, orientation: int, said: Size | None, frame: Frame | None
) -> int:
    """The orientation by which the annotations of an image are turned; 1 where they are upright.

    Args:
        where: file and image, for messages.
        stored: (height, width) of the image as it is stored.
        orientation: how it is turned to be upright, 1 to 8.
        said: (height, width) in the annotation file, where it has them.
        frame: the frame of the annotations, where somebody says it.

    Raises:
        DataError: D10 where neither `frame` nor the sizes tell it.
    """
    if orientation == UPRIGHT:
        return UPRIGHT
    turned = upright_size(stored, orientation)
    if frame is not None:
        return orientation if frame == "stored" else UPRIGHT
    if said is not None and stored != turned:
        return orientation if said == stored else UPRIGHT  # another size is told when it is read
    why = "its sides are equal" if stored[0] == stored[1] else "it has the same size in both"
    if said is None:
        why = "the file gives no sizes"
    raise DataError(
        "D10",
        f"{where} is stored turned (orientation {orientation}), and whether its annotations are "
        f"for the image as stored or as seen cannot be known: {why}. Say it with --frame stored or "
        "--frame upright (in Python frame=...). What most annotation programs show is upright.",
    )


def turned_object(record: ObjectRecord, stored: Size, turn: int) -> ObjectRecord:
    """An object of an image stored with (height, width) `stored`, turned upright."""
    segmentation = record.segmentation
    if segmentation is not None:
        segmentation = turned_mask(segmentation, stored, turn)
    return msgspec.structs.replace(
        record, box=turned_box(record.box, stored, turn), mask=segmentation
    )


def turned_box(box: Box, stored: Size, turn: int) -> Box:
    """A box (x1, y1, x2, y2), turned upright."""
    corners = np.array(box, dtype=np.float64).reshape(2, 2)
    points = upright_points(corners, stored, turn)
    (x1, y1), (x2, y2) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return x1, y1, x2, y2


def turned_mask(segmentation: Segmentation, stored: Size, turn: int) -> Segmentation:
    """A checked mask, turned upright: polygons by their points, run lengths by their pixels."""
    if isinstance(segmentation, list):
        return [
            upright_points(np.array(part, dtype=np.float64).reshape(-1, 2), stored, turn)
            .ravel()
            .tolist()
            for part in segmentation
        ]
    mask = upright(rasterised(segmentation, *stored), turn)
    return encode_mask(np.ascontiguousarray(mask))

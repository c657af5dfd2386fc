"""Annotated boxes against the bounds of their masks: do they agree, and if not, why?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...structures.detection import Size
from .segmentation import Box

Rows = NDArray[np.float64]

TOLERANCE: Final = 2.0  # pixels that a side may differ, as programs count pixels differently
SHARE: Final = 0.1  # of the longer side of the mask that it may differ
MOST: Final = 0.8  # of the boxes that a cause must explain
_FEWEST: Final = 4  # boxes without masks from which a pattern is one
_EXAMPLES: Final = 5000  # boxes that are looked at for a cause


@dataclass(slots=True)
class BoxAgreement:
    """Boxes of objects with masks: how many were compared, and those that differ."""

    compared: int = 0
    differing: int = 0
    replaced: int = 0  # of those that differ: by the bounds of the mask
    first: int = -1  # id of the first annotation that differs
    alone: int = 0  # boxes without a mask
    reaching: int = 0  # of those, out of the image
    fitting: int = 0  # of those, as corners x1 y1 x2 y2
    identities: list[int] = field(default_factory=list)  # of annotations that differ
    _written: list[Box] = field(default_factory=list)  # x, y, width, height
    _bounds: list[Box] = field(default_factory=list)
    _sizes: list[Size] = field(default_factory=list)

    def differs(
        self, identity: int, written: Box, bounds: Box, size: Size, *, replaced: bool = False
    ) -> None:
        """Count a box (x, y, width, height) that is not that of its mask in an image of `size`."""
        self.differing += 1
        self.replaced += replaced
        if self.first < 0:
            self.first = identity
        if len(self._written) < _EXAMPLES:
            self.identities.append(identity)
            self._written.append(written)
            self._bounds.append(bounds)
            self._sizes.append(size)

    def add_alone(self, written: Box, size: Size) -> None:
        """Count a box (x, y, width, height) without a mask in an image of `size`."""
        x, y, width, height = written
        self.alone += 1
        self.reaching += x + width > size[1] + 1 or y + height > size[0] + 1
        self.fitting += x < width <= size[1] + 1 and y < height <= size[0] + 1

    def cause(self) -> str:
        """Likely kind of the boxes, as the end of a sentence; empty where nothing fits."""
        if not self._written:
            return ""
        return likely_cause(
            np.array(self._written, np.float64),
            np.array(self._bounds, np.float64),
            np.array(self._sizes, np.float64),
        )

    def remark(self) -> str:
        """A line for people; empty where all boxes agree."""
        if not self.compared and self.fitting == self.alone >= _FEWEST:
            if self.reaching <= self.alone / 3:
                return ""
            return (
                f"boxes: {self.reaching} of {self.alone} reach out of the image; they look "
                "like corners x1 y1 x2 y2, where COCO has x y width height. `relook data "
                "check FILE --fix OUT` writes them so"
            )
        if not self.differing:
            return ""
        cause = self.cause() or "for no single reason"
        line = (
            f"boxes: {self.differing} of {self.compared} are not those of their masks (first: "
            f"annotation {self.first}); {cause}"
        )
        if self.replaced == self.differing:
            return f"{line}. They are taken from the masks"
        return f"{line}. --boxes from-masks takes the boxes of the masks"


def agrees(box: Box, bounds: Box) -> bool:
    """Return whether a box (x1, y1, x2, y2) is that of a mask with these bounds."""
    x1, y1, x2, y2 = bounds
    difference = max(abs(box[0] - x1), abs(box[1] - y1), abs(box[2] - x2), abs(box[3] - y2))
    return difference <= TOLERANCE or difference <= SHARE * max(x2 - x1, y2 - y1)


def likely_cause(written: Rows, bounds: Rows, sizes: Rows) -> str:
    """Name what explains most boxes that differ from their masks.

    Args:
        written: (N, 4) boxes as the file has them, which should be x, y, width, height.
        bounds: (N, 4) bounds of the masks, x1, y1, x2, y2.
        sizes: (N, 2) heights and widths of their images.
    """
    if not written.any():
        return "they are all 0"
    a, b, c, d = written.T
    height, width = sizes.T
    readings: dict[str, tuple[Any, ...]] = {
        "they look like corners x1 y1 x2 y2, where COCO has x y width height": (a, b, c, d),
        "they look like the centre, width and height, where COCO has the upper left corner": (
            *(a - c / 2, b - d / 2),
            *(a + c / 2, b + d / 2),
        ),
        "they look like y x height width, where COCO has x y width height": (b, a, b + d, a + c),
        "they look like corners y1 x1 y2 x2, where COCO has x y width height": (b, a, d, c),
        "they have a negative width or height": (
            *(np.minimum(a, a + c), np.minimum(b, b + d)),
            *(np.maximum(a, a + c), np.maximum(b, b + d)),
        ),
        "they look like fractions of the image, where COCO has pixels": (
            *(a * width, b * height),
            *((a + c) * width, (b + d) * height),
        ),
        "they look like centre, width and height as fractions of the image (YOLO)": (
            *((a - c / 2) * width, (b - d / 2) * height),
            *((a + c / 2) * width, (b + d / 2) * height),
        ),
        "they look like corners as fractions of the image": (
            *(a * width, b * height),
            *(c * width, d * height),
        ),
    }
    for name, sides in readings.items():
        if _explains(np.stack(sides, axis=1), bounds):
            return name
    return _moved(written, bounds)


def _moved(written: Rows, bounds: Rows) -> str:
    """Name a shift or a scale that explains most boxes; empty if there is none."""
    boxes = written.copy()
    boxes[:, 2:] += written[:, :2]
    shift = np.median(boxes - bounds, axis=0)
    across, down = (float(v) for v in (shift[[0, 2]].mean(), shift[[1, 3]].mean()))
    if _explains(boxes - [across, down, across, down], bounds):
        moved = f"{round(across, 1) + 0:g} pixels across and {round(down, 1) + 0:g} down"
        return f"they look shifted by {moved}"
    large = (bounds > 0).all(axis=1) & (boxes > 0).all(axis=1)
    if large.any():
        ratio = np.median(boxes[large] / bounds[large], axis=0)
        across, down = (float(v) for v in (ratio[[0, 2]].mean(), ratio[[1, 3]].mean()))
        if _explains(boxes / [across, down, across, down], bounds):
            return f"they look scaled by {across:.3g} across and {down:.3g} down"
    return ""


def _explains(boxes: Rows, bounds: Rows) -> bool:
    """Return whether most of `boxes` (N, 4) agree with `bounds`."""
    difference = np.abs(boxes - bounds).max(axis=1)
    sides = (bounds[:, 2:] - bounds[:, :2]).max(axis=1)
    fits = (difference <= TOLERANCE) | (difference <= SHARE * sides)
    return bool(fits.mean() >= MOST)

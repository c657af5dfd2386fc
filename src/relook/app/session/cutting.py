"""Objects cut along a line.

The pixels under the line are taken out, and the object falls into parts of pixels that touch at
their sides. Each pixel under the line then goes to the nearest part, so that none is lost. Parts
that the line does not cut stay with the nearest of the new objects, and so do specks.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...ops.runs import Runs, runs_window, window_runs
from .shapes import Ring, check_window, checked_line

SPECK: Final = 0.01  # share of the object; a smaller part is no object of its own
FEWEST: Final = 4  # pixels of a part that is one

Mask = NDArray[np.bool_]
Numbers = NDArray[np.int32]  # (H, W) number of the part of each pixel, 0 for none


def cut(runs: Runs, height: int, line: Ring) -> list[Runs]:
    """The objects that a line cuts the pixels of an object into, largest first.

    Raises:
        UsageError: U04 for a line that does not cut it, U03 for one that is none.
    """
    points = checked_line(line)
    check_window(runs, height)
    mask, left, top = runs_window(runs, height)
    under = _drawn(mask.shape, [(x - left, y - top) for x, y in points]) & mask
    if not under.any():
        raise UsageError(
            "U04", "the line does not meet the object. Draw it over the object, side to side."
        )
    _, old = _parts(mask)
    after, new = _parts(mask & ~under)
    sizes = np.bincount(new.ravel(), minlength=after + 1)
    least = max(FEWEST, SPECK * int(mask.sum()))
    owner = {part: int(old[tuple(np.argwhere(new == part)[0])]) for part in range(1, after + 1)}
    large = [part for part in range(1, after + 1) if sizes[part] >= least]
    fallen = Counter(owner[part] for part in large)
    pieces = [part for part in large if fallen[owner[part]] > 1]
    if not pieces:
        raise UsageError(
            "U04",
            "the line does not cut the object in two. Begin and end it outside of the object.",
        )
    pieces.sort(key=lambda part: (-int(sizes[part]), part))
    nearest = _nearest(np.where(np.isin(new, pieces), new, 0))
    return [window_runs(mask & (nearest == part), left, top, height) for part in pieces]


def _drawn(shape: tuple[int, ...], points: list[tuple[float, float]]) -> Mask:
    """Pixels under a line whose neighbours touch at sides or corners."""
    canvas = np.zeros(shape, np.uint8)
    corners = np.floor(np.array(points)).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(canvas, [corners], isClosed=False, color=(1,), lineType=cv2.LINE_8)
    return canvas.astype(bool)


def _parts(mask: Mask) -> tuple[int, Numbers]:
    """The number of parts of a mask, and the number of each pixel's part."""
    count, numbers = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return count - 1, np.asarray(numbers, np.int32)


def _nearest(numbers: Numbers) -> Numbers:
    """For each pixel the number of the nearest pixel that has one."""
    _, places = cv2.distanceTransformWithLabels(
        (numbers == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(places.max()) + 1, np.int32)
    there = numbers > 0
    table[places[there]] = numbers[there]
    return table[places]

"""Shapes of objects as the page has them: lists of polygons, each a list of rings.

The first ring of a polygon is its outline and the others are holes; points are (x, y) along the
edges of pixels. Here a shape is the pixels whose centres are inside, as runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from ...data.formats.geometry import Outline, UnusableShapeError, joined_runs, points_of
from ...data.polygons import Polygon, mask_polygons
from ...errors import UsageError
from ...ops.runs import Runs, runs_window
from ...structures.detection import Size

Point = Sequence[float]
Ring = Sequence[Point]
Shape = Sequence[Sequence[Ring]]
Box = tuple[int, int, int, int]  # x1, y1, x2, y2

MOST_POINTS: Final = 200_000  # of one object
MOST_RINGS: Final = 20_000  # of one object
MOST_WINDOW: Final = 64_000_000  # pixels of the box around one object


def runs_of(shape: Shape, size: Size, name: str = "the object") -> Runs:
    """The pixels of a shape in an image of (height, width); what lies outside is left out.

    Parts may overlap; within one polygon a point belongs to it where it is inside of an odd number
    of rings.

    Raises:
        UsageError: U03 for rings of fewer than three points, for coordinates that are no numbers or
            far outside of any image, for more points than an object may have, and for a shape
            without a pixel in the image.
    """
    rings = [ring for polygon in shape for ring in polygon]
    if sum(map(len, rings)) > MOST_POINTS or len(rings) > MOST_RINGS:
        raise UsageError(
            "U03",
            f"{name} has more points or rings than an object may have ({MOST_POINTS:,} and "
            f"{MOST_RINGS:,}). Draw it with fewer.",
        )
    if any(len(ring) < 3 for ring in rings):
        raise UsageError("U03", f"{name} has a ring of fewer than three points. Draw it again.")
    try:
        outlines = [
            Outline(tuple(points_of(ring) for ring in polygon)) for polygon in shape if polygon
        ]
        runs = joined_runs(outlines, size)
    except (UnusableShapeError, ValueError, OverflowError, TypeError) as error:
        words = str(error) if isinstance(error, UnusableShapeError) else "has points that are none"
        raise UsageError("U03", f"{name} {words}. Draw it again.") from None
    if not len(runs.starts):
        raise UsageError(
            "U03", f"{name} has no pixel inside of the image. Draw it larger, or inside."
        )
    return runs


def shape_of(runs: Runs, height: int) -> list[list[list[list[int]]]]:
    """The shape of pixels in an image of `height`: polygons along the edges, largest first.

    Raises:
        UsageError: U03 for an object whose box is too large.
    """
    return [
        [ring.tolist() for ring in (polygon.exterior, *polygon.holes)]
        for polygon in polygons_of(runs, height)
    ]


def polygons_of(runs: Runs, height: int) -> list[Polygon]:
    """The polygons of pixels in an image of `height`; raises as `shape_of`."""
    check_window(runs, height)
    return mask_polygons(*runs_window(runs, height))


def check_window(runs: Runs, height: int) -> None:
    """Refuse an object whose box has more pixels than are taken into memory for it.

    Raises:
        UsageError: U03.
    """
    left, top, right, bottom = box_of(runs, height)
    if (right - left) * (bottom - top) > MOST_WINDOW:
        raise UsageError(
            "U03",
            f"the object is {right - left} x {bottom - top} pixels, which is more than is drawn "
            f"here ({MOST_WINDOW:,} pixels). Divide it.",
        )


def box_of(runs: Runs, height: int) -> Box:
    """The box x1, y1, x2, y2 around pixels in an image of `height`; zeros for none."""
    return runs.bounds(height)


def checked_line(points: Ring) -> list[tuple[float, float]]:
    """The points of a line that was drawn.

    Raises:
        UsageError: U03 for fewer than two points, too many, or coordinates that are no numbers.
    """
    if not 2 <= len(points) <= MOST_POINTS:
        raise UsageError("U03", "a line needs two points or more. Draw it over the object.")
    line = []
    for point in points:
        x, y = float(point[0]), float(point[1])
        if not (math.isfinite(x) and math.isfinite(y) and max(abs(x), abs(y)) < 2**24):
            raise UsageError("U03", "the line has points that no image has. Draw it again.")
        line.append((x, y))
    return line

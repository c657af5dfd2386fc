"""Checks of boxes: against masks, against the image, and of what they may mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from ...errors import counted
from ..coco.ledger import AREA_FROM_BOX, AREA_FROM_MASK, CLIPPED
from .finding import Check, Hit, check, milder
from .subject import Subject


@check(
    "boxes-differ",
    "error",
    finds="boxes that are not those of their masks: corners in place of a size, shifted, scaled, "
    "zeros, fractions; a warning below 1 percent of the boxes",
    remedy="Take them from the masks with --boxes from-masks, or in the file with "
    "`relook data check {file} --fix OUT --boxes from-masks`.",
    fix="writes the bounds of the masks, where the cause is known or --boxes from-masks is given",
)
def differ(subject: Subject) -> Iterable[Hit]:
    """Find boxes that are not those of their masks."""
    agreement = subject.contents.reader.agreement
    count = agreement.differing
    if count:
        cause = agreement.cause() or "for no single reason"
        text = f"{count} of {agreement.compared} boxes are not those of their masks; {cause}"
        level = milder("warning", count, agreement.compared, 0.01)
        examples = subject.annotations(agreement.identities)
        yield Hit(count=count, text=text, examples=examples, level=level)


@check(
    "boxes-clipped",
    "note",
    finds="boxes that reach out of the image, and are cut there",
    remedy="Nothing has to be done for a few pixels; far outside, the coordinates are of another "
    "image or size.",
    fix="writes the boxes as they are cut",
)
def clipped(subject: Subject) -> Iterable[Hit]:
    """Find boxes that reach out of their images."""
    return subject.noted(CLIPPED, "cut at the border of the image", "box", "boxes")


@check(
    "boxes-corners",
    "error",
    finds="boxes without masks that look like corners x1 y1 x2 y2: most reach out of the image, "
    "and none would as corners",
    remedy="Write them as x, y, width, height with `relook data check {file} --fix OUT`.",
    fix="writes x, y, width, height",
)
def corners(subject: Subject) -> Iterable[Hit]:
    """Find boxes of corners where there are no masks to compare them with."""
    count = corner_boxes(subject)
    if count:
        ledger = subject.contents.reader.ledger
        yield Hit(
            count=count,
            text=f"{counted(count, 'box', 'boxes')} without masks look like corners x1 y1 x2 y2: "
            "as x y width height most of them reach out of the image",
            examples=subject.annotations(ledger.cases.get(CLIPPED, [])),
        )


def corner_boxes(subject: Subject) -> int:
    """Boxes of a file without masks if they look like corners; else 0."""
    if subject.index.has_masks:
        return 0
    rows, sizes = [], []
    for row in subject.contents.tables["annotations"]:
        key = row.get("image_id") if isinstance(row, dict) else None
        image = subject.images.get(key) if type(key) is int else None
        box = row.get("bbox") if image is not None else None
        if image is None or not isinstance(box, list) or len(box) != 4:
            continue
        if all(type(value) in (int, float) for value in box):
            rows.append(box)
            sizes.append((image.annotated_size[1], image.annotated_size[0]) * 2)
    if len(rows) < _FEW:
        return 0
    boxes, limits = np.array(rows, np.float64), np.array(sizes, np.float64)
    reaching = ((boxes[:, :2] + boxes[:, 2:]) > limits[:, :2] + 1).any(axis=1)
    fits = (boxes[:, 2:] > boxes[:, :2]).all(axis=1) & (boxes <= limits + 1).all(axis=1)
    return len(rows) if reaching.mean() > 1 / 3 and fits.all() else 0


@check(
    "area-zero",
    "warning",
    finds="an area of 0 or less beside a mask or a box that has one",
    remedy="It is computed from the mask or the box; other programs leave such objects out. "
    "Correct the file with `relook data check {file} --fix OUT`.",
    fix="writes the area of the mask, or of the box",
)
def no_area(subject: Subject) -> Iterable[Hit]:
    """Find areas of 0 or less."""
    ledger = subject.contents.reader.ledger
    cases = [*ledger.cases.get(AREA_FROM_MASK, []), *ledger.cases.get(AREA_FROM_BOX, [])]
    count = ledger.count(AREA_FROM_MASK) + ledger.count(AREA_FROM_BOX)
    if count:
        text = f"{counted(count, 'object')} with an area of 0 or less"
        yield Hit(count=count, text=text, examples=subject.annotations(cases))


_FEW: Final = 4  # boxes from which a pattern is one
CHECKS: Final[tuple[Check, ...]] = (differ, clipped, corners, no_area)

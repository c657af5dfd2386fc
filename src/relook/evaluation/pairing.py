"""Which detection stands for which object, whatever its class: what confusion is counted from.

In every image each detection with a score of the threshold or more takes, the highest score first,
the free object that it overlaps most, if the IoU is 0.5 or more; of two equal overlaps that of its
own class. Classes do not matter otherwise: a detection of the wrong class is one mistake, not one
missed object and one false detection as in average precision. A detection without an object that
lies on a crowd region of its class is neither right nor wrong and is left out.

The confusion matrix of hotcoco is equal, cell by cell, where there is no crowd region (a test on
the three real sets). With them it counts what lies on one as false: for boxes of coco_mini 16 of
687 counts differ. Nor does it tell the pairs, which pictures are made from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from .counting import IOU
from .ground_truth import Annotation, GroundTruth

Kind = Literal["box", "mask"]
Rows = list[Annotation]


class Pair(NamedTuple):
    """A detection and the object it stands for."""

    found: Annotation
    thing: Annotation
    iou: float

    @property
    def is_right(self) -> bool:
        """Return whether the class is the same."""
        return bool(self.found["category_id"] == self.thing["category_id"])


class Alone(NamedTuple):
    """A detection without an object, or an object without a detection."""

    row: Annotation
    iou: float  # the highest with anything it could have been paired with, taken or not


@dataclass(frozen=True, slots=True)
class ImagePairs:
    """One image: what was paired, what was missed and what is not there."""

    image_id: int
    pairs: tuple[Pair, ...]
    false: tuple[Alone, ...]  # detections without an object, the highest score first
    missed: tuple[Alone, ...]  # objects without a detection

    @property
    def num_objects(self) -> int:
        """Number of objects, without crowd regions."""
        return len(self.pairs) + len(self.missed)

    @property
    def num_right(self) -> int:
        """Number of objects that are found and named rightly."""
        return sum(pair.is_right for pair in self.pairs)

    @property
    def f1(self) -> float:
        """F1 of this image in [0, 1]; 1 where nothing is there and nothing was found."""
        count = self.num_objects + len(self.pairs) + len(self.false)
        return 2 * self.num_right / count if count else 1.0

    @property
    def mean_iou(self) -> float:
        """Mean IoU of what was found rightly; 0 if nothing was."""
        right = [pair.iou for pair in self.pairs if pair.is_right]
        return sum(right) / len(right) if right else 0.0

    @property
    def quality(self) -> float:
        """F1 times the mean IoU: how many are found, and how well their outlines fit."""
        return self.f1 * self.mean_iou


def pair_images(
    truth: GroundTruth,
    predictions: Sequence[Mapping[str, Any]],
    *,
    kind: Kind,
    threshold: float,
    image_ids: Sequence[int] | None = None,
) -> list[ImagePairs]:
    """The pairs of every image of `truth`, or of those in `image_ids`, in this order.

    `predictions` are COCO result dictionaries with the category ids of `truth`; those of other
    images and classes are left out, and with `kind` "mask" so are objects without a mask.
    """
    found_in, objects_in = defaultdict(list), defaultdict(list)
    for row in predictions:
        if row["score"] >= threshold and row["category_id"] in truth.categories:
            found_in[row["image_id"]].append(dict(row))
    for thing in truth.objects:
        if kind == "box" or thing["segmentation"] is not None:
            objects_in[thing["image_id"]].append(thing)
    wanted = truth.sizes if image_ids is None else image_ids
    return [_paired(key, found_in[key], objects_in[key], kind) for key in wanted]


def _paired(image_id: int, found: Rows, objects: Rows, kind: Kind) -> ImagePairs:
    found = sorted(found, key=lambda row: -row["score"])
    crowd = [row for row in objects if row["iscrowd"]]
    things = [row for row in objects if not row["iscrowd"]]
    ious = _overlaps(found, things, kind, is_crowd=False)
    taken = _taken(found, things, ious)
    pairs = [
        Pair(row, things[column], float(ious[line, column]))
        for line, (row, column) in enumerate(zip(found, taken, strict=True))
        if column is not None
    ]
    alone = [
        Alone(row, float(iou.max(initial=0)))
        for row, iou, column in zip(found, ious, taken, strict=True)
        if column is None
    ]
    on_crowd = _overlaps([one.row for one in alone], crowd, kind, is_crowd=True) >= IOU
    false = [
        one
        for one, lies_on in zip(alone, on_crowd, strict=True)
        if not any(c["category_id"] == one.row["category_id"] for c in compress(crowd, lies_on))
    ]
    missed = [
        Alone(row, float(iou.max(initial=0)))
        for column, (row, iou) in enumerate(zip(things, ious.T, strict=True))
        if column not in taken
    ]
    return ImagePairs(image_id, tuple(pairs), tuple(false), tuple(missed))


def _taken(found: Rows, things: Rows, ious: NDArray[np.float64]) -> list[int | None]:
    """The object of each detection, which come with the highest score first."""
    is_free = np.ones(len(things), dtype=bool)
    classes = np.array([row["category_id"] for row in things])
    taken: list[int | None] = []
    for row, iou in zip(found, ious, strict=True):
        open_ious = np.where(is_free, iou, 0)
        best = np.flatnonzero(open_ious == open_ious.max(initial=IOU))
        own = best[classes[best] == row["category_id"]] if len(best) else best
        taken.append(int((own if len(own) else best)[0]) if len(best) else None)
        if taken[-1] is not None:
            is_free[taken[-1]] = False
    return taken


def _overlaps(found: Rows, objects: Rows, kind: Kind, is_crowd: bool) -> NDArray[np.float64]:
    """IoU (D, G); with `is_crowd`, the share of each detection that lies on the region."""
    if not found or not objects:
        return np.zeros((len(found), len(objects)))
    sides: list[Any] = [[_shape(row, kind) for row in rows] for rows in (found, objects)]
    if kind == "box":
        sides = [np.array(side, dtype=np.float64) for side in sides]
    ious = np.array(coco_mask.iou(*sides, [is_crowd] * len(objects)), dtype=np.float64)
    overlaps: NDArray[np.float64] = np.nan_to_num(ious)  # what has no area overlaps nothing
    return overlaps


def _shape(row: Annotation, kind: Kind) -> Any:
    return row["bbox"] if kind == "box" else row["segmentation"]

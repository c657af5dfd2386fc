"""Pairs of detections and objects of any class, for the confusion matrix and for pictures.

In every image, the detections with a score of the threshold or more are taken in order of score.
Each is paired with the free object that it overlaps most, if the IoU is 0.5 or more; of two equal
overlaps, with that of its own class. Classes do not matter otherwise: a detection of the wrong
class is one mistake, not one missed object and one false detection as in average precision. A
detection without an object that lies on a crowd region of its class is left out. One that lies on
an object which was found as another class already is a twin: it counts as false, but the confusion
matrix does not call it background.

The confusion matrix of hotcoco is equal, cell by cell, where there is no crowd region (a test on
the three real sets). With crowd regions, it counts detections on them as false: for boxes of
coco_mini 16 of 687 counts differ. It does not return the pairs, which pictures are made from.
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
    """A detection and its object."""

    detection: Annotation
    true_object: Annotation
    iou: float

    @property
    def is_right(self) -> bool:
        """Return whether the class is the same."""
        return bool(self.detection["category_id"] == self.true_object["category_id"])


class Unpaired(NamedTuple):
    """A detection without an object, or an object without a detection."""

    row: Annotation
    iou: float  # the highest with any object or detection of the image, paired or not
    is_twin: bool = False  # a detection on an object that was found as another class already


@dataclass(frozen=True, slots=True)
class ImagePairs:
    """One image: its pairs, false detections and missed objects."""

    image_id: int
    pairs: tuple[Pair, ...]
    false: tuple[Unpaired, ...]  # detections without an object, the highest score first
    missed: tuple[Unpaired, ...]  # objects without a detection

    @property
    def num_objects(self) -> int:
        """Number of objects, without crowd regions."""
        return len(self.pairs) + len(self.missed)

    @property
    def num_found(self) -> int:
        """Number of detections, without those on crowd regions."""
        return len(self.pairs) + len(self.false)

    @property
    def num_mistakes(self) -> int:
        """Number of missed objects, false detections, and pairs of different classes."""
        return len(self.pairs) - self.num_right + len(self.false) + len(self.missed)

    @property
    def num_twins(self) -> int:
        """Number of detections on an object that was found as another class already."""
        return sum(detection.is_twin for detection in self.false)

    @property
    def num_right(self) -> int:
        """Number of objects that are found with the right class."""
        return sum(pair.is_right for pair in self.pairs)

    @property
    def f1(self) -> float:
        """F1 of this image in [0, 1]; 1 without objects and detections."""
        count = self.num_objects + self.num_found
        return 2 * self.num_right / count if count else 1.0

    @property
    def mean_iou(self) -> float:
        """Mean IoU of the right pairs; 0 without any."""
        right = [pair.iou for pair in self.pairs if pair.is_right]
        return sum(right) / len(right) if right else 0.0

    @property
    def quality(self) -> float:
        """F1 times the mean IoU: the share of found objects, and the fit of their outlines."""
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
    detections_in, objects_in = defaultdict(list), defaultdict(list)
    for row in predictions:
        if row["score"] >= threshold and row["category_id"] in truth.categories:
            detections_in[row["image_id"]].append(dict(row))
    for true_object in truth.objects:
        if kind == "box" or true_object["segmentation"] is not None:
            objects_in[true_object["image_id"]].append(true_object)
    chosen = truth.sizes if image_ids is None else image_ids
    return [_paired(key, detections_in[key], objects_in[key], kind) for key in chosen]


def _paired(image_id: int, detections: Rows, objects: Rows, kind: Kind) -> ImagePairs:
    detections = sorted(detections, key=lambda row: -row["score"])
    crowd = [row for row in objects if row["iscrowd"]]
    true_objects = [row for row in objects if not row["iscrowd"]]
    ious = _overlaps(detections, true_objects, kind, is_crowd=False)
    matches = _match_rows(detections, true_objects, ious)
    pairs = [
        Pair(row, true_objects[column], float(ious[line, column]))
        for line, (row, column) in enumerate(zip(detections, matches, strict=True))
        if column is not None
    ]
    found_as = {
        column: row["category_id"]
        for row, column in zip(detections, matches, strict=True)
        if column is not None
    }
    unpaired = [
        Unpaired(row, float(iou.max(initial=0)), _is_twin(row, iou, found_as))
        for row, iou, column in zip(detections, ious, matches, strict=True)
        if column is None
    ]
    on_crowd = (
        _overlaps([detection.row for detection in unpaired], crowd, kind, is_crowd=True) >= IOU
    )
    false = [
        detection
        for detection, lies_on in zip(unpaired, on_crowd, strict=True)
        if not any(
            c["category_id"] == detection.row["category_id"] for c in compress(crowd, lies_on)
        )
    ]
    missed = [
        Unpaired(row, float(iou.max(initial=0)))
        for column, (row, iou) in enumerate(zip(true_objects, ious.T, strict=True))
        if column not in matches
    ]
    return ImagePairs(image_id, tuple(pairs), tuple(false), tuple(missed))


def _is_twin(row: Annotation, iou: NDArray[np.float64], found_as: Mapping[int, int]) -> bool:
    """Return whether a detection lies on an object that one of another class was paired with."""
    return any(
        found_as.get(column, row["category_id"]) != row["category_id"]
        for column in np.flatnonzero(iou >= IOU).tolist()
    )


def _match_rows(
    detections: Rows, true_objects: Rows, ious: NDArray[np.float64]
) -> list[int | None]:
    """Index of the object of each detection; detections are in order of score."""
    is_free = np.ones(len(true_objects), dtype=bool)
    classes = np.array([row["category_id"] for row in true_objects])
    matches: list[int | None] = []
    for row, iou in zip(detections, ious, strict=True):
        open_ious = np.where(is_free, iou, 0)
        best = np.flatnonzero(open_ious == open_ious.max(initial=IOU))
        of_class = best[classes[best] == row["category_id"]] if len(best) else best
        matches.append(int((of_class if len(of_class) else best)[0]) if len(best) else None)
        if matches[-1] is not None:
            is_free[matches[-1]] = False
    return matches


def _overlaps(detections: Rows, objects: Rows, kind: Kind, is_crowd: bool) -> NDArray[np.float64]:
    """IoU (D, G); with `is_crowd`, the share of each detection that lies on the region."""
    if not detections or not objects:
        return np.zeros((len(detections), len(objects)))
    sides: list[Any] = [[_shape(row, kind) for row in rows] for rows in (detections, objects)]
    if kind == "box":
        sides = [np.array(side, dtype=np.float64) for side in sides]
    ious = np.array(coco_mask.iou(*sides, [is_crowd] * len(objects)), dtype=np.float64)
    overlaps: NDArray[np.float64] = np.nan_to_num(ious)  # 0 for objects without area
    return overlaps


def _shape(row: Annotation, kind: Kind) -> Any:
    return row["bbox"] if kind == "box" else row["segmentation"]

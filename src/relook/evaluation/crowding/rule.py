"""Definition of huddled objects, and of the images that have them.

The overlap o of an object is its highest overlap with another object of its image, 0 without
another; the object is huddled if o > T_O. p of an image is the share of its objects that are
huddled, and S(T_O, T_P) are the images that have objects and p > T_P. Both comparisons are strict:
S(-1, 0) are all images with objects, and S(0, 0) only those with overlapping objects. Crowd regions
are no objects here. The paper of DSC does not define its measure of overlap; the measure, and
whether objects of other classes count, are therefore fields of `HuddleRule`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ...data.neighbours import highest_overlaps
from ...errors import DataError, UsageError
from ..ground_truth import Annotation, GroundTruth

OVERLAPS = (-1.0, 0.0, 0.1, 0.2, 0.3, 0.4)  # T_O
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4)  # T_P

OverlapKind = Literal["iou", "ioa", "mask"]


@dataclass(frozen=True, slots=True)
class HuddleRule:
    """Rule for huddled objects: the measure of overlap, and the cells that get a number.

    `overlap` is the IoU of boxes, the intersection of boxes over the area of the object's own
    ("ioa"), or the IoU of masks; `same_class` compares objects of one class only.
    """

    overlap: OverlapKind = "iou"
    same_class: bool = False
    min_images: int = 20  # fewer give no average precision
    resamples: int = 1000  # of the images, for the intervals
    seed: int = 0

    def __post_init__(self) -> None:
        if self.overlap not in get_args(OverlapKind):
            kinds = ", ".join(get_args(OverlapKind))
            raise UsageError("U03", f"overlap is {self.overlap!r}; it must be one of: {kinds}.")
        for name in ("min_images", "resamples"):
            if getattr(self, name) < 1:
                raise UsageError("U03", f"{name} is {getattr(self, name)}; it must be at least 1.")


@dataclass(frozen=True, slots=True, eq=False)
class Huddles:
    """The overlap of every object of a ground truth."""

    overlaps: Mapping[int, float]  # object id -> o in [0, 1]
    by_image: Mapping[int, NDArray[np.float64]]  # image id -> (G,) overlaps, G at least 1

    def images(self, overlap: float, share: float) -> list[int]:
        """Ids of the images S(overlap, share): those with more than this share of objects whose
        overlap is higher than `overlap`."""
        return [key for key, values in self.by_image.items() if np.mean(values > overlap) > share]

    def objects(self, overlap: float) -> set[int]:
        """Ids of the objects whose overlap is higher than `overlap`."""
        return {key for key, value in self.overlaps.items() if value > overlap}


def find_huddles(truth: GroundTruth, rule: HuddleRule) -> Huddles:
    """The overlaps of the objects of `truth`, measured by `rule`.

    Raises:
        DataError: D09 when masks are to be compared and an object has none.
    """
    of_image: dict[int, list[Annotation]] = defaultdict(list)
    for row in truth.objects:
        if not row["iscrowd"]:
            of_image[row["image_id"]].append(row)
    if rule.overlap == "mask" and any(
        row["segmentation"] is None for rows in of_image.values() for row in rows
    ):
        raise DataError(
            "D09",
            f"{truth.name}: not every object has a mask, so that huddles cannot be found by the "
            "overlap of masks. Measure that of boxes: iou or ioa.",
        )
    by_image = {key: _highest(rows, rule) for key, rows in of_image.items()}
    overlaps = {
        row["id"]: value
        for key, rows in of_image.items()
        for row, value in zip(rows, by_image[key].tolist(), strict=True)
    }
    return Huddles(overlaps, by_image)


def _highest(rows: Sequence[Annotation], rule: HuddleRule) -> NDArray[np.float64]:
    """The highest overlap (G,) of each object of one image with another."""
    outlines: Any = [row["segmentation"] for row in rows]
    if rule.overlap != "mask":
        outlines = np.array([row["bbox"] for row in rows], dtype=np.float64)
    labels = [row["category_id"] for row in rows] if rule.same_class else None
    return highest_overlaps(outlines, own_area=rule.overlap == "ioa", labels=labels)

"""pycocotools' evaluation, with a matching that is several times faster in crowded images.

pycocotools compares every detection with every object at each of ten thresholds and four size
ranges, in Python. Nearly all of these pairs do not overlap. Only overlapping pairs are visited
here, in the same order, which gives the same matches (a test compares the two).

hotcoco's evaluator gives the same arrays and matches, bit for bit (a test on the three real sets);
`Evaluator` asks it first. It cannot leave out objects by id and does not return its overlaps, which
`matches_again` needs.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.cocoeval import COCOeval

Pairs = dict[int, list[tuple[int, float]]]  # detection -> its (object, IoU), objects ascending


class FastCOCOeval(COCOeval):  # type: ignore[misc, unused-ignore]
    """`COCOeval` for boxes and masks, same numbers; ids of objects and detections start at 1."""

    def evaluateImg(
        self, imgId: int, catId: int, aRng: list[float], maxDet: int
    ) -> dict[str, Any] | None:
        """Matches of one class in one image for the objects whose area is within `aRng`."""
        objects, detections = self._gts[imgId, catId], self._dts[imgId, catId]
        if not objects and not detections:
            return None
        is_ignored = np.array(
            [bool(row["ignore"]) or not aRng[0] <= row["area"] <= aRng[1] for row in objects],
            dtype=bool,
        )
        order = np.argsort(is_ignored, kind="stable")  # objects to be ignored come last
        objects, is_ignored = [objects[i] for i in order], is_ignored[order]
        by_score = np.argsort([-row["score"] for row in detections], kind="stable")[:maxDet]
        detections = [detections[i] for i in by_score]
        thresholds = self.params.iouThrs
        object_of, detection_of, is_ignored_detection = _match(
            self.ious[imgId, catId], order, objects, is_ignored, detections, thresholds
        )
        is_outside = np.array(
            [not aRng[0] <= row["area"] <= aRng[1] for row in detections], dtype=bool
        )
        return {
            "image_id": imgId,
            "category_id": catId,
            "aRng": aRng,
            "maxDet": maxDet,
            "dtIds": [row["id"] for row in detections],
            "gtIds": [row["id"] for row in objects],
            "dtMatches": object_of,
            "gtMatches": detection_of,
            "dtScores": [row["score"] for row in detections],
            "gtIgnore": is_ignored.astype(np.int64),
            "dtIgnore": is_ignored_detection | ((object_of == 0) & is_outside),
        }

    def find_overlaps(self) -> None:
        """Find the overlaps alone, which is what `matches_again` needs."""
        params = self.params
        self._prepare()
        of = self.computeIoU
        self.ious = {(i, k): of(i, k) for i in params.imgIds for k in params.catIds}

    def matches_again(
        self, ignored: Collection[int] = (), size: str = "all"
    ) -> list[dict[str, Any] | None]:
        """Matches of `evaluateImg` once more: by class, and within a class by image.

        They are those of objects of one `size`: all, small, medium or large. Objects with an id in
        `ignored` do not count, like objects of another size. Detections without an object do not
        count where the object that they overlap most is ignored. The overlaps are those of
        `find_overlaps` or `evaluate`, one of which has to be called before.
        """
        for rows in self._gts.values():
            for row in rows:
                row["ignore"] = bool(row["iscrowd"]) or row["id"] in ignored
        params = self.params
        area_range = params.areaRng[params.areaRngLbl.index(size)]
        matches = []
        for category_id in params.catIds:
            for image_id in params.imgIds:
                row = self.evaluateImg(image_id, category_id, area_range, params.maxDets[-1])
                ious = np.asarray(self.ious[image_id, category_id])
                if ignored and row is not None and ious.size:
                    closest = np.array(
                        [true_object["id"] for true_object in self._gts[image_id, category_id]]
                    )
                    belongs = np.isin(closest[ious.argmax(axis=1)], list(ignored))
                    belongs &= ious.max(axis=1) > 0
                    row["dtIgnore"] |= belongs & (row["dtMatches"] == 0)
                matches.append(row)
        return matches


def _match(
    ious: Any,
    order: NDArray[np.int64],
    objects: list[dict[str, Any]],
    is_ignored: NDArray[np.bool_],
    detections: list[dict[str, Any]],
    thresholds: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Per threshold: id of each detection's object, of each object's detection, and "ignore"."""
    object_of = np.zeros((len(thresholds), len(detections)))
    detection_of = np.zeros((len(thresholds), len(objects)))
    is_ignored_detection = np.zeros((len(thresholds), len(detections)), dtype=bool)
    if len(ious) > 0:
        pairs = _overlapping(np.asarray(ious)[:, order], float(thresholds.min()))
        ignored, crowd = is_ignored.tolist(), [bool(row["iscrowd"]) for row in objects]
        for level, threshold in enumerate(thresholds.tolist()):
            for row, column in _greedy(pairs, threshold, ignored, crowd):
                object_of[level, row] = objects[column]["id"]
                detection_of[level, column] = detections[row]["id"]
                is_ignored_detection[level, row] = ignored[column]
    return object_of, detection_of, is_ignored_detection


def _overlapping(ious: NDArray[np.float64], lowest: float) -> Pairs:
    """The pairs that can match at any threshold."""
    rows, columns = np.nonzero(ious >= min(lowest, 1 - 1e-10))
    pairs: Pairs = {}
    for row, column, iou in zip(
        rows.tolist(), columns.tolist(), ious[rows, columns].tolist(), strict=True
    ):
        pairs.setdefault(row, []).append((column, iou))
    return pairs


def _greedy(
    pairs: Pairs, threshold: float, ignored: list[bool], crowd: list[bool]
) -> list[tuple[int, int]]:
    """(detection, object) in order of score: the best free object with an IoU of the threshold.

    An object that counts is preferred to an ignored one, and a crowd region can be matched several
    times. Of two equal overlaps the later object is taken, as in pycocotools.
    """
    matches: list[tuple[int, int]] = []
    is_taken = [False] * len(ignored)
    for row, candidates in pairs.items():
        best_iou, best = min(threshold, 1 - 1e-10), -1
        for column, iou in candidates:
            if is_taken[column] and not crowd[column]:
                continue
            if best >= 0 and ignored[column] and not ignored[best]:
                break
            if iou >= best_iou:
                best_iou, best = iou, column
        if best >= 0:
            is_taken[best] = True
            matches.append((row, best))
    return matches

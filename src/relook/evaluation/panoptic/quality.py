"""Panoptic quality, from its definition (Kirillov et al., "Panoptic Segmentation", 2019).

Segments of one class match when their IoU is above 0.5; since segments do not overlap, no segment
can have two matches. Three rules are COCO's: pixels of a predicted segment that are void in the
ground truth do not count for its union; a crowd region neither matches nor is missed; and a
predicted segment that lies on void and on crowds of its class by more than half is no false
positive.

Where the ground truth has several crowd regions of one class in an image, all of them count for
the last rule. hotcoco counts one of them only, and is therefore not used; otherwise its counts
and sums of IoU are equal (a test on the real maps of coco_mini).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.panoptic.png import check_ids
from ...errors import DataError
from ...ops.id_runs import id_runs, sum_by
from ...structures.panoptic import VOID, PanopticCategory, PanopticMap
from .scores import ClassQuality, PanopticScores

Numbers = NDArray[np.int64]


class PanopticQuality:
    """Panoptic quality: counts of matches, missed and false segments, added image by image."""

    def __init__(self, categories: Sequence[PanopticCategory]) -> None:
        self._categories = tuple(categories)
        self._rows = {category.id: row for row, category in enumerate(categories)}
        self._counts = np.zeros((len(categories), 3), dtype=np.int64)  # tp, fp, fn
        self._iou = np.zeros(len(categories))
        self._num_images = 0

    def add(self, truth: PanopticMap, predicted: PanopticMap, where: str = "an image") -> None:
        """Count an image; `where` names it in errors.

        Raises:
            DataError: D07 for an unknown category, D10 for maps of different sizes, D15 if a map
                and its segments disagree.
        """
        if truth.ids.shape != predicted.ids.shape:
            sizes = [f"{ids.shape[1]}x{ids.shape[0]}" for ids in (truth.ids, predicted.ids)]
            raise DataError(
                "D10",
                f"{where}: the map of the ground truth is {sizes[0]} (width x height), the one "
                f"found is {sizes[1]}. Score maps at the size of their image.",
            )
        for panoptic, side in ((truth, "ground truth"), (predicted, "found")):
            check_ids(panoptic.ids, panoptic.segments, f"{where} ({side})")
        (truth_ids, predicted_ids), lengths = id_runs(truth.ids, predicted.ids)
        true_segments, predicted_segments = (
            self._segments(truth, where),
            self._segments(predicted, where),
        )
        num_predicted = len(predicted_segments.ids)
        pair = true_segments.row_of(truth_ids) * num_predicted + predicted_segments.row_of(
            predicted_ids
        )
        pairs, row = np.unique(pair, return_inverse=True)
        t, f = np.divmod(pairs, num_predicted)
        self._count(true_segments, predicted_segments, t, f, sum_by(row, lengths, len(pairs)))
        self._num_images += 1

    def scores(self) -> PanopticScores:
        """Scores of all images so far."""
        rows = zip(self._categories, self._counts.tolist(), self._iou.tolist(), strict=True)
        classes = tuple(
            ClassQuality(category.id, category.name, category.is_thing, tp, fp, fn, iou)
            for category, (tp, fp, fn), iou in rows
        )
        return PanopticScores(classes, self._num_images)

    def _count(
        self,
        true_segments: _Segments,
        predicted_segments: _Segments,
        t: Numbers,
        f: Numbers,
        shared: Numbers,
    ) -> None:
        """Count the pairs of true segments `t` and predicted ones `f` with `shared` pixels."""
        true_areas = sum_by(t, shared, len(true_segments.ids))
        found_areas = sum_by(f, shared, len(predicted_segments.ids))
        is_void = t == 0
        is_same = ~is_void & (f > 0) & (true_segments.classes[t] == predicted_segments.classes[f])
        is_crowd = is_same & true_segments.is_crowd[t]
        on_void = sum_by(f[is_void], shared[is_void], len(predicted_segments.ids))
        on_crowd = sum_by(f[is_crowd], shared[is_crowd], len(predicted_segments.ids))

        union = true_areas[t] + found_areas[f] - shared - on_void[f]
        is_match = is_same & ~is_crowd & (2 * shared > union)
        is_missed, is_false = ~true_segments.is_crowd, 2 * (on_void + on_crowd) <= found_areas
        is_missed[t[is_match]] = is_false[f[is_match]] = False
        is_missed[0] = is_false[0] = False  # void
        matched = true_segments.classes[t[is_match]]
        np.add.at(self._iou, matched, shared[is_match] / union[is_match])
        np.add.at(self._counts[:, 0], matched, 1)
        np.add.at(self._counts[:, 1], predicted_segments.classes[is_false], 1)
        np.add.at(self._counts[:, 2], true_segments.classes[is_missed], 1)

    def _segments(self, panoptic: PanopticMap, where: str) -> _Segments:
        unknown = [
            segment for segment in panoptic.segments if segment.category_id not in self._rows
        ]
        if unknown:
            raise DataError(
                "D07",
                f"{where}: segment {unknown[0].id} has category_id {unknown[0].category_id}, "
                f"which is none of the {len(self._rows)} categories that are scored.",
            )
        return _Segments(panoptic, self._rows)


class _Segments:
    """The segments of a map as arrays by ascending id; row 0 is void."""

    def __init__(self, panoptic: PanopticMap, rows: dict[int, int]) -> None:
        segments = sorted(panoptic.segments, key=lambda segment: segment.id)
        self.ids = np.array([VOID, *(segment.id for segment in segments)], dtype=np.int64)
        self.classes = np.array(
            [-1, *(rows[segment.category_id] for segment in segments)], dtype=np.int64
        )
        self.is_crowd = np.array([False, *(segment.is_crowd for segment in segments)], dtype=bool)

    def row_of(self, ids: NDArray[np.integer[Any]]) -> Numbers:
        """Rows of `ids` (N,), all of which exist."""
        return np.searchsorted(self.ids, ids)

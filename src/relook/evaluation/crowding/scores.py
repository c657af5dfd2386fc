"""Scores of detections of huddled objects: by images and by objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ..evaluator import Evaluator
from ..ground_truth import GroundTruth
from ..statistics.weighted_precision import (
    average_precision,
    gather_matches,
    interval,
    resample_weights,
)
from .rule import OVERLAPS, SHARES, HuddleRule, Huddles, find_huddles


@dataclass(frozen=True, slots=True, eq=False)
class HuddleAp:
    """Average precision of boxes or of masks in [0, 1], or the difference of two.

    O thresholds of overlap (`OVERLAPS`), P shares (`SHARES`), B resamples.
    """

    images: NDArray[np.float64]  # (O, P) of S(T_O, T_P); nan for fewer images than `min_images`
    objects: NDArray[np.float64]  # (O,) of objects with an overlap over T_O; nan if there is none
    resampled: NDArray[np.float64]  # (O, B) the same on resamples of the images

    def interval(self, row: int) -> tuple[float, float]:
        """The 95 % interval of `objects[row]` over resamples of the images; nan if it is nan."""
        if np.isnan(self.objects[row]):
            return float("nan"), float("nan")
        return interval(self.resampled[row])

    def minus(self, other: HuddleAp) -> HuddleAp:
        """Return self minus `other`, resample by resample, so that the intervals are paired."""
        return HuddleAp(
            self.images - other.images,
            self.objects - other.objects,
            self.resampled - other.resampled,
        )

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary for json, with None for nan."""
        intervals = [self.interval(row) for row in range(len(OVERLAPS))]
        return {
            "ap_of_images": _without_nan(self.images),
            "ap_of_objects": _without_nan(self.objects),
            "intervals_of_objects": _without_nan(np.array(intervals)),
        }


@dataclass(frozen=True, slots=True, eq=False)
class HuddleScores:
    """Average precision over the thresholds T_O and T_P, or its difference of two models."""

    rule: HuddleRule
    num_images: NDArray[np.int64]  # (O, P) in S(T_O, T_P)
    num_objects: NDArray[np.int64]  # (O,) with an overlap over T_O
    box: HuddleAp
    mask: HuddleAp | None  # None when the ground truth or the detections have no masks
    is_difference: bool = False

    def minus(self, other: HuddleScores) -> HuddleScores:
        """Return self minus `other`, cell by cell; masks where both have them.

        Raises:
            UsageError: U04 when the two have different images, or different rules for huddles.
        """
        is_same = self.rule == other.rule and all(
            np.array_equal(own, theirs)
            for own, theirs in (
                (self.num_images, other.num_images),
                (self.num_objects, other.num_objects),
            )
        )
        if not is_same or self.box.resampled.shape != other.box.resampled.shape:
            raise UsageError(
                "U04",
                "the two evaluations are of other images, or measure huddles in another way, so "
                "that their difference has no meaning. Evaluate both on the same file by one rule.",
            )
        mask = None
        if self.mask is not None and other.mask is not None:
            mask = self.mask.minus(other.mask)
        return replace(self, box=self.box.minus(other.box), mask=mask, is_difference=True)

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary for json, with None for nan; rows are T_O, columns T_P."""
        return {
            "overlap": self.rule.overlap,
            "same_class": self.rule.same_class,
            "resamples": self.rule.resamples,
            "is_difference": self.is_difference,
            "overlap_thresholds": list(OVERLAPS),
            "share_thresholds": list(SHARES),
            "images": self.num_images.tolist(),
            "objects": self.num_objects.tolist(),
            "box": self.box.to_json(),
            "mask": None if self.mask is None else self.mask.to_json(),
        }


def score_huddles(
    truth: GroundTruth, evaluators: Sequence[Evaluator], rule: HuddleRule
) -> HuddleScores:
    """The numbers of the matches of `evaluators`: one of boxes, and one of masks or none.

    For average precision by images, all of their objects and detections count. For average
    precision by objects, a detection is neither right nor wrong where the object that it overlaps
    most is not huddled enough; otherwise the number would depend on the other objects of the
    image. A detection on no object is wrong in every image. Resamples draw as many images as
    there are, with replacement; the same seed draws the same ones for every model.

    Raises:
        DataError: D09 when masks are to be compared and an object has none.
    """
    huddles = find_huddles(truth, rule)
    cells = [[huddles.images(overlap, share) for share in SHARES] for overlap in OVERLAPS]
    parts = [_score(evaluator, huddles, cells, rule) for evaluator in evaluators]
    return HuddleScores(
        rule=rule,
        num_images=np.array([[len(cell) for cell in row] for row in cells]),
        num_objects=np.array([len(huddles.objects(overlap)) for overlap in OVERLAPS]),
        box=parts[0],
        mask=parts[1] if len(parts) > 1 else None,
    )


def _score(
    evaluator: Evaluator,
    huddles: Huddles,
    cells: Sequence[Sequence[list[int]]],
    rule: HuddleRule,
) -> HuddleAp:
    ids, recalls = evaluator.params.imgIds, evaluator.params.recThrs
    all_matches = gather_matches(evaluator, evaluator.matches_again())
    flat = [cell for row in cells for cell in row]
    images = average_precision(all_matches, _chosen(flat, ids), recalls)
    images[[len(cell) < rule.min_images for cell in flat]] = np.nan
    weights = resample_weights(len(ids), rule.resamples, rule.seed)
    objects = []
    for overlap in OVERLAPS:
        not_huddled = huddles.overlaps.keys() - huddles.objects(overlap)
        matches = gather_matches(evaluator, evaluator.matches_again(not_huddled))
        objects.append(average_precision(matches, weights, recalls))
    by_row = np.array(objects)
    return HuddleAp(images.reshape(len(OVERLAPS), len(SHARES)), by_row[:, 0], by_row[:, 1:])


def _chosen(cells: Sequence[list[int]], ids: Sequence[int]) -> NDArray[np.int64]:
    """Weights: 1 for the images of each cell, else 0."""
    position = {key: place for place, key in enumerate(ids)}
    weights = np.zeros((len(cells), len(ids)), dtype=np.int64)
    for row, cell in enumerate(cells):
        weights[row, [position[key] for key in cell]] = 1
    return weights


def _without_nan(values: NDArray[np.float64]) -> Any:
    plain = values.tolist()
    if values.ndim == 1:
        return [None if value != value else value for value in plain]
    return [_without_nan(row) for row in values]

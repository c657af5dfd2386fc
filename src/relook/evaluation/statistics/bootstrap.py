"""Average precision over resamples of the images, for its intervals.

hotcoco's `compare` gives an interval of the difference of two models. It gives no resamples, which
means over seeds need, and no interval for groups or huddled objects. Its difference is equal, and
its spread is smaller: 0.73 (mushrooms) to 0.95 (coco_mini) times that of mask AP here. On images
drawn with their copies, hotcoco's own evaluator gives the numbers here (a test).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ..crowding.rule import HuddleRule, find_huddles
from ..evaluator import Evaluator
from ..ground_truth import GroundTruth
from .weighted_precision import (
    Resampled,
    average_precision,
    gather_matches,
    only_images,
    precision_by_threshold,
    resample_weights,
)

HUDDLED = 0.2  # IoU of boxes with another object, above which an object counts as huddled
THRESHOLDS = {"ap50": 0.5, "ap75": 0.75}
SIZES = ("small", "medium", "large")
MEASURES = ("ap", *THRESHOLDS, *(f"ap_{size}" for size in SIZES), "ap_huddled")


@dataclass(frozen=True, slots=True)
class Resampling:
    """Rule of resampling: the number of resamples, and groups of images with their own number."""

    resamples: int = 1000
    seed: int = 0
    groups: Mapping[str, Collection[int]] = field(default_factory=dict)  # name -> ids of images

    def __post_init__(self) -> None:
        if self.resamples < 1:
            raise UsageError("U03", f"resamples is {self.resamples}; it must be at least 1.")
        common = set(self.groups) & set(MEASURES)
        if common:
            raise UsageError(
                "U03", f"a group is called {common.pop()}, as a measure is; rename it."
            )


def resample(truth: GroundTruth, evaluators: Sequence[Evaluator], rule: Resampling) -> Resampled:
    """The numbers of the matches of `evaluators`: one of boxes, and one of masks or none.

    The same `rule` draws the same images for every model, so that differences are paired. An
    object is huddled if it overlaps another by more than `HUDDLED`; detections of other objects
    are neither right nor wrong (`crowding.scores.score_huddles`).
    """
    huddles = find_huddles(truth, HuddleRule())
    not_huddled = huddles.overlaps.keys() - huddles.objects(HUDDLED)
    kinds = ("box", "mask")
    return {
        kind: _resampled(evaluator, not_huddled, rule)
        for kind, evaluator in zip(kinds, evaluators, strict=False)
    }


def _resampled(
    evaluator: Evaluator, not_huddled: Collection[int], rule: Resampling
) -> dict[str, NDArray[np.float64]]:
    params = evaluator.params
    ids, recalls, thresholds = params.imgIds, params.recThrs, params.iouThrs
    weights = resample_weights(len(ids), rule.resamples, rule.seed)
    all_matches = gather_matches(evaluator, evaluator.matches_again())
    by_threshold = precision_by_threshold(all_matches, weights, recalls)
    by_name = {"ap": by_threshold.mean(axis=1)}
    for name, threshold in THRESHOLDS.items():
        by_name[name] = by_threshold[:, int(np.abs(thresholds - threshold).argmin())]
    for size in SIZES:
        matches = gather_matches(evaluator, evaluator.matches_again(size=size))
        by_name[f"ap_{size}"] = average_precision(matches, weights, recalls)
    huddled = gather_matches(evaluator, evaluator.matches_again(not_huddled))
    by_name["ap_huddled"] = average_precision(huddled, weights, recalls)
    for name, images in rule.groups.items():
        part = only_images(all_matches, np.isin(ids, list(images)))
        by_name[name] = average_precision(part, weights, recalls)
    return by_name

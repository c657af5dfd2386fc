"""Average precision and recall by the COCO rules, for boxes and for masks.

pycocotools' own summary is fixed at 100 detections an image, which is fewer than the objects of a
crowded image. Here every number is taken from its precision and recall arrays at the chosen limit.
At 100, the twelve numbers are those of pycocotools, bit for bit.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, UsageError
from ..inference.results import ClassLike
from ..runtime.memory import collection_paused
from .crowding.rule import HuddleRule
from .crowding.table import crowding_section
from .curves import Curves
from .detections import Detections, read_detections, unknown_image
from .evaluator import Evaluator, IouType
from .ground_truth import Annotation, GroundTruth, read_ground_truth
from .metrics import ClassScore, Metrics, Scores
from .statistics.bootstrap import Resampling, resample

SMALL, LARGE = 32**2, 96**2  # pixels of area


@collection_paused()
def evaluate_coco(
    ground_truth: Path | str | Mapping[str, Any] | GroundTruth,
    predictions: Sequence[Mapping[str, Any]],
    *,
    max_dets: int = 100,
    iou_types: Sequence[IouType] = ("bbox", "segm"),
    classes: Sequence[ClassLike] | None = None,
    image_ids: Collection[int] | None = None,
    sizes: Mapping[int, tuple[int, int]] | None = None,
    count_from: float | None = None,
    huddles: HuddleRule | None = None,
    resampling: Resampling | None = None,
) -> Metrics:
    """Metrics of COCO result dictionaries (image_id, category_id, bbox, score, segmentation).

    `classes` are the categories of the predictions' ids; they are matched with the file's
    categories by name. Without it, the ids are the file's own. `image_ids` limits the evaluation
    to these images; `sizes` is (height, width) by image id, for files without it. Masks are
    evaluated when "segm" is in `iou_types` and both sides have them; predicted masks must come
    from this process or be trusted. `count_from` is a score threshold at which objects are
    counted, besides the best one. With `huddles` there are also numbers by overlap of objects,
    with `resampling` those of resamples of the images.

    Raises `DataError` D11 when there is no image, D13 when the classes or the images do not fit
    the file, D09 when only some predictions have masks, and `UsageError` U03 for a `max_dets`
    below 1. Nothing passed in is changed.
    """
    if max_dets < 1:
        raise UsageError("U03", f"max_dets is {max_dets}; at least 1 detection must count.")
    truth = ground_truth
    if not isinstance(truth, GroundTruth):
        truth = read_ground_truth(truth, sizes)
    truth = _narrow(truth, image_ids)
    skipped = Counter(truth.skipped)
    ids = _category_ids(truth, classes)
    detections = read_detections(truth, predictions, ids, image_ids, skipped)
    with_masks = "segm" in iou_types and truth.has_masks and detections.have_masks
    evaluators = [Evaluator(truth, truth.objects, detections, "bbox", max_dets)]
    box, mask = _scores(evaluators[0], truth, truth.objects, detections), None
    if with_masks:
        objects = tuple(row for row in truth.objects if row["segmentation"] is not None)
        if len(objects) < len(truth.objects):
            reason = "objects without a mask (in the mask numbers only)"
            skipped[reason] += len(truth.objects) - len(objects)
        evaluators.append(Evaluator(truth, objects, detections, "segm", max_dets))
        mask = _scores(evaluators[1], truth, objects, detections)
    curve = evaluators[-1].counting_curve()
    counted = [row for row in truth.objects if not row["iscrowd"]]
    return Metrics(
        box=box,
        mask=mask,
        max_dets=max_dets,
        num_images=len(truth.sizes),
        num_objects=len(counted),
        num_crowd=len(truth.objects) - len(counted),
        num_detections=len(detections),
        sizes=_count_sizes(counted),
        skipped=dict(skipped),
        counting=None if count_from is None else curve.at(count_from),
        best_counting=curve.best(),
        curves=Curves.from_evaluator(evaluators[-1], curve),
        sections=() if huddles is None else (crowding_section(truth, evaluators, huddles),),
        resampled=None if resampling is None else resample(truth, evaluators, resampling),
    )


def _count_sizes(objects: Sequence[Annotation]) -> dict[str, int]:
    # Both bounds belong to both sizes, as in pycocotools; here each object is counted once.
    sizes = Counter(
        "small" if row["area"] < SMALL else "medium" if row["area"] < LARGE else "large"
        for row in objects
    )
    return {name: sizes[name] for name in ("small", "medium", "large")}


def _narrow(truth: GroundTruth, image_ids: Collection[int] | None) -> GroundTruth:
    """`truth` of some of its images only; all of them for None."""
    if image_ids is not None:
        unknown = sorted(set(image_ids) - set(truth.sizes))
        if unknown:
            raise unknown_image(truth, unknown[0])
        chosen = set(image_ids)
        truth = replace(
            truth,
            sizes={key: size for key, size in truth.sizes.items() if key in chosen},
            objects=tuple(row for row in truth.objects if row["image_id"] in chosen),
        )
    if not truth.sizes:
        raise DataError(
            "D11",
            f"{truth.name}: there are no images, so nothing can be evaluated. Give another file.",
        )
    return truth


def _category_ids(truth: GroundTruth, classes: Sequence[ClassLike] | None) -> dict[int, int | None]:
    """Category id of a prediction -> that of the file; None for a class the file does not have."""
    if classes is None:
        return {category_id: category_id for category_id in truth.categories}
    names = Counter(truth.categories.values())
    by_name = {name: key for key, name in truth.categories.items() if names[name] == 1}
    result: dict[int, int | None] = {}
    for item in classes:
        if truth.categories.get(item.id) == item.name:
            result[item.id] = item.id
        else:
            result[item.id] = by_name.get(item.name)
    if classes and all(value is None for value in result.values()):
        of_file = ", ".join(list(truth.categories.values())[:5])
        of_model = ", ".join(item.name for item in list(classes)[:5])
        raise DataError(
            "D13",
            f"{truth.name}: has the classes {of_file}, and the predictions are of {of_model}: "
            "none in common, so every number would be zero. Rename the categories of the file.",
        )
    return result


def _scores(
    evaluator: Evaluator,
    truth: GroundTruth,
    objects: Sequence[Annotation],
    detections: Detections,
) -> Scores:
    # Axes: threshold, recall, class, size, limit; and the same without recall.
    precision, recall = evaluator.precision, evaluator.recall
    num_objects = Counter(row["category_id"] for row in objects if not row["iscrowd"])
    num_detections = Counter(detections.category_ids)
    thresholds = evaluator.params.iouThrs
    half, three_quarters = thresholds == 0.5, thresholds == 0.75
    return Scores(
        ap=_mean(precision[:, :, :, 0, 2]),
        ap50=_mean(precision[half, :, :, 0, 2]),
        ap75=_mean(precision[three_quarters, :, :, 0, 2]),
        ap_small=_mean(precision[:, :, :, 1, 2]),
        ap_medium=_mean(precision[:, :, :, 2, 2]),
        ap_large=_mean(precision[:, :, :, 3, 2]),
        ar_1=_mean(recall[:, :, 0, 0]),
        ar_10=_mean(recall[:, :, 0, 1]),
        ar_n=_mean(recall[:, :, 0, 2]),
        ar_small=_mean(recall[:, :, 1, 2]),
        ar_medium=_mean(recall[:, :, 2, 2]),
        ar_large=_mean(recall[:, :, 3, 2]),
        classes=tuple(
            ClassScore(
                id=key,
                name=name,
                ap=_mean(precision[:, :, row, 0, 2]),
                ap50=_mean(precision[half, :, row, 0, 2]),
                ar=_mean(recall[:, row, 0, 2]),
                num_objects=num_objects[key],
                num_detections=num_detections[key],
            )
            for row, (key, name) in enumerate(truth.categories.items())
        ),
    )


def _mean(values: NDArray[np.float64]) -> float:
    """Mean without values of -1, which pycocotools writes where there is no such object."""
    existing = values[values > -1]
    return float(np.mean(existing)) if len(existing) else math.nan

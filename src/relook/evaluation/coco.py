"""Average precision and recall by the COCO rules, for boxes and for masks (pycocotools).

pycocotools' own summary is fixed at 100 detections an image, which is fewer than the objects of a
crowded image. Here every number is taken from its precision and recall arrays at the chosen limit.
At 100, the twelve numbers are those of pycocotools, bit for bit.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ..errors import DataError, UsageError
from ..inference.results import ClassLike
from .counting import CountingCurve
from .crowding.rule import HuddleRule
from .crowding.table import crowding_section
from .curves import Curves
from .ground_truth import Annotation, GroundTruth, predicted_rle, read_ground_truth
from .matching import FastCOCOeval
from .metrics import ClassScore, Metrics, Scores
from .statistics.bootstrap import Resampling, resample

IouType = Literal["bbox", "segm"]
SMALL, LARGE = 32**2, 96**2  # pixels of area


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
    detections = _rebuild(truth, predictions, _category_ids(truth, classes), image_ids, skipped)
    with_masks = "segm" in iou_types and truth.has_masks and _have_masks(detections)
    evaluators = [_evaluated(truth, truth.objects, detections, "bbox", max_dets)]
    box, mask = _scores(evaluators[0], truth, truth.objects, detections), None
    if with_masks:
        objects = tuple(row for row in truth.objects if row["segmentation"] is not None)
        if len(objects) < len(truth.objects):
            reason = "objects without a mask (in the mask numbers only)"
            skipped[reason] += len(truth.objects) - len(objects)
        evaluators.append(_evaluated(truth, objects, detections, "segm", max_dets))
        mask = _scores(evaluators[1], truth, objects, detections)
    curve = CountingCurve.from_evaluator(evaluators[-1])
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
            raise _unknown_image(truth, unknown[0])
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


def _unknown_image(truth: GroundTruth, image_id: object) -> DataError:
    return DataError(
        "D13",
        f"{truth.name}: a prediction is of image_id {image_id!r}, which this file does not list, "
        "so the predictions belong to other data. Evaluate them against the file they were "
        "made for.",
    )


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


def _rebuild(
    truth: GroundTruth,
    predictions: Sequence[Mapping[str, Any]],
    category_ids: Mapping[int, int | None],
    image_ids: Collection[int] | None,
    skipped: Counter[str],
) -> list[Annotation]:
    """Copies of the predictions, numbered from 1; pycocotools writes into them."""
    detections: list[Annotation] = []
    for row, prediction in enumerate(predictions):
        image_id, category_id = prediction["image_id"], prediction["category_id"]
        if image_id not in truth.sizes:
            if image_ids is None:
                raise _unknown_image(truth, image_id)
            skipped["detections in images that are not evaluated"] += 1
            continue
        if category_id not in category_ids:
            raise DataError(
                "D13",
                f"{truth.name}: prediction {row} has category_id {category_id!r}, which is none "
                "of the classes. Evaluate against the classes the model was trained with.",
            )
        of_file = category_ids[category_id]
        if of_file is None:
            skipped["detections of classes that the file does not have"] += 1
            continue
        box, score = [float(value) for value in prediction["bbox"]], float(prediction["score"])
        if not all(math.isfinite(value) for value in (*box, score)):
            skipped["detections with a box or score that is not finite"] += 1
            continue
        mask = prediction.get("segmentation")
        if mask is not None:
            mask = predicted_rle(mask, truth, image_id, row)
        detections.append(
            {
                "id": len(detections) + 1,
                "image_id": image_id,
                "category_id": of_file,
                "bbox": box,
                "score": score,
                "segmentation": mask,
            }
        )
    return detections


def _have_masks(detections: Sequence[Annotation]) -> bool:
    """Return whether the predictions have masks; also True for no predictions, which score 0."""
    missing = sum(row["segmentation"] is None for row in detections)
    if 0 < missing < len(detections):
        raise DataError(
            "D09",
            f"{missing} of {len(detections)} predictions have no mask and the others do, so the "
            "mask numbers would mean nothing. Give all of them one, or evaluate with "
            'iou_types=("bbox",) only.',
        )
    return missing == 0


def _index(truth: GroundTruth, rows: Sequence[Annotation]) -> COCO:
    """A pycocotools index of copies of `rows`."""
    coco = COCO()
    coco.dataset = {
        "images": [
            {"id": key, "height": height, "width": width}
            for key, (height, width) in truth.sizes.items()
        ],
        "categories": [{"id": key, "name": name} for key, name in truth.categories.items()],
        "annotations": [dict(row) for row in rows],
    }
    coco.createIndex()
    return coco


def _with_area(row: Annotation, iou_type: IouType) -> Annotation:
    """A detection with the area of its box or mask, whichever is compared, for its size class."""
    if iou_type == "segm":
        area = float(coco_mask.area(row["segmentation"]))
    else:
        area = row["bbox"][2] * row["bbox"][3]
    return {**row, "area": area, "iscrowd": 0}


def _evaluated(
    truth: GroundTruth,
    objects: Sequence[Annotation],
    predictions: Sequence[Annotation],
    iou_type: IouType,
    max_dets: int,
) -> FastCOCOeval:
    """An evaluator that has matched `predictions` with `objects` and accumulated."""
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        detections = [_with_area(row, iou_type) for row in predictions]
        evaluator = FastCOCOeval(_index(truth, objects), _index(truth, detections), iou_type)
        evaluator.params.maxDets = [min(1, max_dets), min(10, max_dets), max_dets]
        evaluator.evaluate()
        evaluator.accumulate()
    return evaluator


def _scores(
    evaluator: COCOeval,
    truth: GroundTruth,
    objects: Sequence[Annotation],
    detections: Sequence[Annotation],
) -> Scores:
    # Axes: threshold, recall, class, size, limit; and the same without recall.
    precision: NDArray[np.float64] = evaluator.eval["precision"]
    recall: NDArray[np.float64] = evaluator.eval["recall"]
    num_objects = Counter(row["category_id"] for row in objects if not row["iscrowd"])
    num_detections = Counter(row["category_id"] for row in detections)
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

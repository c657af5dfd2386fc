"""The predictions of an evaluation, checked, column by column."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..ops.rle import areas
from .ground_truth import Annotation, GroundTruth, predicted_rle


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N predictions, numbered from 1."""

    image_ids: list[int]
    category_ids: list[int]  # those of the ground truth
    boxes: NDArray[np.float64]  # (N, 4) x, y, width, height
    scores: NDArray[np.float64]  # (N,)
    masks: list[Annotation | None]  # compressed run lengths

    def __len__(self) -> int:
        return len(self.image_ids)

    @property
    def have_masks(self) -> bool:
        """Return whether there are masks; also True for no predictions, which score 0.

        Raises:
            DataError: D09 where only some have one.
        """
        missing = self.masks.count(None)
        if 0 < missing < len(self):
            raise DataError(
                "D09",
                f"{missing} of {len(self)} predictions have no mask and the others do, so the "
                "mask numbers would mean nothing. Give all of them one, or evaluate with "
                'iou_types=("bbox",) only.',
            )
        return missing == 0

    def areas(self, *, of_masks: bool) -> NDArray[np.float64]:
        """Areas (N,) of the masks or boxes, whichever are compared, for classes of size."""
        if of_masks:
            return areas([mask for mask in self.masks if mask is not None]).astype(np.float64)
        products: NDArray[np.float64] = self.boxes[:, 2] * self.boxes[:, 3]
        return products

    def rows(self, *, of_masks: bool) -> Iterator[Annotation]:
        """The predictions as pycocotools has them."""
        columns: list[Sequence[Any]] = [self.image_ids, self.category_ids, self.boxes.tolist()]
        columns += [self.scores.tolist(), self.masks, self.areas(of_masks=of_masks).tolist()]
        for number, (image, category, box, score, mask, area) in enumerate(
            zip(*columns, strict=True), start=1
        ):
            yield {
                "id": number,
                "image_id": image,
                "category_id": category,
                "bbox": box,
                "score": score,
                "segmentation": mask,
                "area": area,
                "iscrowd": 0,
            }


def read_detections(
    truth: GroundTruth,
    predictions: Sequence[Mapping[str, Any]],
    category_ids: Mapping[int, int | None],
    image_ids: Collection[int] | None,
    skipped: Counter[str],
) -> Detections:
    """The predictions that count; `skipped` counts the others, by reason.

    `category_ids` are the file's, by those of the predictions; None for a class the file lacks.

    Raises:
        DataError: D13 for an image or a category that the file does not list, D04 or D10 for a
            mask that cannot be read.
    """
    images: list[int] = []
    categories: list[int] = []
    numbers: list[float] = []  # five of each
    masks: list[Annotation | None] = []
    for row, prediction in enumerate(predictions):
        image_id, category_id = prediction["image_id"], prediction["category_id"]
        if image_id not in truth.sizes:
            if image_ids is None:
                raise unknown_image(truth, image_id)
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
        x, y, width, height = prediction["bbox"]
        values = float(x), float(y), float(width), float(height), float(prediction["score"])
        if not all(map(math.isfinite, values)):
            skipped["detections with a box or score that is not finite"] += 1
            continue
        mask = prediction.get("segmentation")
        if mask is not None:
            mask = predicted_rle(mask, truth, image_id, row)
        images.append(image_id)
        categories.append(of_file)
        numbers += values
        masks.append(mask)
    columns = np.array(numbers, np.float64).reshape(-1, 5)
    return Detections(images, categories, columns[:, :4], columns[:, 4], masks)


def unknown_image(truth: GroundTruth, image_id: object) -> DataError:
    """The error of a prediction of an image that the file does not list."""
    return DataError(
        "D13",
        f"{truth.name}: a prediction is of image_id {image_id!r}, which this file does not list, "
        "so the predictions belong to other data. Evaluate them against the file they were "
        "made for.",
    )

"""Results as the journal keeps them, for the files of all images together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, brief
from ..results import ClassLike, Result


def result_of(record: Mapping[str, Any], classes: Sequence[ClassLike]) -> Result:
    """The result of an image from its record (`batch.coco_json.image_record`), without pixels.

    Without objects it is one of a model with masks, unless `has_masks` of the record is False.

    Raises:
        DataError: D03 for an object of another class than `classes`.
    """
    rows = {entry.id: row for row, entry in enumerate(classes)}
    objects = record["objects"]
    boxes = np.array([entry["bbox"] for entry in objects], np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    masks = tuple(entry["segmentation"] for entry in objects if "segmentation" in entry)
    has_masks = len(masks) == len(objects) and (masks or record.get("has_masks", True))
    return Result(
        boxes=boxes.astype(np.float32),
        scores=np.array([entry["score"] for entry in objects], np.float32),
        labels=_labels(objects, rows),
        masks=masks if has_masks else None,
        size=(int(record["height"]), int(record["width"])),
        classes=tuple(classes),
        source=record["file_name"],
        frame=record.get("frame"),
        time=record.get("time"),
    )


def _labels(objects: Sequence[Mapping[str, Any]], rows: Mapping[int, int]) -> NDArray[np.int64]:
    """The label of each object, from category ids and their `rows`; D03 for an id without a row."""
    for entry in objects:
        if entry["category_id"] not in rows:
            raise DataError(
                "D03",
                f"the journal of the stopped run has category_id {brief(entry['category_id'])}, "
                "which is no class of the model. Leave --resume out to start over.",
            )
    return np.array([rows[entry["category_id"]] for entry in objects], np.int64)

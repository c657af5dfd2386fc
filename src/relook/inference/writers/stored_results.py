"""Results as the journal keeps them, for the files of all images together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..results import ClassLike, Result


def result_of(record: Mapping[str, Any], classes: Sequence[ClassLike]) -> Result:
    """The result of an image from its record (`batch.coco_json.image_record`), without pixels."""
    rows = {entry.id: row for row, entry in enumerate(classes)}
    objects = record["objects"]
    boxes = np.array([entry["bbox"] for entry in objects], np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    masks = tuple(entry["segmentation"] for entry in objects if "segmentation" in entry)
    return Result(
        boxes=boxes.astype(np.float32),
        scores=np.array([entry["score"] for entry in objects], np.float32),
        labels=np.array([rows[entry["category_id"]] for entry in objects], np.int64),
        masks=masks
        if len(masks) == len(objects) and (masks or record.get("has_masks", True))
        else None,
        size=(int(record["height"]), int(record["width"])),
        classes=tuple(classes),
        source=record["file_name"],
    )

"""COCO annotations with polygons, which labelling tools open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...data.polygons import without_holes
from ..results import ClassLike, Result
from .shapes import object_polygons


def coco_annotations(
    result: Result, image_id: int, first_id: int, tolerance: float = 0.0
) -> Iterator[dict[str, Any]]:
    """A COCO annotation for each object that has a pixel, numbered from `first_id`.

    Polygons follow the edges of pixels; a hole is reached by a line that runs there and back,
    because COCO has none. ``score`` and ``attributes.score`` are those of the object.
    """
    boxes = result.boxes.tolist()
    for row, polygons in enumerate(object_polygons(result, tolerance)):
        if not polygons:
            continue
        x1, y1, x2, y2 = boxes[row]
        score = round(float(result.scores[row]), 6)
        yield {
            "id": first_id,
            "image_id": image_id,
            "category_id": result.classes[int(result.labels[row])].id,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "area": sum(polygon.area for polygon in polygons),
            "segmentation": [without_holes(polygon).ravel().tolist() for polygon in polygons],
            "iscrowd": 0,
            "score": score,
            "attributes": {"score": score},
        }
        first_id += 1


def coco_image(result: Result, image_id: int, file_name: str) -> dict[str, Any]:
    """The entry of an image in a COCO file."""
    height, width = result.size
    return {"id": image_id, "file_name": file_name, "width": width, "height": height}


def coco_categories(classes: Sequence[ClassLike]) -> list[dict[str, Any]]:
    """Categories of a COCO file."""
    return [{"id": entry.id, "name": entry.name, "supercategory": ""} for entry in classes]


def coco_results(result: Result, image_id: int) -> list[dict[str, Any]]:
    """COCO result dictionaries with run lengths, one per object, that json can write."""
    rows: list[dict[str, Any]] = []
    for i, (x1, y1, x2, y2) in enumerate(result.boxes.astype(np.float64).tolist()):
        row: dict[str, Any] = {
            "image_id": image_id,
            "category_id": result.classes[int(result.labels[i])].id,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "score": float(result.scores[i]),
        }
        if result.masks is not None:
            row["segmentation"] = dict(result.masks[i])
        if result.tracks is not None:
            row["track_id"] = int(result.tracks[i])
        rows.append(row)
    return rows

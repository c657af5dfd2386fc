"""Shapes of LabelMe, which X-AnyLabeling opens as well: a json file for each image."""

from __future__ import annotations

from typing import Any

from ...data.polygons import without_holes
from ..results import Result
from .shapes import object_polygons


def labelme_record(result: Result, image_path: str, tolerance: float = 0.0) -> dict[str, Any]:
    """The json of LabelMe for an image at `image_path`, relative to the json file.

    One polygon for each part; parts of one object have one ``group_id``. The score stands in
    ``score``, which X-AnyLabeling shows, and in ``description``, which LabelMe shows.
    """
    height, width = result.size
    shapes: list[dict[str, Any]] = []
    objects = zip(object_polygons(result, tolerance), result.names, result.scores, strict=True)
    for number, (polygons, name, score) in enumerate(objects, start=1):
        shapes += [
            {
                "label": name,
                "points": without_holes(polygon).tolist(),
                "group_id": number if len(polygons) > 1 else None,
                "description": f"score {float(score):.4f}",
                "score": round(float(score), 6),
                "shape_type": "polygon",
                "flags": {},
                "mask": None,
            }
            for polygon in polygons
        ]
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": image_path,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }

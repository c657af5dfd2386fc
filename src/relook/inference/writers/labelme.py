"""Shapes of LabelMe, which X-AnyLabeling opens as well: a json file for each image."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...data.polygons import without_holes
from ..results import Result
from .shapes import object_polygons


def labelme_record(result: Result, image_path: str, tolerance: float = 0.0) -> dict[str, Any]:
    """The json of LabelMe for an image at `image_path`, relative to the json file.

    Its shapes are an iterator, for `runtime.json_files`. One polygon for each part; parts of one
    object have one ``group_id``. The score stands in
    ``score``, which X-AnyLabeling shows, and in ``description``, which LabelMe shows.
    """
    height, width = result.size
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": _shapes(result, tolerance),
        "imagePath": image_path,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }


def way_to(image: Path, folder: Path) -> str | None:
    """The path of the file `image` relative to `folder`, as LabelMe follows it.

    None where there is no such file, as for an image in an archive.
    """
    if not image.is_file():
        return None
    try:
        return Path(os.path.relpath(image.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive of Windows
        return image.resolve().as_posix()


def _shapes(result: Result, tolerance: float) -> Iterator[dict[str, Any]]:
    objects = zip(object_polygons(result, tolerance), result.names, result.scores, strict=True)
    for number, (polygons, name, score) in enumerate(objects, start=1):
        for polygon in polygons:
            yield {
                "label": name,
                "points": without_holes(polygon).tolist(),
                "group_id": number if len(polygons) > 1 else None,
                "description": f"score {float(score):.4f}",
                "score": round(float(score), 6),
                "shape_type": "polygon",
                "flags": {},
                "mask": None,
            }

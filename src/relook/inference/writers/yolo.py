"""Labels for YOLO segmentation: a text file for each image, and the classes in a YAML file."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from ...data.polygons import single_ring
from ..results import ClassLike, Result
from .shapes import object_polygons


def yolo_lines(result: Result, tolerance: float = 0.0) -> list[str]:
    """A line ``class x1 y1 x2 y2 ...`` for each object that has a pixel.

    The class is its row from 0, coordinates are shares of width and height. Parts and holes are
    joined to one ring by lines that run there and back. The format has no score.
    """
    height, width = result.size
    lines = []
    for label, polygons in zip(
        result.labels.tolist(), object_polygons(result, tolerance), strict=True
    ):
        if polygons:
            shares = single_ring(polygons) / (width, height)
            lines.append(f"{label} " + " ".join(f"{share:.8g}" for share in shares.ravel()))
    return lines


def yolo_yaml(classes: Sequence[ClassLike]) -> str:
    """The data file of YOLO with the names of the classes by row."""
    names = {row: entry.name for row, entry in enumerate(classes)}
    return yaml.safe_dump({"path": ".", "names": names}, sort_keys=False, allow_unicode=True)

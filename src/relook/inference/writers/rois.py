"""Regions of interest of Fiji and ImageJ: a zip of .roi files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from roifile import ROI_TYPE, ImagejRoi, roiwrite

from ...data.polygons import Polygon
from ...errors import UsageError
from ..results import Result
from .shapes import object_polygons

LARGEST: Final = 32_767  # pixels; a ROI file stores its bounds in 16 bits
_MOVE, _LINE, _CLOSE = 0.0, 1.0, 4.0  # segments of a path


def object_rois(result: Result, tolerance: float = 0.0) -> Iterator[ImagejRoi]:
    """A ROI for each object that has a pixel, named ``0001 class score``.

    One part without a hole is a polygon, everything else a composite path. Properties of the ROI
    have class and score, and its group is the row of the class, from 1.

    Raises:
        UsageError: U04 for an image with a side above `LARGEST` pixels.
    """
    if max(result.size) > LARGEST:
        height, width = result.size
        raise UsageError(
            "U04",
            f"save rois: ROI files of ImageJ end at {LARGEST} pixels, and the image is {width} x "
            f"{height}. Save geojson or labels instead.",
        )
    shapes = object_polygons(result, tolerance)
    for row, (polygons, name) in enumerate(zip(shapes, result.names, strict=True)):
        if polygons:
            score = float(result.scores[row])
            roi = _roi(polygons)
            roi.name = f"{row + 1:04d} {name} {score:.2f}"
            roi.props = f"class: {_one_line(name)}\nscore: {score:.6f}\n"
            roi.group = int(result.labels[row]) % 255 + 1
            yield roi


def write_rois(path: Path, result: Result, tolerance: float = 0.0) -> None:
    """Write the ROIs of `result` as a zip that Fiji's ROI manager opens; raises as `object_rois`.

    A result without objects is a zip without files.
    """
    rois = list(object_rois(result, tolerance))
    names = [f"{roi.name.replace('/', '_').replace(chr(92), '_')}.roi" for roi in rois]
    roiwrite(path, rois, name=names, mode="w")


def _roi(polygons: Sequence[Polygon]) -> ImagejRoi:
    if len(polygons) == 1 and not polygons[0].holes:
        return ImagejRoi.frompoints(polygons[0].exterior)
    path: list[float] = []
    for ring in (ring for part in polygons for ring in (part.exterior, *part.holes)):
        for step, (x, y) in enumerate(ring.tolist()):
            path += [_LINE if step else _MOVE, x, y]
        path.append(_CLOSE)
    corners = np.concatenate([polygon.exterior for polygon in polygons])
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return ImagejRoi(
        roitype=ROI_TYPE.RECT,
        left=left,
        top=top,
        right=right,
        bottom=bottom,
        shape_roi_size=len(path),
        multi_coordinates=np.array(path, np.float32),
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())

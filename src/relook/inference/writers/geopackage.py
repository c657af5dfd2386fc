"""GeoPackage of a result, for GIS: polygons with holes and measurements, in the image's CRS."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...data.polygons import Polygon
from ..results import Result
from .geojson import Transform, polygon_rings
from .shapes import object_polygons

LAYER: Final = "objects"
_UPWARDS: Final = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
_PIXELS: Final = 'LOCAL_CS["pixels of the image",UNIT["pixel",1]]'
_POLYGON, _MULTIPOLYGON = 3, 6  # of well-known binary


def write_geopackage(
    path: Path,
    result: Result,
    *,
    tolerance: float = 0.0,
    transform: Transform | None = None,
    crs: str | None = None,
    measurements: Mapping[str, Sequence[Any]] | None = None,
) -> None:
    """Write the objects of `result` that have a pixel as the layer ``objects``.

    Coordinates are those of `transform` and `crs`. Without them they are pixels with y upwards,
    from 0 to minus the height, where GIS show an image that has no place. Fields are the class, its
    id, the score, and the numbers of `measurements`. Needs pyogrio.

    Raises:
        OSError: when the file cannot be written.
    """
    from pyogrio.raw import write

    shapes = list(object_polygons(result, tolerance))
    rows = [row for row, polygons in enumerate(shapes) if polygons]
    transform = transform or _UPWARDS
    geometry = np.array([well_known(shapes[row], transform) for row in rows], dtype=object)
    fields: dict[str, NDArray[Any]] = {
        "class": np.array(result.names, dtype=object)[rows],
        "class_id": np.array([result.classes[result.labels[row]].id for row in rows], np.int64),
        "score": result.scores[rows].astype(np.float64),
    }
    for name, column in (measurements or {}).items():
        values = [column[row] for row in rows]
        if name not in fields and not any(isinstance(value, str) for value in values):
            fields[name] = np.array(
                [np.nan if value is None else float(value) for value in values], np.float64
            )
    write(
        str(path),
        geometry,
        list(fields.values()),
        list(fields),
        layer=LAYER,
        driver="GPKG",
        geometry_type="MultiPolygon",
        crs=crs or _PIXELS,
        promote_to_multi=True,
    )


def well_known(polygons: Sequence[Polygon], transform: Transform | None) -> bytes:
    """The polygons of an object as a MultiPolygon in well-known binary, little-endian."""
    parts = [_polygon(polygon_rings(polygon, transform)) for polygon in polygons]
    return struct.pack("<BII", 1, _MULTIPOLYGON, len(parts)) + b"".join(parts)


def _polygon(rings: Sequence[Sequence[Sequence[float]]]) -> bytes:
    content = [struct.pack("<BII", 1, _POLYGON, len(rings))]
    for ring in rings:
        content.append(struct.pack("<I", len(ring)))
        content.append(np.array(ring, "<f8").tobytes())
    return b"".join(content)

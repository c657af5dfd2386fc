"""GeoJSON of a result: for QuPath in pixels, for GIS in the coordinates of the image's CRS."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from ...data.polygons import Polygon
from ...runtime.json_files import dump_json
from ...visualization.palette import class_colors
from ..results import Result
from .shapes import object_polygons

Transform = Sequence[float]  # a, b, c, d, e, f: x' = a x + b y + c, y' = d x + e y + f
_IDENTITY: Final = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_NAMESPACE: Final = uuid.UUID("5a0f3a8e-9d0c-5c5a-8f8e-2f1b6f0d7c11")  # of ids of objects


def write_geojson(
    file: IO[str],
    result: Result,
    *,
    tolerance: float = 0.0,
    transform: Transform | None = None,
    crs: str | None = None,
    measurements: Mapping[str, Sequence[Any]] | None = None,
) -> None:
    """Write the objects of `result` as a GeoJSON FeatureCollection of polygons with holes.

    Coordinates are pixels, the corner of the first pixel at 0, 0; with `transform` (6 affine
    numbers) they are those of the CRS, which `crs` names, such as ``"EPSG:32633"``. Properties
    are those that QuPath reads: ``objectType``, ``classification`` with a colour, and
    ``measurements``, which has the score and the numbers of `measurements` (columns as
    `object_table` gives them). Objects without a pixel have no feature.
    """
    head: dict[str, Any] = {"type": "FeatureCollection"}
    if crs is not None:
        head["crs"] = {"type": "name", "properties": {"name": _urn(crs)}}
    features = _features(result, tolerance, transform, measurements or {})
    dump_json(file, {**head, "features": features})
    file.write("\n")


def _features(
    result: Result,
    tolerance: float,
    transform: Transform | None,
    measurements: Mapping[str, Sequence[Any]],
) -> Iterator[dict[str, Any]]:
    labels = result.labels.tolist()
    colors = class_colors(labels)
    shapes = object_polygons(result, tolerance)
    # A name of a file may be bytes that are no Unicode, which Python stands for by surrogates.
    source = str(result.source).encode("utf-8", "backslashreplace").decode()
    for row, (polygons, name) in enumerate(zip(shapes, result.names, strict=True)):
        if not polygons:
            continue
        numbers = {"score": round(float(result.scores[row]), 6)}
        numbers |= {key: column[row] for key, column in measurements.items() if _is(column[row])}
        yield {
            "type": "Feature",
            "id": str(uuid.uuid5(_NAMESPACE, f"{source}#{row + 1}")),
            "geometry": _geometry(polygons, transform),
            "properties": {
                "objectType": "detection",
                "name": f"{name} {row + 1}",
                "classification": {"name": name, "color": list(colors[row])},
                "class": name,
                "class_id": result.classes[labels[row]].id,
                "measurements": numbers,
            },
        }


def _geometry(polygons: Sequence[Polygon], transform: Transform | None) -> dict[str, Any]:
    parts = [polygon_rings(polygon, transform) for polygon in polygons]
    if len(parts) == 1:
        return {"type": "Polygon", "coordinates": parts[0]}
    return {"type": "MultiPolygon", "coordinates": parts}


def polygon_rings(polygon: Polygon, transform: Transform | None) -> list[list[list[float]]]:
    """Closed rings of a polygon, in the coordinates of `transform`, or pixels without one.

    Outer ones run counter-clockwise in the plane of the coordinates (RFC 7946).
    """
    a, b, c, d, e, f = transform or _IDENTITY
    matrix, shift = np.array([[a, d], [b, e]]), np.array([c, f])
    is_mirrored = a * e - b * d < 0

    def ring(points: NDArray[np.int32]) -> list[list[float]]:
        corners = points if transform is None else points @ matrix + shift
        corners = corners[::-1] if is_mirrored else corners
        closed: list[list[float]] = [*corners.tolist(), corners[0].tolist()]
        return closed

    return [ring(polygon.exterior), *map(ring, polygon.holes)]


def _urn(crs: str) -> str:
    """The name of a CRS as GDAL and QGIS read it; text other than ``EPSG:N`` stays."""
    authority, colon, code = crs.partition(":")
    return f"urn:ogc:def:crs:{authority}::{code}" if colon and code.isdigit() else crs


def _is(value: Any) -> bool:
    """Return whether a value is a number that json can write."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

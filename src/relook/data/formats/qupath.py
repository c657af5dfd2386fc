"""QuPath: GeoJSON of annotations and detections, with holes and several parts.

Coordinates are pixels of the whole image along their edges. Where the file names a coordinate
reference system, they are those of the image's, and are turned back to pixels by its transform.
A file belongs to the image of the same name, or to the only image there is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..images import open_image
from .geometry import Outline, Points, Shape, UnusableShapeError, points_of
from .records import AnnotatedImage, AnnotatedObject
from .safe_files import read_json
from .source import Source, bad_shape, plain_pairs, refusal

_TOOL: Final = "QuPath"
_LISTS: Final = ("features", "geometries")

Entry = dict[str, Any]


def read_qupath(source: Source) -> Iterator[AnnotatedImage]:
    """Images of the GeoJSON files of a folder, or of one file.

    Raises:
        DataError: D01 for a missing image, D03 and D04 for other files, D09 for a malformed shape.
    """
    files = source.files("*.geojson", "*.json")
    for path in files:
        top = read_json(path)
        features = _features(path, top)
        image = _image_of(source, path, only=len(files) == 1)
        size = source.finder.size(image, path.name)
        inverse = _inverse(path, image, top)
        objects = tuple(_objects(source, path, features, inverse))
        yield AnnotatedImage(path=image, size=size, objects=objects)


def _features(path: Path, top: object) -> list[Entry]:
    rows: Any = top
    if isinstance(top, dict):
        rows = top.get("features", [top] if top.get("type") == "Feature" else None)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise refusal(path, _TOOL, "it is no GeoJSON of features")
    return rows


def _image_of(source: Source, path: Path, *, only: bool) -> Path:
    stem = path.stem
    while not source.finder.has_stem(stem) and Path(stem).suffix:
        stem = Path(stem).stem
    if only and not source.finder.has_stem(stem) and (image := source.finder.only()) is not None:
        return image
    return source.finder.of_stem(stem, path.parent, path.name)


def _objects(
    source: Source, path: Path, features: list[Entry], inverse: NDArray[np.float64] | None
) -> Iterator[AnnotatedObject]:
    for row, feature in enumerate(features, 1):
        where = f"{path.name}: feature {row}"
        geometry = feature.get("geometry")
        try:
            shapes = tuple(_shapes(geometry if isinstance(geometry, dict) else {}, inverse))
        except UnusableShapeError as error:
            raise bad_shape(where, error) from None
        if not shapes:
            kind = geometry.get("type") if isinstance(geometry, dict) else "none"
            source.account.leave_out(f"feature without area ({str(kind)[:30]})", where)
            continue
        name = _class_of(feature.get("properties"))
        if isinstance(feature.get("nucleusGeometry"), dict):
            source.account.change("cell with a nucleus: the outline of the cell is read", where)
        yield AnnotatedObject(name=name or source.one_class(), shapes=shapes, where=where)


def _class_of(properties: object) -> str | None:
    """The class of a feature: its classification, or ``class`` as GIS tools write it."""
    if not isinstance(properties, dict):
        return None
    found = properties.get("classification")
    if isinstance(found, dict):
        names = found.get("names")
        found = found.get("name") or (
            ": ".join(map(str, names)) if isinstance(names, list) else None
        )
    found = found or properties.get("class")
    return found.strip() or None if isinstance(found, str) else None


def _shapes(geometry: Entry, inverse: NDArray[np.float64] | None) -> Iterator[Shape]:
    kind, rows = geometry.get("type"), geometry.get("coordinates")
    if kind == "Polygon":
        rows = [rows]
    elif kind == "GeometryCollection":
        parts = geometry.get("geometries")
        for part in parts if isinstance(parts, list) else []:
            if isinstance(part, dict) and part.get("type") != kind:
                yield from _shapes(part, inverse)
        return
    elif kind != "MultiPolygon":
        return
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise UnusableShapeError("has no lists of rings")
    for part in rows:
        rings = tuple(_ring(ring, inverse) for ring in part)
        if rings:
            yield Outline(rings)


def _ring(values: object, inverse: NDArray[np.float64] | None) -> Points:
    plain = plain_pairs(values)
    if len(plain) < 3:
        raise UnusableShapeError("has a ring of fewer than 3 points")
    points = points_of(plain if inverse is None else plain @ inverse[:2] + inverse[2])
    is_closed = (points[0] == points[-1]).all()
    return points[:-1] if is_closed and len(points) > 3 else points


def _inverse(path: Path, image: Path, top: object) -> NDArray[np.float64] | None:
    """The matrix (3, 2) from coordinates of the CRS that a file names to pixels; None without."""
    crs = top.get("crs") if isinstance(top, dict) else None
    if crs is None:
        return None
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    with open_image(image) as opened:
        info = opened.info
    if info.transform is None or info.crs is None or _plain(name) != _plain(info.crs):
        own = "is not georeferenced"
        if info.transform is not None and info.crs is not None:
            own = f"has those of {str(info.crs)[:80]!r}"
        named = "a CRS without a name" if name is None else f"{name!r:.80}"
        raise DataError(
            "D04",
            f"{path.name} has coordinates of {named}, and {image.name} {own}. Give the "
            "georeferenced image that was annotated.",
        )
    a, b, c, d, e, f = info.transform
    matrix = np.array([[a, d], [b, e]], np.float64)
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) == 0:
        raise refusal(path, _TOOL, "its image has a transform that cannot be turned back")
    inverse = np.linalg.inv(matrix)
    return np.vstack([inverse, -np.array([c, f]) @ inverse])


def _plain(name: object) -> str:
    """A name of a CRS as ``EPSG:N`` where it is one."""
    words = [word for word in str(name).upper().removeprefix("URN:OGC:DEF:CRS:").split(":") if word]
    return ":".join(words)

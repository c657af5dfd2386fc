"""LabelMe and X-AnyLabeling: a json file for each image.

Points are pixels along their edges. Shapes with one ``group_id`` and label are one object. A
rectangle is a box; a circle is its centre and a point on it; a mask is a PNG in the json, placed at
the first of two points.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ...errors import DataError
from ...structures.detection import Size
from ..coco.json_form import finite_of
from .geometry import Ellipse, Pixels, Rectangle, Shape, UnusableShapeError, pixels, points_of
from .records import AnnotatedImage, AnnotatedObject
from .safe_files import base64_of, coded_mask, read_json
from .source import Source, bad_shape, number_pairs, outline_of, refusal

_TOOL: Final = "LabelMe"
_RINGS: Final = ("polygon", "rotation", "quadrilateral", None, "")


def read_labelme(source: Source) -> Iterator[AnnotatedImage]:
    """Images of the json files in a folder, or of one file.

    Raises:
        DataError: D01 for a missing image, D03 and D04 for other files, D09 for a shape that is
            malformed, D10 for an image of another size.
    """
    source.refuse_class(_TOOL)
    for path in source.files("*.json"):
        record = read_json(path)
        if not isinstance(record, dict) or not isinstance(record.get("shapes"), list):
            if source.path.is_dir():
                source.account.leave_out("json file that is not of LabelMe", path.name)
                continue
            raise refusal(path, _TOOL, 'there is no list of "shapes" in it')
        yield _image(source, path, record)


def _image(source: Source, path: Path, record: dict[str, Any]) -> AnnotatedImage:
    name = record.get("imagePath")
    if not isinstance(name, str):
        raise refusal(path, _TOOL, 'there is no "imagePath" in it')
    image = source.finder.named(name, path.parent, path.name)
    sides = finite_of(record.get("imageHeight")), finite_of(record.get("imageWidth"))
    said = None if sides[0] is None or sides[1] is None else (int(sides[0]), int(sides[1]))
    size = source.finder.size(image, path.name, said)
    grouped: dict[Any, tuple[str, list[Shape], str]] = {}
    for row, entry in enumerate(record["shapes"]):
        where = f"{path.name}: shape {row + 1}"
        if not isinstance(entry, dict) or not isinstance(entry.get("label"), str):
            raise refusal(path, _TOOL, f"shape {row + 1} has no label")
        try:
            shape = _shape(source, entry, size, where)
        except UnusableShapeError as error:
            raise bad_shape(where, error) from None
        if shape is None:
            continue
        label, group = entry["label"], entry.get("group_id")
        has_group = isinstance(group, int | str) and group != ""
        key = (label, group) if has_group else row
        grouped.setdefault(key, (label, [], where))[1].append(shape)
    objects = tuple(
        AnnotatedObject(name=label, shapes=tuple(shapes), where=where)
        for label, shapes, where in grouped.values()
    )
    return AnnotatedImage(path=image, size=size, objects=objects)


def _shape(source: Source, entry: dict[str, Any], size: Size, where: str) -> Shape | None:
    """The shape of an entry; None for one that has no area, which is counted."""
    kind = entry.get("shape_type")
    if kind == "mask":
        return _mask(entry, size, where)
    points = number_pairs(entry.get("points"))
    if kind == "circle" and len(points) == 2:
        (x, y), rim = points.tolist()
        radius = math.dist((x, y), rim)
        return Ellipse(x, y, radius, radius)
    if kind == "rectangle" and len(points) in (2, 4):
        low, high = points.min(axis=0), points.max(axis=0)
        corners = [low, (high[0], low[1]), high, (low[0], high[1])]
        return Rectangle(points_of([list(map(float, corner)) for corner in corners]))
    if kind == "rotation" and len(points) == 4:
        return Rectangle(points)
    if kind in _RINGS:
        outline = outline_of(entry.get("points"))
        if outline is None:
            source.account.leave_out("polygon with fewer than 3 points", where)
        return outline
    source.account.leave_out(f"shape without area ({str(kind)[:30]})", where)
    return None


def _mask(entry: dict[str, Any], size: Size, where: str) -> Pixels:
    points = number_pairs(entry.get("points"))
    if not len(points):
        raise UnusableShapeError("has a mask without a place")
    try:
        mask = coded_mask(base64_of(entry.get("mask")), where)
    except ValueError as error:
        raise UnusableShapeError(f"has a mask that cannot be read: {error}") from None
    except DataError as error:
        raise UnusableShapeError(f"has a mask that cannot be read: {error.message}") from None
    left, top = (round(value) for value in points[0].tolist())
    return pixels(mask, left, top, size)

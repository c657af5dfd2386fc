"""Supervisely: a project with ``meta.json``, and ``ann`` and ``img`` in each of its data sets.

Points are read as edges of pixels. Rectangles include their last row and column. A bitmap is a PNG,
packed by zlib, in base64, placed at its origin.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ...errors import DataError
from ...structures.detection import Size
from ..coco.json_form import finite_of
from .geometry import Outline, Pixels, Shape, UnusableShapeError, pixels, rectangle
from .records import AnnotatedImage, AnnotatedObject
from .safe_files import base64_of, coded_mask, inflated, read_json
from .source import Source, bad_shape, number_pairs, refusal

_TOOL: Final = "Supervisely"

Entry = dict[str, Any]


def read_supervisely(source: Source) -> Iterator[AnnotatedImage]:
    """Images of a project, whose data sets are its parts.

    Raises:
        DataError: D01 for a missing image, D03 and D04 for other files, D09 for a malformed object,
            D10 for an image of another size.
    """
    source.refuse_class(_TOOL)
    files = [path for path in source.files("*.json") if path.name != "meta.json"]
    meta = source.folder / "meta.json"
    if meta.is_file():
        _declare(source, read_json(meta))
    for path in files:
        record = read_json(path)
        if not isinstance(record, dict) or not isinstance(record.get("objects"), list):
            if source.path.is_dir():
                source.account.leave_out("json file that is not of Supervisely", path.name)
                continue
            raise refusal(path, _TOOL, 'there is no list of "objects" in it')
        part = path.parent.parent.name if path.parent.name == "ann" else None
        if source.options.split in (None, part):
            yield _image(source, path, record, part)


def _declare(source: Source, meta: object) -> None:
    classes = meta.get("classes") if isinstance(meta, dict) else None
    rows = [row for row in classes if isinstance(row, dict)] if isinstance(classes, list) else []
    source.account.declare(row["title"] for row in rows if isinstance(row.get("title"), str))


def _image(source: Source, path: Path, record: Entry, part: str | None) -> AnnotatedImage:
    folder = path.parent.parent / "img" if path.parent.name == "ann" else path.parent
    if Path(path.stem).suffix:  # NAME.png.json
        image = source.finder.named(path.stem, folder, path.name)
    else:
        image = source.finder.of_stem(path.stem, folder, path.name)
    size = source.finder.size(image, path.name, _said(record.get("size")))
    objects = []
    for row, entry in enumerate(record["objects"], 1):
        where = f"{path.name}: object {row}"
        if not isinstance(entry, dict) or not isinstance(entry.get("classTitle"), str):
            raise refusal(path, _TOOL, f"object {row} has no class")
        try:
            shape = _shape(source, entry, size, where)
        except UnusableShapeError as error:
            raise bad_shape(where, error) from None
        if shape is not None:
            objects.append(AnnotatedObject(name=entry["classTitle"], shapes=(shape,), where=where))
    return AnnotatedImage(path=image, size=size, objects=tuple(objects), split=part)


def _said(size: object) -> Size | None:
    sides = (
        [finite_of(size.get(key)) for key in ("height", "width")] if isinstance(size, dict) else []
    )
    height, width = (*sides, None, None)[:2]
    return None if height is None or width is None else (int(height), int(width))


def _shape(source: Source, entry: Entry, size: Size, where: str) -> Shape | None:
    """The shape of an object; None for one without area, which is counted."""
    kind = entry.get("geometryType")
    points = entry.get("points")
    points = points if isinstance(points, dict) else {}
    if kind == "polygon":
        holes = points.get("interior") or []
        rings = [
            number_pairs(points.get("exterior")),
            *map(number_pairs, holes if isinstance(holes, list) else []),
        ]
        if min(map(len, rings)) >= 3:
            return Outline(tuple(rings))
    elif kind == "rectangle":
        corners = number_pairs(points.get("exterior"))
        if len(corners) == 2:
            (x1, y1), (x2, y2) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
            return rectangle(x1, y1, x2 + 1, y2 + 1)
    elif kind == "bitmap":
        return _bitmap(entry.get("bitmap"), size, where)
    source.account.leave_out(f"object without area ({str(kind)[:30]})", where)
    return None


def _bitmap(value: object, size: Size, where: str) -> Pixels:
    value = value if isinstance(value, dict) else {}
    origin = number_pairs([value.get("origin")])[0].tolist()
    try:
        mask = coded_mask(inflated(base64_of(value.get("data"))), where)
    except ValueError as error:
        raise UnusableShapeError(f"has a bitmap that cannot be read: {error}") from None
    except DataError as error:
        raise UnusableShapeError(f"has a bitmap that cannot be read: {error.message}") from None
    return pixels(mask, int(origin[0]), int(origin[1]), size)

"""CVAT: the XML of "CVAT for images 1.1", with polygons, masks, boxes and ellipses.

Coordinates are pixels along their edges. Shapes with one group and label are one object. Tracks
of "CVAT for video" are refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import Element

import numpy as np

from ...errors import DataError
from ...structures.detection import Size
from .geometry import (
    Ellipse,
    Outline,
    Pixels,
    Shape,
    UnusableShapeError,
    pixels,
    points_of,
    rectangle,
)
from .records import AnnotatedImage, AnnotatedObject
from .source import Source, attribute_numbers, bad_shape, refusal, text_number
from .xml_tree import read_xml

_TOOL: Final = "CVAT"
_MOST_PIXELS: Final = 400_000_000
_NO_AREA: Final = frozenset({"polyline", "points", "cuboid", "skeleton", "tag"})


def read_cvat(source: Source) -> Iterator[AnnotatedImage]:
    """Images of the XML file, or of those in a folder.

    Raises:
        DataError: D01 for a missing image, D03 and D04 for other files, D09 for a malformed shape,
            D10 for an image of another size.
    """
    source.refuse_class(_TOOL)
    for path in source.files("*.xml"):
        root = read_xml(path)
        if root.tag != "annotations":
            raise refusal(path, _TOOL, f"its root is <{root.tag[:30]}>, not <annotations>")
        if root.find("track") is not None:
            raise DataError(
                "D04",
                f'{path.name} has tracks, as "CVAT for video" writes: they are not read. Export '
                'the task as "CVAT for images 1.1".',
            )
        labels = (label.findtext("name") for label in root.findall("meta//labels/label"))
        source.account.declare(name for name in labels if name)
        for element in root.iter("image"):
            image = _image(source, path, element)
            if source.options.split in (None, image.split):
                yield image


def _image(source: Source, path: Path, element: Element) -> AnnotatedImage:
    name = element.get("name")
    if not name:
        raise refusal(path, _TOOL, "an image has no name")
    sides = [text_number(element.get(key)) for key in ("height", "width")]
    image = source.finder.named(name, path.parent, path.name)
    said = None if sides[0] is None or sides[1] is None else _size(path, sides[0], sides[1])
    size = source.finder.size(image, f"{path.name}: {name!r:.80}", said)
    grouped: dict[Any, tuple[list[Shape], dict[str, Any], str]] = {}
    for row, child in enumerate(element):
        where = f"{path.name}: {name!r:.80}, {child.tag[:20]} {row + 1}"
        label = child.get("label")
        if child.tag in _NO_AREA:
            source.account.leave_out(f"shape without area ({child.tag})", where)
            continue
        try:
            shape = _shape(child, size)
        except UnusableShapeError as error:
            raise bad_shape(where, error) from None
        if shape is None or not label:
            source.account.leave_out(f"element that is not known ({child.tag[:30]})", where)
            continue
        group = child.get("group_id", "0")
        key = (label, row) if group in ("", "0") else (label, f"group {group}")
        grouped.setdefault(key, ([], _extra(child), where))[0].append(shape)
    objects = tuple(
        AnnotatedObject(name=key[0], shapes=tuple(shapes), where=where, extra=extra)
        for key, (shapes, extra, where) in grouped.items()
    )
    return AnnotatedImage(path=image, size=size, objects=objects, split=element.get("subset"))


def _size(path: Path, height: float, width: float) -> Size:
    if not (height >= 1 and width >= 1 and height * width <= _MOST_PIXELS):
        raise refusal(path, _TOOL, f"an image has {width:g} x {height:g} pixels")
    return int(height), int(width)


def _extra(element: Element) -> dict[str, Any]:
    """The attributes that were given to a shape, as COCO files of CVAT have them."""
    found = {
        str(row.get("name")): (row.text or "")
        for row in element.findall("attribute")
        if row.get("name")
    }
    return {"attributes": found} if found else {}


def _shape(element: Element, size: Size) -> Shape | None:
    """The shape of an element; None for one that is not known."""
    kind, attributes = element.tag, dict(element.attrib)
    turn = text_number(attributes.get("rotation", "0"))
    if turn is None or not math.isfinite(turn):
        raise UnusableShapeError("has a rotation that is no number")
    if kind == "polygon":
        return _polygon(attributes.get("points", ""))
    if kind == "box":
        left, top, right, bottom = attribute_numbers(attributes, "xtl", "ytl", "xbr", "ybr")
        return rectangle(left, top, right, bottom, turn)
    if kind == "ellipse":
        x, y, first, second = attribute_numbers(attributes, "cx", "cy", "rx", "ry")
        return Ellipse(x, y, first, second, math.radians(turn))
    return _mask(attributes, size) if kind == "mask" else None


def _polygon(text: str) -> Outline:
    rows = []
    for pair in text.split(";"):
        x, _, y = pair.partition(",")
        rows.append(attribute_numbers({"x": x, "y": y}, "x", "y"))
    if len(rows) < 3:
        raise UnusableShapeError("is a polygon of fewer than 3 points")
    return Outline((points_of(rows),))


def _mask(attributes: dict[str, str], size: Size) -> Pixels:
    """A mask by lengths of runs along its rows, of zeros and ones in turn, zeros first."""
    left, top, width, height = attribute_numbers(attributes, "left", "top", "width", "height")
    if not (0 < width * height <= _MOST_PIXELS and width > 0 and abs(left) + abs(top) < 2**31):
        raise UnusableShapeError("is a mask of a size that no mask has")
    try:
        runs = np.array([int(word) for word in attributes.get("rle", "").split(",")], np.int64)
    except (ValueError, OverflowError):
        raise UnusableShapeError("is a mask whose runs are no numbers") from None
    shape = int(height), int(width)
    if (
        int(runs.min()) < 0
        or int(runs.max()) > _MOST_PIXELS
        or int(runs.sum()) != shape[0] * shape[1]
    ):
        raise UnusableShapeError("is a mask whose runs do not add up to its size")
    values = np.arange(len(runs)) % 2 == 1
    return pixels(np.repeat(values, runs).reshape(shape), int(left), int(top), size)

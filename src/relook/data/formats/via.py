"""VGG Image Annotator: projects and json exports of versions 1 and 2.

Coordinates are pixels along their edges. Polygons, rectangles, circles and ellipses are read, and
polylines whose ends nearly meet; other polylines and points have no area.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from .geometry import Ellipse, Outline, Shape, UnusableShapeError, points_of, rectangle
from .records import AnnotatedImage, AnnotatedObject
from .safe_files import read_json
from .source import Source, bad_shape, numbers_of, refusal

_TOOL: Final = "VIA"
_CLASS_WORDS: Final = ("class", "label", "name", "type", "category", "species", "object")
_NEARLY: Final = 0.1  # of a polyline's length, between its ends

Entry = dict[str, Any]


def read_via(source: Source) -> Iterator[AnnotatedImage]:
    """Images of a project, an export, or all of these in a folder.

    Raises:
        DataError: D01 for a missing image, D03 and D04 for other files, D09 for a malformed region.
    """
    for path in source.files("*.json"):
        top = read_json(path)
        entries = _entries(source, top)
        if entries is None:
            if source.path.is_dir():
                source.account.leave_out("json file that is not of VIA", path.name)
                continue
            why = "it has no images with regions"
            if isinstance(top, dict) and {"project", "metadata", "view"} <= top.keys():
                why = "it is of VIA 3, whose tracks in time are not read; export COCO there"
            raise refusal(path, _TOOL, why)
        attribute = _class_attribute(source, entries, path.name)
        for entry in entries.values():
            name = entry["filename"]
            if not isinstance(name, str):
                raise refusal(path, _TOOL, "an image has no filename")
            image = source.finder.named(name, path.parent, path.name)
            size = source.finder.size(image, path.name)
            objects = tuple(_objects(source, entry, attribute, f"{path.name}: {name!r:.80}"))
            yield AnnotatedImage(path=image, size=size, objects=objects)


def _entries(source: Source, top: object) -> Mapping[str, Entry] | None:
    """Entries of images by their keys; None where a json has none."""
    if isinstance(top, dict) and isinstance(top.get("_via_img_metadata"), dict):
        _declare(source, top.get("_via_attributes"))
        top = top["_via_img_metadata"]
    if not isinstance(top, dict) or not top:
        return None
    is_entry = [
        isinstance(entry, dict)
        and "filename" in entry
        and isinstance(entry.get("regions"), list | dict)
        for entry in top.values()
    ]
    return top if all(is_entry) else None


def _declare(source: Source, attributes: object) -> None:
    """Keep the order of the classes of a project with one attribute of regions."""
    regions = attributes.get("region") if isinstance(attributes, dict) else None
    if not isinstance(regions, dict) or source.options.class_name is not None:
        return
    named = source.options.attribute
    chosen = regions.get(named) if named else next(iter(regions.values()), None)
    if (named or len(regions) == 1) and isinstance(chosen, dict):
        options = chosen.get("options")
        source.account.declare(options if isinstance(options, dict) else ())


def _rows(entry: Entry) -> list[Any]:
    regions = entry["regions"]
    return list(regions.values() if isinstance(regions, dict) else regions)


def _regions(entry: Entry) -> list[Entry]:
    return [row for row in _rows(entry) if isinstance(row, dict)]


def _class_attribute(source: Source, entries: Mapping[str, Entry], name: str) -> str | None:
    """The attribute of regions that is their class; None where regions have none.

    The one that was asked for, the only one there is, or one that is called like a class.
    """
    used: Counter[str] = Counter()
    for entry in entries.values():
        for region in _regions(entry):
            attributes = region.get("region_attributes")
            used.update(list(attributes) if isinstance(attributes, dict) else ())
    if source.options.class_name is not None:
        if used:
            source.account.note("--class: attributes of regions are not read")
        return None
    if source.options.attribute is not None:
        if source.options.attribute not in used:
            known = ", ".join(sorted(used)) or "none"
            raise refusal(
                source.path,
                _TOOL,
                f"regions have no attribute {source.options.attribute!r} "
                f"(--attribute), only {known}",
            )
        return source.options.attribute
    likely = [key for word in _CLASS_WORDS for key in used if key.strip().casefold() == word]
    chosen = next(iter(used)) if len(used) == 1 else likely[0] if likely else None
    if chosen is None and used:
        raise refusal(
            source.path,
            _TOOL,
            f"regions have the attributes {', '.join(sorted(used)):.200}, and "
            "nothing says which is the class; say it with --attribute NAME, in Python attribute=",
        )
    if chosen is not None:
        source.account.note(f"{name}: classes are the attribute {chosen!r} of regions")
    return chosen


def _objects(
    source: Source, entry: Entry, attribute: str | None, image: str
) -> Iterator[AnnotatedObject]:
    for row, region in enumerate(_rows(entry), 1):
        where = f"{image}, region {row}"
        if not isinstance(region, dict):
            source.account.leave_out("region that says nothing", where)
            continue
        shape_entry = region.get("shape_attributes")
        try:
            shape = _shape(source, shape_entry if isinstance(shape_entry, dict) else {}, where)
        except UnusableShapeError as error:
            raise bad_shape(where, error) from None
        if shape is None:
            continue
        name = _class_of(source, region.get("region_attributes"), attribute)
        if name is None:
            source.account.leave_out("region without a class", where)
            continue
        yield AnnotatedObject(name=name, shapes=(shape,), where=where)


def _class_of(source: Source, attributes: object, attribute: str | None) -> str | None:
    """The class of a region; None where its attribute is empty or has several values."""
    if attribute is None:
        return source.one_class()
    value = attributes.get(attribute) if isinstance(attributes, dict) else None
    if isinstance(value, dict):  # check boxes
        checked = [key for key, is_on in value.items() if is_on]
        value = checked[0] if len(checked) == 1 else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and value.strip() else None


def _shape(source: Source, entry: Entry, where: str) -> Shape | None:
    """The shape of a region; None for one that has no area, which is counted."""
    kind = entry.get("name")
    if kind == "rect":
        x, y, width, height = numbers_of(entry, "x", "y", "width", "height")
        return rectangle(x, y, x + width, y + height)
    if kind == "circle":
        x, y, radius = numbers_of(entry, "cx", "cy", "r")
        return Ellipse(x, y, radius, radius)
    if kind == "ellipse":
        x, y, first, second = numbers_of(entry, "cx", "cy", "rx", "ry")
        angle = numbers_of({"theta": entry.get("theta", 0)}, "theta")[0]
        return Ellipse(x, y, first, second, angle)
    if kind in ("polygon", "polyline"):
        return _polygon(source, entry, where, is_line=kind == "polyline")
    source.account.leave_out(f"region without area ({str(kind)[:30]})", where)
    return None


def _polygon(source: Source, entry: Entry, where: str, *, is_line: bool) -> Outline | None:
    xs, ys = entry.get("all_points_x"), entry.get("all_points_y")
    if not isinstance(xs, list) or not isinstance(ys, list) or len(xs) != len(ys):
        raise UnusableShapeError("has not as many x as y")
    rows = [numbers_of({"x": x, "y": y}, "x", "y") for x, y in zip(xs, ys, strict=True)]
    if len(rows) < 3:
        source.account.leave_out("polygon or line of fewer than 3 points", where)
        return None
    if is_line:
        length = sum(math.dist(a, b) for a, b in pairwise(rows))
        if math.dist(rows[0], rows[-1]) > _NEARLY * length:
            source.account.leave_out("region without area (open polyline)", where)
            return None
        source.account.change("polyline whose ends nearly meet, closed", where)
    return Outline((points_of(rows),))

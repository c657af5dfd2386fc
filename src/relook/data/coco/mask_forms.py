"""Forms in which programs write a segmentation, read where only one meaning is possible.

COCO knows polygons ``[[x1, y1, x2, y2, ...], ...]`` and one run-length code. Others are found in
files: one flat polygon, points as pairs, a list of codes, json in a text, a code without a size.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import Any, Final

from ...ops.runs import Runs
from .segmentation import MalformedMaskError, checked_code, is_numbers, runs_of

FLAT: Final = "flat polygon read as one polygon"
PAIRS: Final = "polygon of points read as a list of numbers"
NESTED: Final = "polygon nested once more than in COCO"
CODES: Final = "list of run-length codes joined to one mask"
NO_SIZE: Final = "run-length code without a size, read for its image"
BYTES: Final = "run-length code written as bytes of Python read as a text"
TEXT: Final = "segmentation in a text read as json"


def is_nothing(value: object) -> bool:
    """Return whether a segmentation is missing, or a list of empty polygons: ``[[]]``."""
    return not value or (type(value) is list and all(part == [] for part in value))


def is_plain(value: object) -> bool:
    """Return whether a segmentation has one of COCO's own forms, by its first parts."""
    if type(value) is dict:
        counts = value.get("counts")
        is_bytes = isinstance(counts, str) and counts.startswith(("b'", 'b"'))
        return value.get("size") is not None and not is_bytes
    if type(value) is not list or not value or type(value[0]) is not list:
        return False
    return len(value[0]) > 2 and is_numbers(value[0])


def in_coco_form(value: Any, height: int, width: int) -> tuple[Any, str]:
    """A segmentation in a form of COCO, and the name of the form that it had; else itself.

    Codes of several parts are joined for an image of this size; nothing else is checked.
    """
    form = ""
    if isinstance(value, str):
        parsed = _from_text(value)
        if parsed is None:
            return value, ""
        value, form = parsed, TEXT
    if isinstance(value, dict):
        return _code(value, height, width, form)
    if not isinstance(value, list) or not value or is_plain(value):
        return value, form
    if all(isinstance(part, dict) and "counts" in part for part in value):
        joined = _joined(value, height, width)
        return (value, form) if joined is None else (joined, form or CODES)
    if is_numbers(value):
        return [value], form or FLAT
    points = _points(value)
    if points is not None:
        return [points], form or PAIRS
    return _parts(value, form)


def _code(value: dict[str, Any], height: int, width: int, form: str) -> tuple[Any, str]:
    counts = value.get("counts")
    if isinstance(counts, str) and counts.startswith(("b'", 'b"')) and counts.endswith(counts[1]):
        value, form = {**value, "counts": counts[2:-1].replace("\\\\", "\\")}, form or BYTES
    if "counts" in value and value.get("size") is None:
        value, form = {**value, "size": [height, width]}, form or NO_SIZE
    return value, form


def _parts(value: list[Any], form: str) -> tuple[Any, str]:
    """Polygons of points, or polygons that are nested once more."""
    parts: list[Any] = []
    for part in value:
        if not isinstance(part, list) or not part:
            return value, form
        points = _points(part)
        if points is not None:
            parts.append(points)
            form = form or PAIRS
        elif all(isinstance(inner, list) and is_numbers(inner) for inner in part):
            parts.extend(part)
            form = form or NESTED
        elif all(isinstance(inner, list) and _points(inner) is not None for inner in part):
            parts.extend(_points(inner) for inner in part)
            form = form or NESTED
        else:
            return value, form
    return parts, form


def _points(value: list[Any]) -> list[float] | None:
    """The numbers of a polygon of three points or more, as pairs or as x and y by name."""
    if len(value) < 3:
        return None
    if all(isinstance(point, list) and len(point) == 2 and is_numbers(point) for point in value):
        return list(chain.from_iterable(value))
    if all(isinstance(point, dict) and "x" in point and "y" in point for point in value):
        numbers = [point[axis] for point in value for axis in ("x", "y")]
        return numbers if is_numbers(numbers) else None
    return None


def _from_text(text: str) -> Any:
    if text.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _joined(codes: list[dict[str, Any]], height: int, width: int) -> dict[str, Any] | None:
    """The union of run-length codes of one image; None if one is not for this size."""
    try:
        parts = [runs_of(checked_code(code, height, width), height, width) for code in codes]
    except MalformedMaskError:
        return None
    lengths = Runs.union(parts).lengths(height * width)
    return {"size": [height, width], "counts": lengths.tolist()}

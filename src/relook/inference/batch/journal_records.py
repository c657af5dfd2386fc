"""Form of the records in a journal, which are read again by a run that goes on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def is_whole(record: Mapping[str, Any]) -> bool:
    """Return whether `record` has all that is read of one: of its image, and of its objects."""
    stamp, error = record.get("stamp", 0), record.get("error")
    if not all(isinstance(record.get(key), str) for key in ("source", "name")):
        return False
    if not (stamp is None or isinstance(stamp, list)) or not _is_count(record.get("count")):
        return False
    if error is not None:
        return isinstance(error, str)
    objects = record.get("objects")
    if objects is None:
        return True
    return (
        isinstance(objects, list)
        and isinstance(record.get("file_name"), str)
        and all(_is_count(record.get(key)) for key in ("width", "height"))
        and all(_is_object(entry) for entry in objects)
    )


def _is_object(entry: object) -> bool:
    if not isinstance(entry, dict):
        return False
    box, mask = entry.get("bbox"), entry.get("segmentation")
    return (
        isinstance(box, list)
        and len(box) == 4
        and all(_is_number(value) for value in (*box, entry.get("score"), entry.get("area")))
        and all(_is_whole_number(entry.get(key, 0)) for key in ("iscrowd", "track_id"))
        and _is_whole_number(entry.get("category_id"))
        and (mask is None or _is_mask(mask))
    )


def _is_mask(mask: object) -> bool:
    if not isinstance(mask, dict) or not isinstance(mask.get("counts"), str):
        return False
    size = mask.get("size")
    return isinstance(size, list) and len(size) == 2 and all(_is_count(side) for side in size)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_whole_number(value: object) -> bool:
    return type(value) is int and abs(value) < 2**63


def _is_number(value: object) -> bool:
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) < 2**63
    return isinstance(value, float) and math.isfinite(value)

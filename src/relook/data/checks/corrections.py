"""Corrections of the tables of an annotation file that are made before its objects are read."""

from __future__ import annotations

from typing import Any

from ...errors import counted
from ..coco.file_names import BY_BASE_NAME
from ..coco.json_form import Entry
from ..coco.ledger import BOX_FRACTIONS, MASK_FRACTIONS
from ..coco.segmentation import is_fractions
from .boxes import corner_boxes
from .subject import Subject


def without_copies(tables: Entry, lines: list[str]) -> Entry:
    """The tables without images and categories that are there twice in the same words."""
    changed = dict(tables)
    for key in ("images", "categories"):
        first: dict[Any, Any] = {}
        rows = []
        for row in tables[key]:
            identity = row.get("id") if isinstance(row, dict) else None
            if (
                type(identity) is not int
                or first.setdefault(identity, row) is row
                or first[identity] != row
            ):
                rows.append(row)
        if len(rows) < len(tables[key]):
            lines.append(f'"{key}": {len(tables[key]) - len(rows)} x the same entry twice removed')
            changed[key] = rows
    return changed if changed != tables else tables


def numbered_anew(tables: Entry, lines: list[str]) -> Entry:
    """The tables with an id of its own for each annotation."""
    rows = tables["annotations"]
    ids = [row.get("id") for row in rows if isinstance(row, dict)]
    following = max((key for key in ids if type(key) is int), default=0) + 1
    seen: set[int] = set()
    changed = []
    for row in rows:
        key = row.get("id") if isinstance(row, dict) else None
        if type(key) is int and key in seen:
            row = {**row, "id": following}
            following += 1
        elif type(key) is int:
            seen.add(key)
        changed.append(row)
    count = sum(new is not old for new, old in zip(changed, rows, strict=True))
    if not count:
        return tables
    lines.append(f"{counted(count, 'annotation')} numbered anew: their ids were used before")
    return {**tables, "annotations": changed}


def sized(subject: Subject, tables: Entry, lines: list[str]) -> Entry:
    """The tables with sizes whose sides were swapped, where the objects fit into the image."""
    wrong = {s.id: s.stored for s in subject.contents.images.wrong_sizes if s.is_swapped}
    if not wrong:
        return tables
    reach: dict[int, tuple[float, float]] = {}
    for row in tables["annotations"]:
        key = row.get("image_id") if isinstance(row, dict) else None
        if key in wrong:
            x, y = _reach(row)
            across, down = reach.get(key, (0.0, 0.0))
            reach[key] = max(x, across), max(y, down)
    for key, (height, width) in list(wrong.items()):
        across, down = reach.get(key, (0.0, 0.0))
        if across > width + 1 or down > height + 1:
            del wrong[key]
    if not wrong:
        return tables
    rows = [
        {**row, "height": wrong[row["id"]][0], "width": wrong[row["id"]][1]}
        if isinstance(row, dict) and row.get("id") in wrong
        else row
        for row in tables["images"]
    ]
    lines.append(f"width and height of {counted(len(wrong), 'image')} swapped")
    return {**tables, "images": rows}


def _reach(row: Entry) -> tuple[float, float]:
    """The largest x and y of an annotation's polygons; 0 where it has none."""
    value = row.get("segmentation")
    flat: list[float] = []
    for part in value if isinstance(value, list) else ():
        if isinstance(part, list) and all(type(number) in (int, float) for number in part):
            flat += part[: len(part) // 2 * 2]
    return max(flat[::2], default=0.0), max(flat[1::2], default=0.0)


def in_pixels(subject: Subject, tables: Entry, lines: list[str]) -> Entry:
    """The tables with polygons and boxes in pixels, where they are fractions of the image."""
    skipped = subject.contents.reader.ledger.skipped
    if not (skipped.get(MASK_FRACTIONS) or skipped.get(BOX_FRACTIONS)):
        return tables
    headers = subject.contents.images.headers
    rows = []
    for row in tables["annotations"]:
        key = row.get("image_id") if isinstance(row, dict) else None
        header = headers.get(key) if isinstance(key, int) else None
        rows.append(row if header is None else {**row, **_scaled(row, header.width, header.height)})
    count = sum(new != old for new, old in zip(rows, tables["annotations"], strict=True))
    lines.append(f"{counted(count, 'annotation')} written in pixels, of fractions of the image")
    return {**tables, "annotations": rows}


def _scaled(row: Entry, width: int, height: int) -> dict[str, Any]:
    """Polygons and box of an entry times the size of the image, where they are fractions."""
    new: dict[str, Any] = {}
    value = row.get("segmentation")
    if is_fractions(value):
        new["segmentation"] = [
            [round(v * (height if k % 2 else width), 2) for k, v in enumerate(part)]
            for part in value or ()
        ]
        new["area"] = None
    box = row.get("bbox")
    if is_fractions([box]):
        new["bbox"] = [round(v * (height if k % 2 else width), 2) for k, v in enumerate(box or ())]
        new["area"] = None
    return new


def joined(subject: Subject, tables: Entry, lines: list[str]) -> Entry:
    """The tables with one id for each image file."""
    table = subject.contents.images
    first_of = {
        second: first
        for first, second in table.twice
        if BY_BASE_NAME not in (table.how.get(first), table.how.get(second))
    }
    if not first_of:
        return tables
    images = [row for row in tables["images"] if row.get("id") not in first_of]
    rows = [
        {**row, "image_id": first_of[row["image_id"]]}
        if isinstance(row, dict) and row.get("image_id") in first_of
        else row
        for row in tables["annotations"]
    ]
    lines.append(f"{counted(len(first_of), 'image')} joined with the first entry of the same file")
    return {**tables, "images": images, "annotations": rows}


def boxes_of_corners(subject: Subject, tables: Entry, lines: list[str]) -> Entry:
    """The tables with boxes as x, y, width, height, where they are corners without masks."""
    if not corner_boxes(subject):
        return tables
    lines.append("boxes: corners x1 y1 x2 y2 written as x y width height")
    rows = []
    for row in tables["annotations"]:
        box = row.get("bbox") if isinstance(row, dict) else None
        if isinstance(box, list) and len(box) == 4:
            x1, y1, x2, y2 = box
            row = {**row, "bbox": [x1, y1, x2 - x1, y2 - y1]}
        rows.append(row)
    return {**tables, "annotations": rows}

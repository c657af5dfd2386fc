"""A repaired copy of an annotation file: what has one right answer is corrected, and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ...errors import counted
from ...structures.rules.reading import DEFAULT_READING, Reading
from ..coco.file_names import BY_BASE_NAME
from ..coco.identities import with_integer_ids
from ..coco.json_form import Entry, load_tables
from ..coco.leniency import STRICT, Leniency
from ..coco.records import ObjectRecord
from .boxes import corner_boxes
from .subject import Subject, read_subject

_SAME: Final = 0.01  # pixels up to which a box stays as it is written


@dataclass(frozen=True, slots=True)
class Repair:
    """The tables of a repaired file, and what was changed in them."""

    document: Entry
    lines: tuple[str, ...]  # for people; empty where nothing was changed


def repaired(
    path: Path,
    folder: Path,
    *,
    leniency: Leniency = STRICT,
    reading: Reading = DEFAULT_READING,
    frame: Any = None,
) -> Repair:
    """Correct what has one right answer in the file at `path`; images are in `folder`.

    `leniency` allows more: boxes from masks where no cause of wrong boxes is known, crowds as
    objects, leaving out unknown categories and missing images.

    Raises:
        DataError: As `read_subject`.
    """
    top = load_tables(path)
    tables, lines = with_integer_ids(path, top)
    tables = _numbered_anew(tables, lines)
    leniency = replace(leniency, match="basename", duplicates="drop")
    read: dict[str, Any] = {"reading": reading, "frame": frame}
    subject = read_subject(path, folder, top=tables, leniency=leniency, **read)
    changed = _boxes_of_corners(subject, _joined(subject, _sized(subject, tables, lines), lines))
    if changed is not tables:
        subject = read_subject(path, folder, top=changed, leniency=leniency, **read)
    if subject.contents.reader.agreement.cause():
        leniency = replace(leniency, boxes="from-masks")
        subject = read_subject(path, folder, top=subject.top, leniency=leniency, **read)
    counts: Counter[str] = Counter()
    document = {
        **top,
        "images": _images(subject, counts),
        "categories": _categories(subject, counts),
        "annotations": _annotations(subject, leniency, counts),
    }
    if changed is not tables and corner_boxes(subject) == 0 and _had_corners(tables, changed):
        lines.append("boxes: corners x1 y1 x2 y2 written as x y width height")
    lines += [f"{count} x {what}" for what, count in counts.items()]
    return Repair(document, tuple(lines))


def _numbered_anew(tables: Entry, lines: list[str]) -> Entry:
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


def _sized(subject: Subject, tables: Entry, lines: list[str]) -> Entry:
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


def _joined(subject: Subject, tables: Entry, lines: list[str]) -> Entry:
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


def _boxes_of_corners(subject: Subject, tables: Entry) -> Entry:
    """The tables with boxes as x, y, width, height, where they are corners without masks."""
    if not corner_boxes(subject):
        return tables
    rows = []
    for row in tables["annotations"]:
        box = row.get("bbox") if isinstance(row, dict) else None
        if isinstance(box, list) and len(box) == 4:
            x1, y1, x2, y2 = box
            row = {**row, "bbox": [x1, y1, x2 - x1, y2 - y1]}
        rows.append(row)
    return {**tables, "annotations": rows}


def _had_corners(before: Entry, after: Entry) -> bool:
    pairs = zip(before["annotations"], after["annotations"], strict=True)
    return any(old.get("bbox") != new.get("bbox") for old, new in pairs if isinstance(old, dict))


def _images(subject: Subject, counts: Counter[str]) -> list[Any]:
    """Entries of images, with the paths of their files and their sizes."""
    table = subject.contents.images
    missing = set(table.missing)
    shared = {key for pair in table.twice for key in pair}
    rows = []
    for row in subject.contents.tables["images"]:
        key = row.get("id") if isinstance(row, dict) else None
        if key not in table.headers or key in missing or key in shared:
            rows.append(row)
            continue
        new: dict[str, Any] = {}
        name = table.paths[key].relative_to(subject.folder).as_posix()
        if name != row["file_name"]:
            new["file_name"] = name
            counts["file name written as that of the file"] += 1
        header = table.headers[key]
        if row.get("width") is None or row.get("height") is None:
            new |= {"width": header.width, "height": header.height}
            counts["size of an image added"] += 1
        rows.append({**row, **new})
    return rows


def _categories(subject: Subject, counts: Counter[str]) -> list[Any]:
    """Entries of categories without those that only name the others, each name once."""
    categories = subject.contents.categories
    dropped = {*categories.roots, *categories.same}
    if categories.roots:
        counts["category that only names the others removed"] += len(categories.roots)
    if categories.same:
        counts["category joined with the first of its name"] += len(categories.same)
    rows = subject.contents.tables["categories"]
    return [row for row in rows if not isinstance(row, dict) or row.get("id") not in dropped]


def _annotations(subject: Subject, leniency: Leniency, counts: Counter[str]) -> list[Any]:
    """Entries of annotations as they were read."""
    records = {one.id: one for _, one in subject.contents.records}
    repeated = {second.id for _, second in subject.contents.duplicates}
    same = subject.contents.categories.same
    known = subject.contents.reader.labels
    left_out = subject.contents.reader.left_out
    rows: list[Any] = []
    for row in subject.contents.tables["annotations"]:
        key = row.get("id") if isinstance(row, dict) else None
        if key in repeated:
            counts["annotation that was there twice removed"] += 1
            continue
        if key not in records:
            unknown = isinstance(row, dict) and row.get("category_id") not in known
            if leniency.ignore_unknown and unknown:
                counts["annotation of an unknown category removed"] += 1
            elif isinstance(row, dict) and row.get("image_id") in left_out:
                counts["annotation of an image that is left out removed"] += 1
            else:
                rows.append(row)
            continue
        rows.append({**row, **_changes(row, records[key], same, counts)})
    return rows


def _changes(
    row: Entry, record: ObjectRecord, same: Mapping[int, int], counts: Counter[str]
) -> dict[str, Any]:
    """What is different in the entry of an object that was read."""
    new: dict[str, Any] = {}
    if row["category_id"] in same:
        new["category_id"] = same[row["category_id"]]
    x1, y1, x2, y2 = record.box
    box = [x1, y1, x2 - x1, y2 - y1]
    written = row.get("bbox") or [-1e9] * 4
    if max(abs(a - b) for a, b in zip(box, written, strict=True)) > _SAME:
        new["bbox"] = [round(value, 3) for value in box]
        counts["box written"] += 1
    area = row.get("area")
    if area is None or area <= 0:
        new["area"] = record.area
        counts["area written"] += 1
    if record.segmentation is not None and not _same_mask(row["segmentation"], record.segmentation):
        new["segmentation"] = record.segmentation
        counts["mask written in the form of COCO"] += 1
    if bool(row.get("iscrowd")) != record.is_crowd or "iscrowd" not in row:
        new["iscrowd"] = int(record.is_crowd)
        counts["iscrowd written"] += 1
    return new


def _same_mask(written: Any, read: Any) -> bool:
    if isinstance(written, dict) and isinstance(read, dict):
        return written.get("counts") == read["counts"] and bool(written.get("size"))
    return bool(written == read)

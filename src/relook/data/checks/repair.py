"""A repaired copy of an annotation file: what has one right answer is corrected, and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ...structures.rules.reading import DEFAULT_READING, Reading
from ..coco.identities import with_integer_ids
from ..coco.json_form import Entry, load_tables
from ..coco.leniency import STRICT, Leniency
from ..coco.records import ObjectRecord
from .corrections import (
    boxes_of_corners,
    in_pixels,
    joined,
    numbered_anew,
    sized,
    without_copies,
)
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
    tables = numbered_anew(without_copies(tables, lines), lines)
    leniency = replace(leniency, match="basename", duplicates="drop")
    read: dict[str, Any] = {"reading": reading, "frame": frame}
    subject = read_subject(path, folder, top=tables, leniency=leniency, **read)
    changed = in_pixels(subject, sized(subject, tables, lines), lines)
    changed = boxes_of_corners(subject, joined(subject, changed, lines), lines)
    if changed is not tables:
        subject = read_subject(path, folder, top=changed, leniency=leniency, **read)
    if subject.contents.reader.agreement.cause():
        leniency = replace(leniency, boxes="from-masks")
        subject = read_subject(path, folder, top=subject.top, leniency=leniency, **read)
    counts: Counter[str] = Counter()
    document = {
        **top,
        "images": _images(subject, leniency, counts),
        "categories": _categories(subject, counts),
        "annotations": _annotations(subject, leniency, counts),
    }
    lines += [f"{count} x {what}" for what, count in counts.items()]
    return Repair(document, tuple(lines))


def _skipped(subject: Subject, leniency: Leniency) -> set[int]:
    """Images that are left out because their files are missing, and because that is allowed."""
    return set(subject.contents.images.missing) if leniency.skip_missing else set()


def _images(subject: Subject, leniency: Leniency, counts: Counter[str]) -> list[Any]:
    """Entries of images, with the paths of their files and their sizes."""
    table = subject.contents.images
    missing, skipped = set(table.missing), _skipped(subject, leniency)
    shared = {key for pair in table.twice for key in pair}
    rows = []
    for row in subject.contents.tables["images"]:
        key = row.get("id") if isinstance(row, dict) else None
        if key in skipped:
            counts["image without a file removed"] += 1
            continue
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
    skipped = _skipped(subject, leniency)
    wrong = {size.id for size in subject.contents.images.wrong_sizes}
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
            elif isinstance(row, dict) and row.get("image_id") in skipped:
                counts["annotation of an image without a file removed"] += 1
            else:
                rows.append(row)
            continue
        if row["image_id"] in skipped:
            counts["annotation of an image without a file removed"] += 1
        elif row["image_id"] in wrong:
            rows.append(row)  # clipped to a size that is not that of its image
        else:
            rows.append({**row, **_changes(row, records[key], same, counts)})
    return rows


def _changes(
    row: Entry, record: ObjectRecord, same: Mapping[int, int], counts: Counter[str]
) -> dict[str, Any]:
    """Fields that differ in the entry of an object that was read."""
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

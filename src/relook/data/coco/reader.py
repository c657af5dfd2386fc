"""COCO instance annotations, read strictly: a file is understood completely or refused.

What cannot be learnt from (an object without area, outside of its image, ...) is left out and
counted by reason; `CocoIndex.summary` says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, counted
from ...runtime.memory import collection_paused
from ...structures.detection import Size
from ...structures.rules.reading import DEFAULT_READING, Reading
from ..images.orientation import upright_size
from .annotations import AnnotationReader
from .categories import Categories, labelled, read_categories
from .duplicates import find_duplicates
from .frames import Frame, turned_object
from .identities import with_integer_ids
from .images_table import ImageTable, read_images
from .json_form import Entry, load_tables, placed_entries
from .ledger import ImageHeader
from .leniency import STRICT, Leniency
from .mask_forms import is_nothing
from .plain_rows import PlainRows
from .records import Category, CocoIndex, ImageRecord, ObjectRecord
from .refusals import Refusals
from .required_images import require_images, require_once
from .segmentation import MalformedMaskError, rasterised

__all__ = ["Category", "CocoIndex", "ImageRecord", "ObjectRecord", "object_mask", "read_coco"]

Masks = Literal["auto", "required", "ignored"]

ALL_CROWD: Final = (
    "all {number} annotations are marked iscrowd: 1, as CVAT writes masks. Regions of a crowd are "
    "never learned or counted; --crowd as-objects reads them as objects"
)


def read_coco(
    json_path: str | Path,
    images_dir: str | Path,
    *,
    classes: Sequence[str] | None = None,
    masks: Masks = "auto",
    ignore_unknown: bool = False,
    check_files: bool = True,
    annotated: bool = True,
    frame: Frame | None = None,
    reading: Reading = DEFAULT_READING,
    leniency: Leniency = STRICT,
) -> CocoIndex:
    """The images and objects of a COCO instance file, checked, with boxes in pixels.

    Labels follow ascending category ids, or the positions of the names in `classes` (those of a
    trained model; the file may lack some of them). `masks` says whether objects without a usable
    mask are left out: ``"auto"`` if any object of the file has one, ``"required"`` always, and
    with ``"ignored"`` boxes are all that is read. `ignore_unknown` leaves objects of unknown
    categories out instead of refusing the file. `check_files` looks whether all images exist, and
    have the sizes that the file says, now rather than when they are read. Without `annotated`,
    images and categories are all that is read, of a file whose truth is hidden.

    `frame` says whether annotations are for the pixels as they are stored, or upright as they are
    seen, where images have an orientation; None tells it by the sizes in the file. Objects come
    out upright. `reading` is what is read of the images. `leniency` is what is allowed where a file
    can be read in two ways.

    Raises:
        DataError: D01 and D03 to D13, naming file, entry and remedy.
    """
    path, folder = Path(json_path), Path(images_dir)
    if ignore_unknown:
        leniency = replace(leniency, ignore_unknown=True)
    with collection_paused():
        return read_tables(
            path,
            _tables(path, annotated),
            folder,
            classes=classes,
            masks=masks,
            check_files=check_files,
            frame=frame,
            reading=reading,
            leniency=leniency,
            keep_rows=False,
        ).index


def _tables(path: Path, annotated: bool) -> Entry:
    if annotated:
        return load_tables(path, pack=True)
    return {**load_tables(path, keys=("images", "categories")), "annotations": []}


@dataclass(frozen=True, slots=True)
class Contents:
    """Contents of an annotation file as they were read, with their tables."""

    index: CocoIndex
    tables: Entry  # with integer ids
    images: ImageTable
    categories: Categories
    reader: AnnotationReader
    records: list[tuple[int, ObjectRecord]]  # (image id, object) in the frame of the file
    duplicates: list[tuple[ObjectRecord, ObjectRecord]]  # each with the first that is its equal
    id_remarks: tuple[str, ...]  # on ids that were no integers


def read_tables(
    path: Path,
    top: Entry,
    folder: Path,
    *,
    classes: Sequence[str] | None = None,
    masks: Masks = "auto",
    check_files: bool = True,
    frame: Frame | None = None,
    reading: Reading = DEFAULT_READING,
    leniency: Leniency = STRICT,
    refusals: Refusals | None = None,
    keep_rows: bool = True,
) -> Contents:
    """Read the tables of a file as `read_coco` does; `refusals` may collect what it would raise.

    Without `keep_rows`, rows of "annotations" are dropped from `top` once they are read.

    Raises:
        DataError: As `read_coco`.
    """
    if not folder.is_dir():
        raise DataError("D01", f"{folder}: there is no such folder of images.")
    refusals = refusals or Refusals()
    tables, id_remarks = with_integer_ids(path, top)
    categories = read_categories(path, tables, keep_root=leniency.keep_root, refusals=refusals)
    ordered, labels = labelled(path, categories, classes)
    table = read_images(
        path,
        tables,
        folder,
        frame=frame,
        reading=reading,
        match=leniency.match,
        look=check_files,
        refusals=refusals,
    )
    remarks = [*id_remarks, *categories.remarks, *table.remarks]
    left_out = _left_out(path, folder, table, check_files, leniency, refusals)
    if left_out and check_files:
        remarks.append(f"images: {len(left_out)} of {len(table.names)} left out, without a file")
    with_masks = _with_masks(path, tables, masks)
    headers = {key: header for key, header in table.headers.items() if key not in left_out}
    reader = AnnotationReader(
        path,
        headers,
        labels,
        categories.names,
        with_masks,
        leniency=leniency,
        left_out=left_out,
    )
    found: list[tuple[int, ObjectRecord]] = []
    rows = tables["annotations"]
    plain = PlainRows(rows, reader)
    for position, identity, entry in placed_entries(path, tables, "annotations", refusals):
        record = plain.record(position)
        if record is not None:
            found.append((entry["image_id"], record))
        else:
            try:
                result = reader.read(identity, entry)
            except DataError as error:
                refusals.refuse(error)
            else:
                found += [result] if result is not None else []
        if not keep_rows:
            rows[position] = None
    twins, num_read = _duplicates(found, headers), len(found)
    if twins and leniency.duplicates == "drop":
        found = _without(found, twins, reader)
    objects: dict[int, list[ObjectRecord]] = {image_id: [] for image_id in headers}
    for image_id, record in found:
        objects[image_id].append(record)
    images = tuple(_record(key, h, table.paths[key], objects[key]) for key, h in headers.items())
    remarks += _remarks(reader, objects, twins if leniency.duplicates == "keep" else [])
    ledger = reader.ledger
    index = CocoIndex(
        path=path,
        images=images,
        classes=ordered,
        skipped=dict(ledger.skipped),
        has_masks=with_masks,
        adjusted=dict(ledger.adjusted),
        examples=ledger.examples,
        reading=reading,
        remarks=tuple(remarks),
        is_rewritten=tables is not top
        or ledger.is_rewritten
        or bool(left_out or categories.roots or categories.same)
        or len(found) < num_read,
    )
    return Contents(index, tables, table, categories, reader, found, twins, tuple(id_remarks))


def _left_out(
    path: Path,
    folder: Path,
    table: ImageTable,
    check_files: bool,
    leniency: Leniency,
    refusals: Refusals,
) -> frozenset[int]:
    """Images that are not used: without a file, or refused; raises what has to be."""
    if refusals.is_collecting:
        return frozenset(table.names) - frozenset(table.headers)
    missing = frozenset(table.missing) if leniency.skip_missing and check_files else frozenset()
    if missing:
        table = replace(table, missing=[], outside=[])
    if check_files:
        require_images(path, folder, table)
    else:
        require_once(path, table)
    return missing


def _with_masks(path: Path, tables: Entry, masks: Masks) -> bool:
    """Return whether objects are read with masks; D09 where they are required and there is none."""
    rows = (entry for entry in tables["annotations"] if isinstance(entry, dict))
    any_masks = any(not is_nothing(row.get("segmentation")) for row in rows)
    if masks == "required" and tables["annotations"] and not any_masks:
        raise DataError(
            "D09",
            f"{path.name}: no annotation has a segmentation, and the model needs masks. Add "
            "masks, or choose a model without: detectors-cascade-tiny on a small machine, or "
            "detectors-cascade-r50.",
        )
    return masks == "required" or (masks == "auto" and any_masks)


def _duplicates(
    found: list[tuple[int, ObjectRecord]], headers: dict[int, ImageHeader]
) -> list[tuple[ObjectRecord, ObjectRecord]]:
    positions = {key: position for position, key in enumerate(headers)}
    sizes = [(header.height, header.width) for header in headers.values()]
    records = [record for _, record in found]
    images = np.array([positions[image_id] for image_id, _ in found], dtype=np.int64)
    pairs = find_duplicates(records, images, sizes)
    return [(records[first], records[second]) for first, second in pairs]


def _without(
    found: list[tuple[int, ObjectRecord]],
    twins: list[tuple[ObjectRecord, ObjectRecord]],
    reader: AnnotationReader,
) -> list[tuple[int, ObjectRecord]]:
    repeated = {second.id for _, second in twins}
    for _, second in twins:
        reader.ledger.skip("the same object twice (--duplicates drop)", second.id)
    return [(image_id, record) for image_id, record in found if record.id not in repeated]


def _remarks(
    reader: AnnotationReader,
    objects: dict[int, list[ObjectRecord]],
    twins: list[tuple[ObjectRecord, ObjectRecord]],
) -> list[str]:
    """Lines on what is kept as it is, and may not be what somebody wants."""
    lines = [line for line in (reader.agreement.remark(),) if line]
    if twins:
        first, second = twins[0]
        twice = counted(len(twins), "object is", "objects are")
        lines.append(
            f"duplicates: {twice} in the file twice (first: annotations "
            f"{first.id} and {second.id}); --duplicates drop keeps one of each"
        )
    records = [record for group in objects.values() for record in group]
    crowds = sum(record.is_crowd for record in records)
    if crowds and crowds == len(records):
        lines.append(ALL_CROWD.format(number=crowds))
    return lines


def _record(key: int, header: ImageHeader, path: Path, objects: list[ObjectRecord]) -> ImageRecord:
    """The record of one image, upright."""
    size: Size = header.height, header.width
    if header.turn > 1:
        objects = [turned_object(one, size, header.turn) for one in objects]
    height, width = upright_size(size, header.turn)
    return ImageRecord(
        key,
        header.file_name,
        path,
        width,
        height,
        tuple(objects),
        header.orientation,
        header.turn,
    )


def object_mask(record: ObjectRecord, height: int, width: int) -> NDArray[np.bool_]:
    """Mask (height, width) bool of an object of an image of this size.

    Raises:
        DataError: D09 if the object has no mask, or one of another size.
    """
    if record.segmentation is None:
        raise DataError("D09", f"annotation {record.id} has no mask, only a box.")
    try:
        return rasterised(record.segmentation, height, width)
    except MalformedMaskError as error:
        raise DataError("D09", f"annotation {record.id} has a segmentation that {error}.") from None

"""COCO instance annotations, read strictly: a file is understood completely or refused.

What cannot be learnt from (an object without area, outside of its image, ...) is left out and
counted by reason; `CocoIndex.summary` says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, first_few
from ...structures.detection import Size
from ...structures.rules.reading import DEFAULT_READING, Reading
from ..images.orientation import upright_size
from .annotations import AnnotationReader, ImageHeader
from .frames import Frame, turned_object
from .images_table import read_images, require_images
from .json_form import Entry, entries, load_tables, text_of
from .records import Category, CocoIndex, ImageRecord, ObjectRecord
from .segmentation import MalformedMaskError, rasterised

__all__ = ["Category", "CocoIndex", "ImageRecord", "ObjectRecord", "object_mask", "read_coco"]


def read_coco(
    json_path: str | Path,
    images_dir: str | Path,
    *,
    classes: Sequence[str] | None = None,
    masks: Literal["auto", "required", "ignored"] = "auto",
    ignore_unknown: bool = False,
    check_files: bool = True,
    annotated: bool = True,
    frame: Frame | None = None,
    reading: Reading = DEFAULT_READING,
) -> CocoIndex:
    """The images and objects of a COCO instance file, checked, with boxes in pixels.

    Labels follow ascending category ids, or the positions of the names in `classes` (those of a
    trained model; the file may lack some of them). `masks` says whether objects without a usable
    mask are left out: ``"auto"`` if any object of the file has one, ``"required"`` always, and
    with ``"ignored"`` boxes are all that is read. `ignore_unknown` leaves objects of unknown
    categories out instead of refusing the file. `check_files` looks whether all images exist now
    rather than when they are read. Without `annotated`, images and categories are all that is
    read, of a file whose truth is hidden.

    `frame` says whether annotations are for the pixels as they are stored, or upright as they are
    seen, where images have an orientation; None tells it by the sizes in the file. Objects come
    out upright. `reading` is what is read of the images.

    Raises:
        DataError: D01 and D03 to D13, naming file, entry and remedy.
    """
    path, folder = Path(json_path), Path(images_dir)
    if annotated:
        top = load_tables(path)
    else:
        top = {**load_tables(path, keys=("images", "categories")), "annotations": []}
    if not folder.is_dir():
        raise DataError("D01", f"{folder}: there is no such folder of images.")
    names = _category_names(path, top)
    ordered, labels = _labelled(path, names, classes)
    paths, headers = read_images(path, top, folder, frame=frame, reading=reading)
    if check_files:
        require_images(path, folder, headers, paths)
    any_masks = any(
        isinstance(entry, dict) and entry.get("segmentation") for entry in top["annotations"]
    )
    if masks == "required" and top["annotations"] and not any_masks:
        raise DataError(
            "D09",
            f"{path.name}: no annotation has a segmentation, and the model needs masks. Add "
            "masks, or choose a model without, such as detectors-cascade-r50.",
        )
    with_masks = masks == "required" or (masks == "auto" and any_masks)
    reader = AnnotationReader(path, headers, labels, names, with_masks, ignore_unknown)
    objects: dict[int, list[ObjectRecord]] = {image_id: [] for image_id in headers}
    for identity, entry in entries(path, top, "annotations"):
        found = reader.read(identity, entry)
        if found is not None:
            objects[found[0]].append(found[1])
    images = tuple(_record(key, h, paths[key], objects[key]) for key, h in headers.items())
    ledger = reader.ledger
    return CocoIndex(
        path=path,
        images=images,
        classes=ordered,
        skipped=dict(ledger.skipped),
        has_masks=with_masks,
        adjusted=dict(ledger.adjusted),
        examples=ledger.examples,
        reading=reading,
    )


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


def _category_names(path: Path, top: Entry) -> dict[int, str]:
    """Category id -> name, by ascending id."""
    names = {
        identity: text_of(path, entry, "name", f"category {identity}")
        for identity, entry in entries(path, top, "categories")
    }
    return dict(sorted(names.items()))


def _labelled(
    path: Path, names: Mapping[int, str], classes: Sequence[str] | None
) -> tuple[tuple[Category, ...], dict[int, int]]:
    """Categories by label, and category id -> label."""
    if classes is None or list(names.values()) == list(classes):
        ordered = tuple(Category(identity, name) for identity, name in names.items())
        return ordered, {identity: label for label, identity in enumerate(names)}
    known = set(classes)
    ids: dict[str, int] = {}
    for identity, name in names.items():
        if name in ids and name in known:
            raise DataError(
                "D13",
                f"{path.name}: categories {ids[name]} and {identity} are both called {name!r}, so "
                "they cannot be matched with the classes of the model by name. Rename one.",
            )
        ids[name] = identity
    if names and not known & set(ids):
        raise DataError(
            "D13",
            f"{path.name}: its categories ({first_few(ids, 5)}) and the classes of the model "
            f"({first_few(classes, 5)}) have no name in common. Give the file the model was "
            "trained for, or rename the categories.",
        )
    unused = max(names, default=0) + 1  # ids for classes that the file does not have
    ordered = tuple(
        Category(ids.get(name, unused + label), name) for label, name in enumerate(classes)
    )
    return ordered, {ids[name]: label for label, name in enumerate(classes) if name in ids}

"""The true objects, read from a COCO json into a checked form for the evaluator.

pycocotools reads out of bounds for hostile run lengths, reads a polygon of four numbers as a box,
misreads an annotation whose id is 0 and fails on a missing "iscrowd". So every annotation is
rebuilt here: numbered from 1, with its mask as a checked run-length encoding. Annotations that are
left out are counted, with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from ..data.coco.frames import turned_box, turned_mask
from ..data.coco.reader import CocoIndex, object_mask
from ..data.coco.segmentation import EmptyMaskError, MalformedMaskError, checked
from ..errors import DataError, brief
from ..ops.rle import encode_mask, encode_window
from ..runtime.json_files import parse_json
from .polygon_codes import polygon_codes

Annotation = dict[str, Any]

LARGEST = 1e12  # above any pixel or area; larger numbers could make sums infinite


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """Images, categories and objects of one COCO json, ready for pycocotools."""

    name: str  # for messages: the file name, or "ground truth"
    sizes: Mapping[int, tuple[int, int]]  # image id -> (height, width)
    categories: Mapping[int, str]  # category id -> name, in the order of ascending ids
    objects: tuple[Annotation, ...]  # id, image_id, category_id, bbox, area, iscrowd, segmentation
    has_masks: bool  # at least one object has a mask
    skipped: Mapping[str, int]  # reason -> number of annotations left out


def read_ground_truth(
    source: Path | str | Mapping[str, Any],
    sizes: Mapping[int, tuple[int, int]] | None = None,
) -> GroundTruth:
    """The ground truth in a COCO json, given as a path or as the loaded dictionary.

    `sizes` is (height, width) by image id, for files without it. Raises `DataError` D01 or D03 for
    a file that is missing or not json, D04 for no COCO instance file, D05 for an id used twice.
    """
    if isinstance(source, Mapping):
        name, content = "ground truth", source
    else:
        name, content = Path(source).name, _read_json(Path(source))
    tables = {key: _table(name, content, key) for key in ("images", "annotations", "categories")}
    size_of: dict[int, tuple[int, int]] = {}
    for image in tables["images"]:
        image_id = _unique_id(name, "images", image, size_of)
        if sizes is not None and image_id in sizes:
            size_of[image_id] = sizes[image_id]
        else:
            size_of[image_id] = (_pixels(name, image, "height"), _pixels(name, image, "width"))
    categories: dict[int, str] = {}
    for category in tables["categories"]:
        category_id = _unique_id(name, "categories", category, categories)
        categories[category_id] = str(category.get("name", category_id))
    skipped: Counter[str] = Counter()
    objects: list[Annotation] = []
    codes = polygon_codes(tables["annotations"], size_of)
    for annotation, code in zip(tables["annotations"], codes, strict=True):
        rebuilt = _rebuild(annotation, size_of, categories, code)
        if isinstance(rebuilt, str):
            skipped[rebuilt] += 1
        else:
            objects.append({"id": len(objects) + 1, **rebuilt})
    return GroundTruth(
        name=name,
        sizes=size_of,
        categories=dict(sorted(categories.items())),
        objects=tuple(objects),
        has_masks=any(annotation["segmentation"] is not None for annotation in objects),
        skipped=dict(skipped),
    )


def truth_of(index: CocoIndex) -> GroundTruth:
    """The true objects in the images of `index`.

    They are read from its file, as pycocotools would. Where `index` has other objects than the
    file, or where the file is a panoptic one, they are those of `index`.

    Raises:
        DataError: as `read_ground_truth` does, or D01, D02 or D15 for a map.
    """
    if not (index.is_panoptic or index.is_rewritten):
        truth = _regrouped(read_ground_truth(index.path, index.annotated_sizes()), index)
        return _turned(truth, index) if index.is_turned else truth
    objects: list[Annotation] = []
    for image in index.images:
        for record in image.objects:
            x1, y1, x2, y2 = record.box
            segmentation = None
            if isinstance(record.segmentation, list | dict):
                segmentation = _to_rle(record.segmentation, (image.height, image.width))
            elif record.segmentation is not None:
                segmentation = encode_mask(object_mask(record, image.height, image.width))
            objects.append(
                {
                    "id": len(objects) + 1,
                    "image_id": image.id,
                    "category_id": index.classes[record.label].id,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": record.area,
                    "iscrowd": int(record.is_crowd),
                    "segmentation": segmentation,
                }
            )
    return GroundTruth(
        name=index.path.name,
        sizes=index.sizes(),
        categories=dict(sorted((category.id, category.name) for category in index.classes)),
        objects=tuple(objects),
        has_masks=index.has_masks,
        skipped={},
    )


def _regrouped(truth: GroundTruth, index: CocoIndex) -> GroundTruth:
    """`truth` with the classes of `index`, where these are not those of the file."""
    merged = index.merged
    if merged is None:
        return truth
    objects = tuple(
        {**row, "category_id": merged[row["category_id"]]}
        for row in truth.objects
        if row["category_id"] in merged
    )
    categories = {category.id: category.name for category in index.classes}
    return replace(truth, categories=dict(sorted(categories.items())), objects=objects)


def _turned(truth: GroundTruth, index: CocoIndex) -> GroundTruth:
    """`truth` in the frame of the images of `index`, which are upright."""
    turns = {image.id: image.turn for image in index.images}
    objects = [
        turned_annotation(one, truth.sizes[one["image_id"]], turns.get(one["image_id"], 1))
        for one in truth.objects
    ]
    return replace(truth, sizes={**truth.sizes, **index.sizes()}, objects=tuple(objects))


def turned_annotation(thing: Annotation, size: tuple[int, int], turn: int) -> Annotation:
    """An annotation of an image stored with (height, width) `size`, turned upright."""
    if turn == 1:
        return thing
    x, y, width, height = thing["bbox"]
    x1, y1, x2, y2 = turned_box((x, y, x + width, y + height), size, turn)
    mask = thing["segmentation"]
    if mask is not None:
        counts = mask["counts"]
        text = counts.decode("ascii") if isinstance(counts, bytes) else counts
        mask = turned_mask({**mask, "counts": text}, size, turn)
    return {**thing, "bbox": [x1, y1, x2 - x1, y2 - y1], "segmentation": mask}


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        content = parse_json(path.read_bytes())
    except FileNotFoundError:
        raise DataError(
            "D01", f"{path}: this annotation file does not exist. Check the path."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            "D03", f"{path}: cannot be read as json ({error}). Export the annotations again."
        ) from error
    if not isinstance(content, Mapping):
        raise _not_coco(path.name, "the file is not a json object")
    return content


def _not_coco(name: str, why: str) -> DataError:
    return DataError(
        "D04",
        f"{name}: {why}, so this is not a COCO instance file. "
        'Give a json with the lists "images", "annotations" and "categories".',
    )


def _table(name: str, content: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    rows = content.get(key)
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise _not_coco(name, f'"{key}" is missing or not a list of objects')
    return rows


def _unique_id(name: str, key: str, row: Mapping[str, Any], entries: Mapping[int, Any]) -> int:
    value = row.get("id")
    if type(value) is not int:
        raise _not_coco(name, f'an entry of "{key}" has the id {brief(value)}, which is no integer')
    if value in entries:
        raise DataError(
            "D05",
            f'{name}: two entries of "{key}" have the id {value}, so what refers to it is '
            "ambiguous. Give every entry its own id.",
        )
    return value


def _pixels(name: str, image: Mapping[str, Any], key: str) -> int:
    value = image.get(key)
    if type(value) is not int or value < 1:
        raise _not_coco(
            name, f"image {image['id']} has the {key} {brief(value)} instead of a number of pixels"
        )
    return value


def _rebuild(
    annotation: Mapping[str, Any],
    sizes: Mapping[int, tuple[int, int]],
    categories: Mapping[int, str],
    code: Annotation | None,
) -> Annotation | str:
    """The annotation as the evaluator needs it (without an id), or the reason to leave it out."""
    image_id, category_id = annotation.get("image_id"), annotation.get("category_id")
    if not isinstance(image_id, int) or image_id not in sizes:
        return "objects of an image that the file does not list"
    if not isinstance(category_id, int) or category_id not in categories:
        return "objects of a category that the file does not list"
    mask = code
    if annotation.get("segmentation") and code is None:
        mask = _to_rle(annotation["segmentation"], sizes[image_id])
        if mask is None:
            return "objects with a mask that cannot be read"
    box = annotation.get("bbox")
    if box is None and mask is not None:
        box = coco_mask.toBbox(mask).tolist()
    if not isinstance(box, list) or len(box) != 4 or not all(is_number(value) for value in box):
        return "objects without a usable box"
    if box[2] < 0 or box[3] < 0:
        return "objects with a box of negative size"
    area = annotation.get("area")
    if not is_number(area):
        area = box[2] * box[3] if mask is None else int(coco_mask.area(mask))
    return {
        "image_id": image_id,
        "category_id": category_id,
        "bbox": [float(value) for value in box],
        "area": area,
        "iscrowd": int(bool(annotation.get("iscrowd", 0))),
        "segmentation": mask,
    }


def is_number(value: object) -> bool:
    """Return whether `value` is a number small enough for sums of pixels and areas."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -LARGEST < value < LARGEST


def predicted_rle(mask: Any, truth: GroundTruth, image_id: int, row: int) -> Annotation:
    """The mask of prediction number `row` as compressed run lengths of its image.

    Raises:
        DataError: D10 for a mask of another size, D04 for one that is no mask.
    """
    size, told = truth.sizes[image_id], mask.get("size") if isinstance(mask, dict) else None
    if isinstance(told, list | tuple) and tuple(told) != size:
        raise DataError(
            "D10",
            f"{truth.name}: image {image_id} is {size} (height, width) there, but a predicted "
            f"mask of it has the size {brief(tuple(told))}. Correct the height and width in the "
            "file, or put the right image in place.",
        )
    if told is not None and isinstance(mask.get("counts"), str | bytes):
        as_it_is: Annotation = mask  # not copied: there are millions of them
        return as_it_is
    code = _to_rle(mask, size)
    if code is None:
        raise DataError(
            "D04",
            f"{truth.name}: prediction {row} (image {image_id}) has a segmentation that is "
            "neither polygons nor run lengths of its image. Write it again as COCO's results.",
        )
    return code


def _to_rle(segmentation: Any, size: tuple[int, int]) -> Annotation | None:
    """`safe_rle`, or None for what is no mask of an image of this size."""
    try:
        return safe_rle(segmentation, size)
    except MalformedMaskError:
        return None


def safe_rle(segmentation: Any, size: tuple[int, int]) -> Annotation:
    """A COCO segmentation (polygons or run lengths of either kind) as compressed run lengths.

    Raises:
        MalformedMaskError: it is malformed, or made for an image of another size than `size`,
            (height, width).
    """
    try:
        safe, _ = checked(segmentation, *size)
    except EmptyMaskError:
        # As in pycocotools, an object without a pixel counts, and cannot be found.
        return encode_window(np.zeros((0, 0), dtype=bool), 0, 0, size)
    if isinstance(safe, list):
        return dict(coco_mask.merge(coco_mask.frPyObjects(safe, *size)))
    if isinstance(safe["counts"], list):
        return dict(coco_mask.frPyObjects(safe, *size))
    return dict(safe)

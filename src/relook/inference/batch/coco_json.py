"""``predictions.json``: the objects of all images, in COCO's form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pycocotools import mask as coco_mask

from ..._version import __version__
from ...data.coco.reader import Category
from ...data.coco.records import FOUND_BY_RELOOK
from ...data.panoptic.writer import panoptic_tables
from ...runtime.json_files import write_json
from ...structures.panoptic import PanopticCategory
from ..results import Result

Record = dict[str, Any]


def image_record(result: Result) -> Record:
    """One image of the file to come: file_name, width, height and objects, without ids.

    Frames of videos have `frame` and `time` as well. `image` says what was used of the image and
    what its file says, CRS and pixel size among it; `scale` how it was scaled by a diameter.
    """
    objects = []
    for one in result.to_coco(0):
        del one["image_id"]
        mask = one.get("segmentation")
        area = one["bbox"][2] * one["bbox"][3] if mask is None else coco_mask.area(mask)
        objects.append({"area": float(area), "iscrowd": 0, **one})
    height, width = result.size
    record: Record = {"file_name": result.source, "width": width, "height": height}
    record |= result.moment()
    if result.info is not None:
        record["image"] = result.info.to_json()
    if result.scale is not None:
        record["scale"] = result.scale.to_json()
    return record | {"objects": objects}


def write_predictions(
    path: Path, records: Callable[[], Iterable[Record]], classes: Sequence[Category]
) -> None:
    """Write the file; images and objects are numbered from 1 in the order of `records`.

    `files` of an image are those that were written of it, relative to the folder of the json.
    `records` is called twice, for the images and for the objects, so that a long run never has
    all objects in memory.

    Raises:
        RelookError: R02 when it cannot be written.
    """
    content = {
        "info": {"description": FOUND_BY_RELOOK, "version": __version__},
        "images": _images(records()),
        "categories": [{"id": c.id, "name": c.name} for c in classes],
        "annotations": _annotations(records()),
    }
    write_json(path, content)


def write_panoptic(
    path: Path, records: Callable[[], Iterable[Record]], categories: Iterable[PanopticCategory]
) -> None:
    """Write the json of panoptic maps, ``panoptic/NAME.png`` beside it; images as in
    `write_predictions`.

    Raises:
        RelookError: R02 when it cannot be written.
    """
    annotations = (
        {
            "image_id": number,
            "file_name": f"{record['name']}.png",
            "segments_info": record["segments"],
        }
        for number, record in enumerate(records(), start=1)
    )
    write_json(path, panoptic_tables(_images(records()), annotations, categories))


def _images(records: Iterable[Record]) -> Iterator[Record]:
    for number, record in enumerate(records, start=1):
        kept = ("file_name", "width", "height", "files", "frame", "time", "image", "scale")
        yield {"id": number, **{name: record[name] for name in kept if name in record}}


def _annotations(records: Iterable[Record]) -> Iterator[Record]:
    number = 0
    for image_id, record in enumerate(records, start=1):
        for one in record["objects"]:
            number += 1
            first = {name: one[name] for name in ("area", "iscrowd")}
            rest = {name: value for name, value in one.items() if name not in first}
            yield {"id": number, **first, "image_id": image_id, **rest}

"""One result in one file, by its kind or by the ending of the file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from ...errors import UsageError, did_you_mean
from ...runtime.csv_files import write_csv
from ...runtime.files import replacing, write_text
from ..results import Result
from .coco import coco_annotations, coco_categories, coco_image
from .cvat import cvat_document, cvat_image
from .geojson import write_geojson
from .label_studio import label_studio_task
from .labelme import labelme_record
from .labels import write_labels
from .rois import write_rois
from .yolo import yolo_lines

_BY_ENDING: Final[Mapping[str, str]] = {
    ".csv": "csv",
    ".tif": "labels",
    ".tiff": "labels",
    ".zip": "rois",
    ".geojson": "geojson",
    ".txt": "yolo",
    ".xml": "cvat",
    ".jpg": "overlay",
    ".jpeg": "overlay",
    ".png": "overlay",
}


def save_result(result: Result, path: str | Path, kind: str | None = None) -> None:
    """Write a result to the file `path`, as a whole or not at all.

    Kinds are ``overlay`` (.jpg, .png), ``csv``, ``labels`` (.tif), ``rois`` (.zip), ``geojson``,
    ``yolo`` (.txt), ``cvat`` (.xml), and of json files ``coco`` with polygons, ``labelme`` and
    ``label-studio``. Without `kind` the ending of the file says it, but for .json.

    Raises:
        UsageError: U01 for an unknown kind, U03 for an ending that tells none.
        RelookError: R02 when the file cannot be written.
    """
    path = Path(path)
    name = kind or _BY_ENDING.get(path.suffix.lower())
    if name is None:
        raise UsageError(
            "U03",
            f"{path.name}: its ending does not say the kind. Give it: "
            f"result.save(path, kind), one of {', '.join(sorted(_WRITERS))}.",
        )
    if name not in _WRITERS:
        raise UsageError("U01", f"save: unknown kind {name!r}; {did_you_mean(name, _WRITERS)}")
    _WRITERS[name](result, path)


def _overlay(result: Result, path: Path) -> None:
    picture = result.draw().convert("RGB")
    with replacing(path) as draft:
        picture.save(draft, "PNG" if path.suffix.lower() == ".png" else "JPEG", quality=92)


def _csv(result: Result, path: Path) -> None:
    table = result.table()
    write_csv(path, list(table), zip(*table.values(), strict=True))


def _labels(result: Result, path: Path) -> None:
    with replacing(path) as draft:
        write_labels(draft, result, None if result.info is None else result.info.pixel_size)


def _rois(result: Result, path: Path) -> None:
    with replacing(path) as draft:
        write_rois(draft, result)


def _geojson(result: Result, path: Path) -> None:
    info = result.info
    crs = None if info is None or info.transform is None else info.crs
    transform = None if info is None or crs is None else info.transform
    with replacing(path) as draft, draft.open("w", encoding="utf-8") as file:
        write_geojson(file, result, transform=transform, crs=crs, measurements=result.table())


def _yolo(result: Result, path: Path) -> None:
    write_text(path, "".join(f"{line}\n" for line in yolo_lines(result)))


def _cvat(result: Result, path: Path) -> None:
    with replacing(path) as draft:
        draft.write_bytes(cvat_document([cvat_image(result, 0, _image(result))]))


def _coco(result: Result, path: Path) -> None:
    content = {
        "images": [coco_image(result, 1, _image(result))],
        "categories": coco_categories(result.classes),
        "annotations": list(coco_annotations(result, 1, 1)),
    }
    _json(path, content)


def _labelme(result: Result, path: Path) -> None:
    _json(path, labelme_record(result, _image(result)))


def _label_studio(result: Result, path: Path) -> None:
    _json(path, [label_studio_task(result, _image(result))])


_WRITERS: Final[Mapping[str, Callable[[Result, Path], None]]] = {
    "overlay": _overlay,
    "csv": _csv,
    "labels": _labels,
    "rois": _rois,
    "geojson": _geojson,
    "yolo": _yolo,
    "cvat": _cvat,
    "coco": _coco,
    "labelme": _labelme,
    "label-studio": _label_studio,
}


def _image(result: Result) -> str:
    return Path(result.source or "image").name


def _json(path: Path, content: Any) -> None:
    with replacing(path) as draft, draft.open("w", encoding="utf-8") as file:
        json.dump(content, file)

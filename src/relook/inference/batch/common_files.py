"""The files that hold the results of all images of a run, written from the journal at its end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ..._version import __version__
from ...data.coco.reader import Category
from ...data.coco.records import FOUND_BY_RELOOK
from ...runtime.csv_files import write_csv
from ...runtime.files import replacing, write_text
from ...runtime.json_files import write_json
from ..writers.coco import coco_annotations, coco_categories, coco_image
from ..writers.counts import COLUMNS, with_totals
from ..writers.cvat import cvat_document, cvat_image
from ..writers.label_studio import label_studio_task, labelling_configuration
from ..writers.stored_results import result_of
from ..writers.yolo import yolo_yaml
from .coco_json import Record, write_predictions

Records = Callable[[], Iterable[Record]]
"""Calls up the records of all images in order; called once or twice, never kept in memory."""
Write = Callable[[Path, Records, Sequence[Category], float], None]

RECORDED: Final = frozenset({"coco", "panoptic", "coco-polygons", "label-studio", "cvat"})
"""Kinds that need the objects of each image in its record."""


def write_common(
    folder: Path,
    kinds: Collection[str],
    records: Records,
    classes: Sequence[Category],
    simplify: float = 0.0,
) -> None:
    """Write the files of all images of these `kinds`, but panoptic.json.

    Raises:
        RelookError: R02 when a file cannot be written.
    """
    for kind, write in _WRITERS.items():
        if kind in kinds:
            write(folder, records, classes, simplify)


def _coco(folder: Path, records: Records, classes: Sequence[Category], _: float) -> None:
    write_predictions(folder / "predictions.json", records, classes)


def _csv(folder: Path, records: Records, _: Sequence[Category], __: float) -> None:
    columns = _columns(records)
    rows = (
        values
        for record in records()
        for values in zip(*(_column(record, name) for name in columns), strict=True)
    )
    write_csv(folder / "objects.csv", columns, rows)


def _parquet(folder: Path, records: Records, _: Sequence[Category], __: float) -> None:
    import pandas as pd

    columns = _columns(records)
    data = {
        name: [value for record in records() for value in _column(record, name)] for name in columns
    }
    with replacing(folder / "objects.parquet") as draft:
        pd.DataFrame(data).to_parquet(draft)


def _counts(folder: Path, records: Records, classes: Sequence[Category], _: float) -> None:
    rows = (row for record in records() for row in record["counts"])
    names = [entry.name for entry in classes]
    write_csv(folder / "counts.csv", COLUMNS, with_totals(rows, names))


def _coco_polygons(
    folder: Path, records: Records, classes: Sequence[Category], simplify: float
) -> None:
    def annotations() -> Iterator[Mapping[str, Any]]:
        number = 1
        for image_id, record in enumerate(records(), start=1):
            for row in coco_annotations(result_of(record, classes), image_id, number, simplify):
                number = row["id"] + 1
                yield row

    images = (
        coco_image(result_of({**record, "objects": []}, classes), number, record["file_name"])
        for number, record in enumerate(records(), start=1)
    )
    content = {
        "info": {"description": FOUND_BY_RELOOK, "version": __version__},
        "images": images,
        "categories": coco_categories(classes),
        "annotations": annotations(),
    }
    write_json(folder / "annotations.json", content)


def _label_studio(
    folder: Path, records: Records, classes: Sequence[Category], simplify: float
) -> None:
    tasks = (
        label_studio_task(result_of(record, classes), record["file_name"], simplify)
        for record in records()
    )
    write_json(folder / "label-studio.json", tasks)
    names = [entry.name for entry in classes]
    write_text(folder / "label-studio.xml", labelling_configuration(names))


def _cvat(folder: Path, records: Records, classes: Sequence[Category], _: float) -> None:
    images = [
        cvat_image(result_of(record, classes), number, Path(record["file_name"]).name)
        for number, record in enumerate(records())
    ]
    with replacing(folder / "cvat.xml") as draft:
        draft.write_bytes(cvat_document(images, [entry.name for entry in classes]))


def _yolo(folder: Path, _: Records, classes: Sequence[Category], __: float) -> None:
    write_text(folder / "yolo" / "data.yaml", yolo_yaml(classes))


_WRITERS: Final[Mapping[str, Write]] = {
    "coco": _coco,
    "csv": _csv,
    "parquet": _parquet,
    "counts": _counts,
    "coco-polygons": _coco_polygons,
    "label-studio": _label_studio,
    "cvat": _cvat,
    "yolo": _yolo,
}


def _columns(records: Records) -> list[str]:
    """Columns of all tables, in the order in which they come."""
    return list(dict.fromkeys(name for record in records() for name in record["table"]))


def _column(record: Record, name: str) -> list[Any]:
    """Values of a column of one image; None where its table lacks the column."""
    table = record["table"]
    values: list[Any] = table.get(name) or [None] * len(table["id"])
    return values

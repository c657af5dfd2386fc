"""Labels of a layer, as they were corrected, as objects and as a COCO file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..data.coco.reader import Category
from ..errors import UsageError, counted
from ..inference.results import Result
from ..inference.writers.coco import coco_annotations, coco_categories, coco_image
from ..inference.writers.table import Columns, PixelSize, object_table
from ..ops.id_runs import id_extents
from ..ops.rle import encode_window
from ..runtime.files import write_text
from .objects import Row, is_missing, number_of, rows_of, score_of

UNNAMED: Final = "object"  # class of objects where nothing says another one
_KEY: Final = "relook"
_MEASURED: Final = re.compile(
    r"(mean|min|max|sum)_c\d+|.*_um2?"
)  # where samples or units are known


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerNotes:
    """Notes of a layer of labels about itself, in its `metadata`."""

    file_name: str = ""
    """Name of the image, for a COCO file."""
    classes: tuple[Category, ...] = ()
    new_class: str = UNNAMED
    """Class of the labels that have none."""

    @classmethod
    def of(cls, metadata: Mapping[str, Any]) -> LayerNotes:
        """The notes in the metadata of a layer; those of an unknown layer where there are none."""
        notes = metadata.get(_KEY)
        if not isinstance(notes, Mapping):
            return cls()
        return cls(
            file_name=str(notes.get("file_name", "")),
            classes=tuple(Category(int(c["id"]), str(c["name"])) for c in notes.get("classes", ())),
            new_class=str(notes.get("new_class", UNNAMED)),
        )

    def metadata(self) -> dict[str, Any]:
        """The notes as metadata of a layer, of plain values."""
        classes = [{"id": entry.id, "name": entry.name} for entry in self.classes]
        notes = {"file_name": self.file_name, "classes": classes, "new_class": self.new_class}
        return {_KEY: notes}


@dataclass(frozen=True, slots=True, eq=False)
class LabelledObjects:
    """The objects of a layer; a label is one object, also in several parts."""

    result: Result  # in the order of `numbers`; the score of drawn objects is NaN
    numbers: tuple[int, ...]  # labels
    drawn: int  # objects that have no score
    unclassed: int  # objects that were given the class of new labels
    missing: int  # rows of the table whose label has no pixel
    others: Columns  # columns of the table that are no measurements

    def words(self, new_class: str) -> str:
        """Describe the objects in a sentence."""
        parts = [counted(len(self.result), "object")]
        if self.drawn:
            parts.append(f"{self.drawn} without a score")
        if self.unclassed:
            parts.append(f"{self.unclassed} without a class: taken as {new_class}")
        if self.missing:
            parts.append(f"{counted(self.missing, 'row')} of the table without a pixel left out")
        return "; ".join(parts)

    def columns(
        self, pixel_size: PixelSize | None = None, samples: NDArray[Any] | None = None
    ) -> Columns:
        """The features of the objects as their labels are, as `object_table` has them, and the
        columns that the table had beside measurements.

        Raises:
            UsageError: As `object_table`.
        """
        table = object_table(self.result, pixel_size=pixel_size, samples=samples)
        table["id"] = list(self.numbers)
        others = {name: values for name, values in self.others.items() if name not in table}
        return {"index": list(self.numbers), **table, **others}


def labelled_objects(
    labels: NDArray[Any], columns: Mapping[str, Iterable[Any]], notes: LayerNotes
) -> LabelledObjects:
    """The objects of labels (H, W), where axes of length 1 may stand before the last two.

    `columns` are the features of the layer: `index` is the label, `class` the name of the class
    and `score` the score. A class that the notes do not have becomes one with the next free id.

    Raises:
        UsageError: U03 for labels of a stack, for values that are no labels, and for a table
            with two rows of a label or with cells that are no numbers.
    """
    labels = _flat(labels)
    rows = _rows_by_number(columns)
    extents = {number: box for number, (_, box) in id_extents(labels).items() if number}
    classes = list(notes.classes)
    names: list[str] = []
    unclassed = 0
    for number in extents:
        name = rows.get(number, {}).get("class")
        if is_missing(name) or not str(name):
            name, unclassed = notes.new_class, unclassed + 1
        names.append(str(name))
    known = {entry.name for entry in classes}
    for name in dict.fromkeys(names):
        if name not in known:
            classes.append(Category(max((entry.id for entry in classes), default=0) + 1, name))
    places = {entry.name: place for place, entry in reversed(list(enumerate(classes)))}
    size = labels.shape[0], labels.shape[1]
    masks, boxes = [], []
    for number, (left, top, width, height) in extents.items():
        window = labels[top : top + height, left : left + width] == number
        masks.append(encode_window(window, left, top, size))
        boxes.append((left, top, left + width, top + height))
    scores = [score_of(rows.get(number, {}), number) for number in extents]
    result = Result(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.array(scores, np.float32),
        labels=np.array([places[name] for name in names], np.int64),
        masks=tuple(masks),
        size=size,
        classes=tuple(classes),
        source=notes.file_name or None,
    )
    drawn = int(np.isnan(result.scores).sum())
    missing = len(rows.keys() - extents.keys() - {0})
    others = {
        name: [rows.get(number, {}).get(name) for number in extents]
        for name in map(str, columns)
        if name != "index" and not _MEASURED.fullmatch(name)
    }
    return LabelledObjects(result, tuple(extents), drawn, unclassed, missing, others)


def coco_document(objects: LabelledObjects, file_name: str) -> dict[str, Any]:
    """The objects of one image as a COCO file: polygons along the edges of pixels.

    Objects that were drawn have no score.
    """
    result = objects.result
    scores = np.nan_to_num(result.scores)
    annotations = list(coco_annotations(replace(result, scores=scores), 1, 1))
    for annotation, score in zip(annotations, result.scores, strict=True):
        if np.isnan(score):
            del annotation["score"], annotation["attributes"]
    return {
        "images": [coco_image(result, 1, file_name)],
        "categories": coco_categories(result.classes),
        "annotations": annotations,
    }


def save_coco(
    path: Path | str,
    objects: LabelledObjects,
    file_name: str,
    *,
    over: bool = False,
) -> None:
    """Write the objects of one image as a COCO file, `over` one that is there only if told so.

    Raises:
        UsageError: U04 for a file that is there.
        RelookError: R02 when it cannot be written.
    """
    path = Path(path)
    if path.exists() and not over:
        raise UsageError(
            "U04",
            f"{path} exists, and is not written over without asking. Choose another name; the "
            'button "Save as COCO" of the widget asks.',
        )
    write_text(path, json.dumps(coco_document(objects, file_name), allow_nan=False) + "\n")


def _flat(labels: NDArray[Any]) -> NDArray[np.integer[Any]]:
    """Labels (H, W) without leading axes of length 1."""
    if labels.ndim < 2 or any(side != 1 for side in labels.shape[:-2]):
        raise UsageError(
            "U03",
            f"the labels have shape {labels.shape}, and objects of COCO lie in one image. Take the "
            "plane out of the stack into a layer of its own.",
        )
    flat = labels.reshape(labels.shape[-2:])
    if flat.dtype.kind not in "ui" or not flat.size or int(flat.min()) < 0:
        raise UsageError(
            "U03",
            f"the labels are {flat.dtype} of shape {flat.shape}: expected whole numbers from 0.",
        )
    return flat


def _rows_by_number(columns: Mapping[str, Iterable[Any]]) -> dict[int, Row]:
    """Rows of a table by their label: `index`, or, as napari has it, the place of the row."""
    rows = rows_of(columns)
    by_number: dict[int, Row] = {}
    for place, row in enumerate(rows):
        number = number_of(row, place)
        if number in by_number:
            raise UsageError(
                "U03",
                f"the table of the layer has two rows of label {number} (column index). Remove "
                "one of them.",
            )
        by_number[number] = row
    return by_number

"""Objects of an image as the page shows and changes them."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from ...errors import UsageError
from ...inference.results import ClassLike, Result
from ...inference.writers.shapes import object_windows
from ...ops.rle import decode_runs, encode_runs
from ...ops.runs import Runs, window_runs
from ...structures.detection import Size
from .cutting import cut
from .shapes import Ring, Shape, box_of, runs_of, shape_of

State = Literal["predicted", "accepted", "drawn"]
STATES: Final = ("predicted", "accepted", "drawn")
LONGEST_ID: Final = 64  # characters


@dataclass(frozen=True, slots=True, eq=False)
class PageObject:
    """One object: its pixels, its class, and who says that it is there."""

    id: str
    label: int  # row in the classes of the project
    score: float | None  # of the model; None for what a person drew
    state: State
    runs: Runs

    def record(self, size: Size) -> dict[str, Any]:
        """The object as json values, in an image of (height, width) `size`."""
        return {
            "id": self.id,
            "class": self.label,
            "score": self.score,
            "state": self.state,
            "box": list(box_of(self.runs, size[0])),
            "area": self.runs.area,
            "shape": shape_of(self.runs, size[0]),
        }


def read_object(record: Mapping[str, Any], size: Size, num_classes: int) -> PageObject:
    """The object of a record that the page sent; its box and area are measured anew.

    Raises:
        UsageError: U03 for values that no object has, and as `runs_of`.
    """
    number, label, score = record["id"], record["class"], record["score"]
    name = f"object {number[:LONGEST_ID]!r}"
    if not 0 < len(number) <= LONGEST_ID:
        raise UsageError("U03", f"{name}: expected an id of 1 to {LONGEST_ID} characters.")
    if not 0 <= label < num_classes:
        raise UsageError(
            "U03",
            f"{name}: there is no class {label}. Classes are numbered 0 to {num_classes - 1}.",
        )
    if score is not None and not 0 <= score <= 1:  # also true for NaN
        raise UsageError("U03", f"{name}: expected a score from 0 to 1, or null.")
    if record["state"] not in STATES:
        raise UsageError("U03", f"{name}: expected a state of {', '.join(STATES)}.")
    return PageObject(number, label, score, record["state"], runs_of(record["shape"], size, name))


def read_objects(
    records: Sequence[Mapping[str, Any]], size: Size, num_classes: int
) -> list[PageObject]:
    """The objects of records, whose ids must differ; raises as `read_object`."""
    objects = [read_object(record, size, num_classes) for record in records]
    ids = [entry.id for entry in objects]
    if len(set(ids)) < len(ids):
        twice = next(name for place, name in enumerate(ids) if name in ids[:place])
        raise UsageError("U03", f"object {twice!r} is there twice. Give each its own id.")
    return objects


def found_objects(result: Result, rows: Mapping[str, int], prefix: str = "o") -> list[PageObject]:
    """The objects of a result that have a pixel; `rows` are labels of the project by name."""
    height = result.size[0]
    objects = []
    for number, window in enumerate(object_windows(result), start=1):
        if result.masks is not None:
            runs = decode_runs(result.masks[number - 1])
        else:
            runs = window_runs(*window, height)
        if not len(runs.starts):
            continue
        label = rows[result.classes[int(result.labels[number - 1])].name]
        score = round(float(result.scores[number - 1]), 6)
        objects.append(PageObject(f"{prefix}{number}", label, score, "predicted", runs))
    return objects


def result_of(
    objects: Sequence[PageObject], size: Size, classes: Sequence[ClassLike], source: str
) -> Result:
    """The objects as a result, best first; what a person drew has the score 1."""
    scored = sorted(objects, key=lambda entry: -_score_of(entry))
    boxes = [box_of(entry.runs, size[0]) for entry in scored]
    return Result(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.array([_score_of(entry) for entry in scored], np.float32),
        labels=np.array([entry.label for entry in scored], np.int64),
        masks=tuple(encode_runs(entry.runs, size) for entry in scored),
        size=size,
        classes=tuple(classes),
        source=source,
    )


def divided(entry: PageObject, line: Ring, size: Size) -> list[PageObject]:
    """The objects that a line cuts an object into, largest first; raises as `cut`."""
    return [
        replace(entry, id=_new_id(), score=None, state="drawn", runs=runs)
        for runs in cut(entry.runs, size[0], line)
    ]


def merged(objects: Sequence[PageObject]) -> PageObject:
    """One object of the pixels of all, with the class of the largest.

    Raises:
        UsageError: U04 for fewer than two.
    """
    if len(objects) < 2:
        raise UsageError("U04", "merging takes two objects or more. Choose another one too.")
    largest = max(objects, key=lambda entry: entry.runs.area)
    runs = Runs.union([entry.runs for entry in objects])
    return PageObject(_new_id(), largest.label, None, "drawn", runs)


def measured(shape: Shape, size: Size) -> dict[str, Any]:
    """A drawn shape as its pixels in the image: the shape along their edges, its box and area.

    Raises:
        UsageError: As `runs_of`.
    """
    record = PageObject("", 0, None, "drawn", runs_of(shape, size, "the shape")).record(size)
    return {name: record[name] for name in ("shape", "box", "area")}


def _score_of(entry: PageObject) -> float:
    return 1.0 if entry.score is None or math.isnan(entry.score) else entry.score


def _new_id() -> str:
    return f"d{secrets.token_hex(4)}"

"""Detections of a cascade that stops after its first stage, its second, ..."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...data.images import Pixels
from ...inference.predictor import Predictor
from ...inference.results import Result
from ...ops.rle import encode_mask
from ...visualization.overlay import draw_objects
from ...visualization.palette import Color, spread_colors
from ...visualization.sheet import Row, contact_sheet
from ..compare.matching import highest_first, ious_of, objects_of
from .inspected_image import InspectedImage, detect

SAME: Final = 0.3  # IoU of boxes from which an object of a stage is one of the last stage
MOVED: Final = 0.9  # IoU to its last box under which an object's box is called moved
DROPPED: Final[Color] = (120, 124, 132)  # objects that the last stage does not have


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """The objects after a number of stages."""

    stages: int
    result: Result
    shown_from: float  # least score of its objects

    def statistics(self) -> dict[str, Any]:
        """Numbers for json: how many objects are shown, their scores and boxes."""
        result = self.result
        return {
            "stages": self.stages,
            "objects": len(result),
            "shown from": self.shown_from,
            "mean score": float(np.mean(result.scores)) if len(result) else None,
            "boxes": result.boxes.tolist(),
            "scores": result.scores.tolist(),
            "labels": result.labels.tolist(),
        }


class Course(NamedTuple):
    """The way of the objects of one stage to those of the last."""

    last: NDArray[
        np.int64
    ]  # (N,) row of the last stage for each object; -1 for one that is dropped
    iou: NDArray[np.float64]  # (N,) of its box with the last one; 0 for one that is dropped
    missing: tuple[int, ...]  # rows of the last stage that this stage does not have

    def statistics(self) -> dict[str, Any]:
        """Numbers for json: what stays, moves, is dropped and is not there yet."""
        kept = self.iou[self.last >= 0]
        return {
            "kept": len(kept),
            "moved": int((kept < MOVED).sum()),
            "dropped": int((self.last < 0).sum()),
            "not there yet": len(self.missing),
            "mean IoU to the last box": float(kept.mean()) if len(kept) else None,
        }


def results_by_stage(predictor: Predictor, inspected: InspectedImage) -> list[Stage]:
    """Detect with the first stage only, with the first two, ... and with all stages."""
    cascade: Any = predictor.detector.cascade
    return [
        Stage(n, detect(predictor.first_stages(n), inspected), predictor.shown_from)
        for n in range(1, len(cascade.rules) + 1)
    ]


def courses_of(stages: list[Stage]) -> list[Course]:
    """The course of each stage's objects: pairs of one class, the highest IoU of boxes first."""
    last = stages[-1].result
    return [_course(stage.result, last) for stage in stages]


def table_of_ious(courses: list[Course]) -> list[dict[str, Any]]:
    """IoU of each object's last box with its box of every stage; None where it is missing."""
    rows = []
    for row in range(len(courses[-1].last)):
        found = [np.flatnonzero(course.last == row) for course in courses]
        ious = [
            float(course.iou[places[0]]) if len(places) else None
            for course, places in zip(courses, found, strict=True)
        ]
        rows.append({"object": row + 1, "IoU to the last box by stage": ious})
    return rows


def draw_stages(stages: list[Stage], image: Pixels) -> Image.Image:
    """The panels of `draw_stages_apart`, side by side, with what changes from stage to stage."""
    courses = courses_of(stages)
    headings, pictures = zip(*draw_stages_apart(stages, image), strict=True)
    pairs = zip(stages[:-1], courses[:-1], strict=True)
    caption = "; ".join(_words(stage.stages, course) for stage, course in pairs)
    title = "One colour an object; grey: dropped later; only a box: not found yet"
    return contact_sheet([Row(pictures, caption)], headings, title=title, cell=520)


def draw_stages_apart(stages: list[Stage], image: Pixels) -> list[tuple[str, Image.Image]]:
    """The objects of every stage over `image` (H, W, 3), with the number of the stage in words.

    An object has one colour in all panels; one that a later stage drops is grey. What is not there
    yet has a thin box where it will be.
    """
    courses = courses_of(stages)
    last = stages[-1].result
    colors = spread_colors(last.boxes)
    panels = []
    for stage, course in zip(stages, courses, strict=True):
        result = stage.result
        own = [colors[row] if row >= 0 else DROPPED for row in course.last]
        boxes = np.concatenate([result.boxes, last.boxes[list(course.missing)]])
        masks = None
        if result.masks is not None:
            nothing = encode_mask(np.zeros(result.size, dtype=np.bool_))
            masks = [*result.masks, *[nothing] * len(course.missing)]
        own += [colors[row] for row in course.missing]
        picture = draw_objects(image, boxes, masks, colors=own, show_boxes=True, legend=False)
        heading = f"{stage.stages} of {len(stages)} stages: {len(result)} objects"
        panels.append((heading, picture))
    return panels


def _course(result: Result, last: Result) -> Course:
    ious = ious_of(objects_of(result, with_masks=False), objects_of(last, with_masks=False))
    rows, found = np.full(len(result), -1, dtype=np.int64), np.zeros(len(result))
    for row, column in highest_first(ious, SAME):
        rows[row], found[row] = column, ious[row, column]
    missing = tuple(n for n in range(len(last)) if n not in rows)
    return Course(rows, found, missing)


def _words(stages: int, course: Course) -> str:
    told = course.statistics()
    moved, dropped, missing = (told[key] for key in ("moved", "dropped", "not there yet"))
    return f"after stage {stages}: {moved} still move, {dropped} are dropped, {missing} come"

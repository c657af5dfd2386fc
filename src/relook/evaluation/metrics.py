"""The numbers of an evaluation, as values, as json and as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from ..errors import counted, first_few
from .counting import IOU, Counting
from .curves import Curves
from .statistics.weighted_precision import Resampled

FORMAT_VERSION = 1


class Numbers(Protocol):
    """Numbers of a study, as `Metrics` keeps them."""

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary for json."""
        ...


N = TypeVar("N", bound=Numbers)


@dataclass(frozen=True, slots=True)
class Section:
    """Optional numbers of an evaluation, such as those by crowding."""

    name: str  # in the json
    numbers: Numbers
    text: str  # below the table


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Score of one class; its averages are nan when the ground truth has no object of it."""

    id: int
    name: str
    ap: float
    ap50: float
    ar: float  # share of the objects that is found, mean over the IoU thresholds of AP
    num_objects: int  # without crowd regions
    num_detections: int


@dataclass(frozen=True, slots=True)
class Scores:
    """The twelve COCO numbers in [0, 1]; nan where the ground truth has no such object.

    All of them but `ar_1` and `ar_10` count up to `Metrics.max_dets` detections of a class in an
    image, which may differ from COCO's usual limit of 100.
    """

    ap: float
    ap50: float
    ap75: float
    ap_small: float
    ap_medium: float
    ap_large: float
    ar_1: float
    ar_10: float
    ar_n: float
    ar_small: float
    ar_medium: float
    ar_large: float
    classes: tuple[ClassScore, ...] = ()

    @property
    def per_class(self) -> dict[str, float]:
        """Class name -> AP, nan for a class without objects; a name used twice gets its id."""
        names = [score.name for score in self.classes]
        return {
            score.name if names.count(score.name) == 1 else f"{score.name} ({score.id})": score.ap
            for score in self.classes
        }

    def numbers(self) -> dict[str, float]:
        """The twelve numbers by name, in the order in which COCO lists them."""
        return {name: getattr(self, name) for name in NUMBERS}


NUMBERS = tuple(name for name in Scores.__dataclass_fields__ if name != "classes")


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metrics of an evaluation."""

    box: Scores
    mask: Scores | None  # None when the ground truth or the detections have no masks
    max_dets: int
    num_images: int
    num_objects: int  # without crowd regions
    num_crowd: int
    num_detections: int
    sizes: Mapping[str, int]  # small, medium, large -> number of objects
    skipped: Mapping[str, int]  # reason -> number of annotations or detections left out
    # Both of masks where `mask` is not None, else of boxes.
    counting: Counting | None  # at the threshold of the call; None without one
    best_counting: Counting | None  # at the best threshold; None if no object was found
    curves: Curves  # of masks where `mask` is not None, else of boxes; not part of the json
    sections: tuple[Section, ...] = ()  # optional numbers
    resampled: Resampled | None = None  # None without resampling; not part of the json

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary for json, with None for nan."""
        return {
            "version": FORMAT_VERSION,
            "max_dets": self.max_dets,
            "images": self.num_images,
            "objects": self.num_objects,
            "objects_by_size": dict(self.sizes),
            "crowd_regions": self.num_crowd,
            "detections": self.num_detections,
            "skipped": dict(self.skipped),
            "box": _scores_to_json(self.box),
            "mask": None if self.mask is None else _scores_to_json(self.mask),
            "counting": {
                "iou": IOU,
                "kind": self.kind,
                "at_shown_from": _counting_to_json(self.counting),
                "best": _counting_to_json(self.best_counting),
            },
            **{section.name: section.numbers.to_json() for section in self.sections},
        }

    def section(self, kind: type[N]) -> N | None:
        """The numbers of this kind; None where they were not computed."""
        for section in self.sections:
            if isinstance(section.numbers, kind):
                return section.numbers
        return None

    @property
    def kind(self) -> Literal["box", "mask"]:
        """Kind of the counts and curves: masks where there are any, else boxes."""
        return "box" if self.mask is None else "mask"

    @property
    def scores(self) -> Scores:
        """Scores of `kind`."""
        return self.box if self.mask is None else self.mask

    def table(self, per_class: bool | None = None) -> str:
        """The numbers as plain text of at most 80 columns, boxes beside masks.

        `per_class` adds a line for every class; by default when there is more than one. Class
        names are not escaped: print them without markup, so that brackets are kept.
        """
        if per_class is None:
            per_class = len(self.box.classes) > 1
        lines = [*self._summary(), "", *self._number_lines(), *self._counting_lines()]
        if per_class:
            lines += ["", *self._class_lines()]
        for reason, count in self.skipped.items():
            lines.append(f"left out: {count} x {reason}")
        for section in self.sections:
            lines += ["", section.text]
        return "\n".join(lines)

    def _summary(self) -> list[str]:
        crowd = f" and {counted(self.num_crowd, 'crowd region')}" if self.num_crowd else ""
        return [
            f"{counted(self.num_objects, 'object')}{crowd} in {counted(self.num_images, 'image')}, "
            f"{counted(self.num_detections, 'detection')}",
            f"counted: at most {counted(self.max_dets, 'detection')} of a class in an image",
        ]

    def _number_lines(self) -> list[str]:
        limit = self.max_dets
        small, medium, large = (self.sizes[name] for name in ("small", "medium", "large"))
        titles = (
            "AP        IoU 0.50 to 0.95",
            "AP50      IoU 0.50",
            "AP75      IoU 0.75",
            f"AP small  {small} objects under 32 x 32 pixels",
            f"AP medium {medium} objects",
            f"AP large  {large} objects over 96 x 96 pixels",
            f"AR at {min(1, limit)}",
            f"AR at {min(10, limit)}",
            f"AR at {limit}",
            "AR small",
            "AR medium",
            "AR large",
        )
        columns = [self.box] if self.mask is None else [self.box, self.mask]
        header = "".join(f"{name:>8}" for name in ("boxes", "masks")[: len(columns)])
        lines = [f"{'':<48}{header}"]
        for title, name in zip(titles, NUMBERS, strict=True):
            values = "".join(f"{_number(getattr(scores, name)):>8}" for scores in columns)
            lines.append(f"{title:<48}{values}")
        return lines

    def _counting_lines(self) -> list[str]:
        """Lines on counting; empty without a threshold of the call and without a best one."""
        columns = []
        if self.counting is not None:
            columns.append((f"at {self.counting.threshold:.4g}", self.counting))
        if self.best_counting is not None:
            columns.append((f"best: {self.best_counting.threshold:.4g}", self.best_counting))
        if not columns:
            return []
        lines = ["", f"{'score threshold':<36}{''.join(f'{name:>14}' for name, _ in columns)}"]
        for title, name, form in (
            (f"F1 at IoU {IOU} ({self.kind})", "f1", ".3f"),
            ("precision", "precision", ".3f"),
            ("recall", "recall", ".3f"),
            ("count error an image, objects", "count_error", ".2f"),
            ("found too many (+) or too few (-)", "count_bias", "+.2f"),
            ("count error in % of all objects", "count_error_percent", ".1f"),
        ):
            values = "".join(
                f"{_number(getattr(counting, name), form):>14}" for _, counting in columns
            )
            lines.append(f"{title:<36}{values}")
        return lines

    def _class_lines(self) -> list[str]:
        columns = [self.box] if self.mask is None else [self.box, self.mask]
        heads = ["box AP", "mask AP"][: len(columns)]
        lines = [f"{'class':<28}{'objects':>9}{'found':>9}{''.join(f'{h:>10}' for h in heads)}"]
        empty: list[str] = []
        for row, score in enumerate(self.box.classes):
            if score.num_objects == 0:
                empty.append(score.name)
                continue
            values = "".join(f"{_number(scores.classes[row].ap):>10}" for scores in columns)
            name = score.name if len(score.name) <= 28 else score.name[:25] + "..."
            lines.append(f"{name:<28}{score.num_objects:>9}{score.num_detections:>9}{values}")
        if empty:
            shown = first_few(empty, 6)
            classes = counted(len(empty), "class", "classes")
            lines.append(f"no objects of {classes}: {shown}")
        return lines


def _number(value: float, form: str = ".3f") -> str:
    return "-" if math.isnan(value) else format(value, form)


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _counting_to_json(counting: Counting | None) -> dict[str, float | None] | None:
    if counting is None:
        return None
    return {name: _or_none(value) for name, value in counting.numbers().items()}


def _scores_to_json(scores: Scores) -> dict[str, Any]:
    content: dict[str, Any] = {name: _or_none(value) for name, value in scores.numbers().items()}
    content["classes"] = [
        {
            "id": score.id,
            "name": score.name,
            "ap": _or_none(score.ap),
            "ap50": _or_none(score.ap50),
            "ar": _or_none(score.ar),
            "objects": score.num_objects,
            "detections": score.num_detections,
        }
        for score in scores.classes
    ]
    return content

"""Panoptic quality as values and as json."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...structures.panoptic import PanopticCategory

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class ClassQuality:
    """Quality of the segments of a class; nan without true and found segments."""

    id: int
    name: str
    is_thing: bool
    tp: int  # pairs of a true and a found segment that match
    fp: int  # found segments without a match
    fn: int  # true segments without a match
    iou: float  # sum over the pairs that match

    @property
    def is_counted(self) -> bool:
        """Return whether averages include the class: it has a true or a found segment."""
        return self.tp + self.fp + self.fn > 0

    @property
    def pq(self) -> float:
        """Panoptic quality in [0, 1]: `sq` times `rq`."""
        return self.iou / (self.tp + (self.fp + self.fn) / 2) if self.is_counted else math.nan

    @property
    def sq(self) -> float:
        """Segmentation quality: mean IoU of the pairs that match, 0 if none does."""
        return self.iou / max(self.tp, 1) if self.is_counted else math.nan

    @property
    def rq(self) -> float:
        """Recognition quality: the F1 of matches."""
        return self.tp / (self.tp + (self.fp + self.fn) / 2) if self.is_counted else math.nan

    def to_json(self) -> dict[str, Any]:
        """A dictionary that json can write: nan becomes None."""
        return {
            "id": self.id,
            "name": self.name,
            "isthing": int(self.is_thing),
            **{name: _or_none(getattr(self, name)) for name in ("pq", "sq", "rq")},
            **{name: getattr(self, name) for name in ("tp", "fp", "fn")},
            "iou_sum": self.iou,
        }


@dataclass(frozen=True, slots=True)
class Quality:
    """Means over the classes that have a true or a found segment; nan if there is no such class."""

    pq: float
    sq: float
    rq: float
    num_classes: int

    def to_json(self) -> dict[str, Any]:
        """A dictionary that json can write: nan becomes None."""
        means = {name: _or_none(getattr(self, name)) for name in ("pq", "sq", "rq")}
        return {**means, "classes": self.num_classes}


@dataclass(frozen=True, slots=True)
class PanopticScores:
    """Scores of a panoptic evaluation."""

    classes: tuple[ClassQuality, ...]
    num_images: int

    @property
    def all(self) -> Quality:
        """Means over all classes."""
        return _mean(self.classes)

    @property
    def things(self) -> Quality:
        """Means over the classes of things."""
        return _mean(tuple(score for score in self.classes if score.is_thing))

    @property
    def stuff(self) -> Quality:
        """Means over the classes of stuff."""
        return _mean(tuple(score for score in self.classes if not score.is_thing))

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary for json, with None for nan."""
        return {
            "version": FORMAT_VERSION,
            "images": self.num_images,
            "all": self.all.to_json(),
            "things": self.things.to_json(),
            "stuff": self.stuff.to_json(),
            "classes": [score.to_json() for score in self.classes],
        }


def summed(
    categories: Sequence[PanopticCategory], images: Iterable[Iterable[ClassQuality]]
) -> PanopticScores:
    """The scores of several images together; each image has the classes counted in it."""
    counts = {category.id: (0, 0, 0) for category in categories}
    ious = {category.id: [0.0] for category in categories}
    num_images = 0
    for image in images:
        num_images += 1
        for score in image:
            tp, fp, fn = counts[score.id]
            counts[score.id] = tp + score.tp, fp + score.fp, fn + score.fn
            ious[score.id].append(score.iou)
    classes = (
        ClassQuality(c.id, c.name, c.is_thing, *counts[c.id], math.fsum(ious[c.id]))
        for c in categories
    )
    return PanopticScores(tuple(classes), num_images)


def _mean(classes: tuple[ClassQuality, ...]) -> Quality:
    counted = [score for score in classes if score.is_counted]
    if not counted:
        return Quality(math.nan, math.nan, math.nan, 0)
    pq, sq, rq = (
        math.fsum(values) / len(counted)
        for values in zip(*((score.pq, score.sq, score.rq) for score in counted), strict=True)
    )
    return Quality(pq, sq, rq, len(counted))


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value

"""Summary of a comparison of two models: counts, a table for people, rows for files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from ...errors import counted
from ...inference.results import Result
from ...runtime.csv_files import csv_text
from .matching import Match, Verdict, objects_of
from .run import Compared, disagreement

FORMAT_VERSION: Final = 1
_COLUMNS: Final = (
    "image",
    "class",
    "verdict",
    "score_a",
    "score_b",
    "iou_between",
    "iou_a_truth",
    "iou_b_truth",
    "disagreement",
    "x",
    "y",
    "width",
    "height",
)
_WORDS: Final[dict[Verdict, str]] = {
    "alike": "found by both, neither clearly better",
    "a better": "found by both, A's outline clearly better",
    "b better": "found by both, B's outline clearly better",
    "differ": "found by both, outlines differ",
    "a only": "found by A only",
    "b only": "found by B only",
    "neither": "in the truth, found by neither",
    "both wrong": "not in the truth, found by both",
    "a wrong": "not in the truth, found by A only",
    "b wrong": "not in the truth, found by B only",
    "a crowd": "found by A on a crowd region, not counted",
    "b crowd": "found by B on a crowd region, not counted",
}
_MEANS: Final = {
    "iou_between": "IoU of A and B",
    "iou_a_truth": "IoU of A and the truth",
    "iou_b_truth": "IoU of B and the truth",
}
_MOST_IMAGES: Final = 10  # lines of the table about single images


class Model(NamedTuple):
    """One of the two models."""

    name: str
    score: float  # from which its objects count
    classes: Sequence[str]


class _Image(NamedTuple):
    """Row of an image: its path, `Compared.difference`, and how often each verdict."""

    path: Path
    difference: float
    counts: Counter[Verdict]


@dataclass(slots=True)
class Summary:
    """Summary that grows image by image; keeps one row per object, and no pixels."""

    a: Model
    b: Model
    truth_classes: Sequence[str] | None = None  # None: the truth is not known
    rows: list[dict[str, Any]] = field(default_factory=list)
    _images: list[_Image] = field(default_factory=list)
    _with_masks: bool = False

    def add(self, compared: Compared) -> None:
        """Add the objects of one more image."""
        counts = Counter(match.verdict for match in compared.matches)
        self._images.append(_Image(compared.image, compared.difference, counts))
        self.rows.extend(_row(compared, match) for match in compared.matches)
        self._with_masks = compared.with_masks

    @property
    def counts(self) -> dict[Verdict, int]:
        """Number of objects of each verdict."""
        total = sum((image.counts for image in self._images), Counter[Verdict]())
        return {verdict: total[verdict] for verdict in _WORDS if total[verdict]}

    @property
    def by_difference(self) -> list[_Image]:
        """The images, those in which the models differ most first."""
        return sorted(self._images, key=lambda image: -image.difference)

    def unshared_classes(self) -> dict[str, dict[str, int]]:
        """Class -> number of its objects, for classes that only A, only B or only the truth has."""
        a, b = set(self.a.classes), set(self.b.classes)
        only = {"a": a - b, "b": b - a, "truth": set(self.truth_classes or ()) - a - b}
        counts = Counter(row["class"] for row in self.rows)
        return {side: {name: counts[name] for name in sorted(only[side])} for side in only}

    def table(self) -> str:
        """The counts, and the images that differ most, as lines of text."""
        kind = "masks" if self._with_masks else "boxes"
        lines = [
            f"A: {self.a.name}, objects from score {self.a.score:g}",
            f"B: {self.b.name}, objects from score {self.b.score:g}",
            f"{counted(len(self._images), 'image')}, compared by {kind}",
            "",
            *(f"{count:7d}  {_WORDS[verdict]}" for verdict, count in self.counts.items()),
        ]
        for name, mean in self.mean_ious().items():
            lines.append(f"{mean:7.3f}  mean {_MEANS[name]}, of objects found by both")
        for side, names in self.unshared_classes().items():
            owner = "only the truth" if side == "truth" else f"only {side.upper()}"
            lines.extend(
                f"class {name}: {owner} has it ({counted(count, 'object')})"
                for name, count in names.items()
            )
        differing = [image for image in self.by_difference if image.difference > 0]
        if differing:
            lines += ["", "largest differences:"]
        for image in differing[:_MOST_IMAGES]:
            verdicts = ", ".join(
                f"{image.counts[verdict]} {verdict}" for verdict in _WORDS if image.counts[verdict]
            )
            lines.append(f"{image.path}: {verdicts}")
        return "\n".join(lines)

    def mean_ious(self) -> dict[str, float]:
        """Mean IoU over the objects found by both: of A and B, and of each with the truth."""
        found_by_both = [row for row in self.rows if row["iou_between"] is not None]
        with_truth = [row for row in found_by_both if row["iou_a_truth"] is not None]
        rows = {"iou_between": found_by_both, "iou_a_truth": with_truth, "iou_b_truth": with_truth}
        return {
            name: float(np.mean([row[name] for row in chosen]))
            for name, chosen in rows.items()
            if chosen
        }

    def to_json(self) -> dict[str, Any]:
        """The summary as a dictionary for json; images that differ most first."""
        return {
            "version": FORMAT_VERSION,
            "a": self.a._asdict(),
            "b": self.b._asdict(),
            "outlines": "masks" if self._with_masks else "boxes",
            "with_truth": self.truth_classes is not None,
            "counts": self.counts,
            "mean_iou_of_found_by_both": self.mean_ious(),
            "unshared_classes": self.unshared_classes(),
            "images": [
                {
                    "image": str(image.path),
                    "difference": image.difference,
                    "counts": dict(image.counts),
                }
                for image in self.by_difference
            ],
            "objects": self._sorted_rows(),
        }

    def to_csv(self) -> str:
        """One line per object; images that differ most first."""
        return csv_text(_COLUMNS, ([row[name] for name in _COLUMNS] for row in self._sorted_rows()))

    def _sorted_rows(self) -> list[dict[str, Any]]:
        place = {str(image.path): rank for rank, image in enumerate(self.by_difference)}
        return sorted(self.rows, key=lambda row: place[row["image"]])


def _row(compared: Compared, match: Match) -> dict[str, Any]:
    a, b = (objects_of(result, compared.with_masks) for result in (compared.a, compared.b))
    if match.truth is not None and compared.truth is not None:
        box = compared.truth.objects.box(match.truth)
    else:
        box = b.box(match.b) if match.b is not None else a.box(match.a or 0)
    values = (
        str(compared.image),
        match.name,
        match.verdict,
        _score(compared.a, match.a),
        _score(compared.b, match.b),
        match.between,
        match.a_truth,
        match.b_truth,
        disagreement(match),
        *box,
    )
    return dict(zip(_COLUMNS, values, strict=True))


def _score(result: Result, row: int | None) -> float | None:
    return None if row is None else float(result.scores[row])

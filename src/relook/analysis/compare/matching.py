"""Matching of the objects of two models, and of the truth.

Two outlines of one class match when their IoU is 0.5 or more; pairs with the highest IoU are
matched first. Scores are not used: they are not comparable between models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from ...evaluation.counting import IOU
from ...inference.results import RLE, Result

CLEARLY: Final = 0.05  # a mask is better when its IoU with the truth is higher by at least this
AGREEING: Final = 0.75  # without the truth, two masks are alike from this IoU on

Verdict = Literal[
    "alike",  # found by both, neither clearly better
    "a better",
    "b better",
    "differ",  # found by both, with masks that do not agree; no truth to tell which is right
    "a only",
    "b only",
    "neither",  # in the truth, found by none
    "a wrong",  # not in the truth
    "b wrong",
    "both wrong",
    "a crowd",  # on a crowd region: neither right nor wrong
    "b crowd",
]


class Objects(NamedTuple):
    """N outlines of one image, all masks or all boxes."""

    names: Sequence[str]  # class of each
    outlines: Sequence[RLE] | NDArray[np.float64]  # N codes, or (N, 4) x, y, width, height

    def box(self, row: int) -> tuple[float, float, float, float]:
        """x, y, width and height of an outline in pixels."""
        outline: Any = self.outlines[row]
        x, y, width, height = coco_mask.toBbox(outline) if isinstance(outline, dict) else outline
        return float(x), float(y), float(width), float(height)


class Truth(NamedTuple):
    """Objects in one image."""

    objects: Objects
    crowd: Objects  # crowd regions, several objects annotated as one


@dataclass(frozen=True, slots=True)
class Match:
    """One object: its row in the objects of A, of B and of the truth, where it has one."""

    name: str  # its class
    verdict: Verdict
    a: int | None = None  # row in the objects of A
    b: int | None = None
    truth: int | None = None
    between: float | None = None  # IoU of A's outline and B's
    a_truth: float | None = None  # IoU of A's outline and the truth
    b_truth: float | None = None


def objects_of(result: Result, with_masks: bool) -> Objects:
    """The outlines of `result`: its masks, or its boxes."""
    if with_masks and result.masks is not None:
        return Objects(result.names, result.masks)
    boxes = result.boxes.astype(np.float64)
    return Objects(result.names, np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]))


def match_objects(a: Objects, b: Objects, truth: Truth | None = None) -> list[Match]:
    """Match the objects of A, of B and of `truth`; each object is in exactly one match.

    With the truth, the objects of A and B that match one true object are one match, however little
    they overlap. All others, and all objects without the truth, are matched by their overlap.
    """
    between = ious_of(a, b)
    if truth is None:
        matches = _by_overlap(a, b, between, range(len(a.names)), range(len(b.names)))
        return [replace(match, verdict=_agreement(match)) for match in matches]
    to_truth = [ious_of(side, truth.objects) for side in (a, b)]
    rows_by_truth = [{true: row for row, true in highest_first(ious)} for ious in to_truth]
    matches = [
        _true_match(row, name, rows_by_truth, to_truth, between)
        for row, name in enumerate(truth.objects.names)
    ]
    crowds = [_on_crowd(side, truth.crowd) for side in (a, b)]
    left = []
    sides: tuple[tuple[Objects, Verdict], ...] = ((a, "a crowd"), (b, "b crowd"))
    for side, (objects, verdict) in enumerate(sides):
        free = sorted(set(range(len(objects.names))) - set(rows_by_truth[side].values()))
        left.append([row for row in free if not crowds[side][row]])
        for row in (row for row in free if crowds[side][row]):
            where = {"a": row} if side == 0 else {"b": row}
            matches.append(Match(objects.names[row], verdict, **where))
    wrong: dict[Verdict, Verdict] = {"a only": "a wrong", "b only": "b wrong"}
    matches.extend(
        replace(match, verdict=wrong.get(match.verdict, "both wrong"))
        for match in _by_overlap(a, b, between, *left)
    )
    return matches


def _true_match(
    truth: int,
    name: str,
    rows_by_truth: Sequence[dict[int, int]],
    to_truth: Sequence[NDArray[np.float64]],
    between: NDArray[np.float64],
) -> Match:
    """The match of a true object; `rows_by_truth` has the rows of A and of B by true object."""
    a, b = (rows.get(truth) for rows in rows_by_truth)
    a_truth = None if a is None else float(to_truth[0][a, truth])
    b_truth = None if b is None else float(to_truth[1][b, truth])
    verdict: Verdict = "alike"
    if a_truth is None or b_truth is None:
        verdict = "a only" if a is not None else "b only" if b is not None else "neither"
    elif abs(a_truth - b_truth) >= CLEARLY:
        verdict = "a better" if a_truth > b_truth else "b better"
    overlap = None if a is None or b is None else float(between[a, b])
    return Match(name, verdict, a, b, truth, overlap, a_truth, b_truth)


def _by_overlap(
    a: Objects,
    b: Objects,
    between: NDArray[np.float64],
    rows: Sequence[int],
    columns: Sequence[int],
) -> list[Match]:
    """Match the objects `rows` of A with the objects `columns` of B by overlap."""
    pairs = [
        (rows[row], columns[column])
        for row, column in highest_first(between[np.ix_(rows, columns)])
    ]
    of_b = dict(pairs)
    matches = []
    for row in rows:
        column = of_b.get(row)
        if column is None:
            matches.append(Match(a.names[row], "a only", a=row))
        else:
            overlap = float(between[row, column])
            matches.append(Match(a.names[row], "alike", row, column, between=overlap))
    matched_b = set(of_b.values())
    matches.extend(Match(b.names[row], "b only", b=row) for row in columns if row not in matched_b)
    return matches


def _agreement(match: Match) -> Verdict:
    if match.between is not None and match.between < AGREEING:
        return "differ"
    return match.verdict


def highest_first(ious: NDArray[np.float64], least: float = IOU) -> list[tuple[int, int]]:
    """(row, column) of outlines whose IoU is `least` or more, each row and column at most once."""
    rows, columns = np.nonzero(ious >= least)
    pairs: list[tuple[int, int]] = []
    free_rows, free_columns = set(rows.tolist()), set(columns.tolist())
    for place in np.argsort(-ious[rows, columns], kind="stable").tolist():
        row, column = int(rows[place]), int(columns[place])
        if row in free_rows and column in free_columns:
            free_rows.remove(row)
            free_columns.remove(column)
            pairs.append((row, column))
    return pairs


def ious_of(a: Objects, b: Objects, crowd: bool = False) -> NDArray[np.float64]:
    """IoU (N of a, N of b), zero where classes differ; in a `crowd`, the share of A's outline."""
    if not len(a.names) or not len(b.names):
        return np.zeros((len(a.names), len(b.names)))
    left: Any = a.outlines if isinstance(a.outlines, np.ndarray) else list(a.outlines)
    right: Any = b.outlines if isinstance(b.outlines, np.ndarray) else list(b.outlines)
    ious = np.asarray(coco_mask.iou(left, right, [crowd] * len(b.names)), dtype=np.float64)
    is_same_class = np.asarray(a.names)[:, None] == np.asarray(b.names)[None]
    return np.where(is_same_class, ious, 0.0)


def _on_crowd(objects: Objects, crowd: Objects) -> NDArray[np.bool_]:
    """Return whether half or more of each object is on a crowd region of its class, (N,)."""
    return np.asarray((ious_of(objects, crowd, crowd=True) >= IOU).any(axis=1))

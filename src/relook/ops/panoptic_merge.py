"""Merging of objects and pixel labels into one map; every pixel belongs to one segment.

The rule is that of the combining script of COCO's panoptic API
(https://github.com/cocodataset/panopticapi), which the papers use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ..structures.panoptic import VOID, PanopticMap, Segment
from .compiled import nms
from .rle import RLE, decode_window


@dataclass(frozen=True, slots=True)
class PanopticRule:
    """Rule of the merging of objects and labels; see `config.model.PanopticConfig`."""

    score: float = 0.5
    overlap: float = 0.5
    stuff_area: int = 4096
    suppress_iou: float | None = None
    max_objects: int | None = None
    order: Literal["score", "area"] = "score"


class Objects(NamedTuple):
    """The N objects of one image."""

    boxes: NDArray[np.float32]  # (N, 4)
    scores: NDArray[np.float32]  # (N,)
    category_ids: Sequence[int]  # N
    masks: Sequence[RLE]  # N compressed run-length codes


class _Window(NamedTuple):
    """One object's mask, cut out."""

    row: int  # in `Objects`
    mask: NDArray[np.bool_]  # (h, w)
    left: int
    top: int
    area: int


def merge(
    objects: Objects,
    semantic: NDArray[np.uint8],
    stuff: Mapping[int, int],
    rule: PanopticRule | None = None,
) -> PanopticMap:
    """One map of `objects` and of the `semantic` labels (H, W) uint8 of the same image.

    Objects are placed one after the other, the best first, each on its free pixels; an object of
    which too much is covered is left out. The remaining pixels go to stuff: `stuff` is the category
    id of each label that is stuff; pixels of other labels, and of stuff too small, stay void.
    Segments are numbered from 1 in this order, stuff by ascending category id.
    """
    rule = rule or PanopticRule()
    ids = np.full(semantic.shape, VOID, dtype=np.int32)
    segments: list[Segment] = []
    for window in _in_order(objects, rule):
        height, width = window.mask.shape
        region = ids[window.top : window.top + height, window.left : window.left + width]
        free = window.mask & (region == VOID)
        area = int(np.count_nonzero(free))
        if not area or window.area - area > rule.overlap * window.area:
            continue
        number = len(segments) + 1
        region[free] = number
        x, y, wide, high = _box(free)
        segments.append(
            Segment(
                id=number,
                category_id=objects.category_ids[window.row],
                is_thing=True,
                area=area,
                box=(window.left + x, window.top + y, wide, high),
                score=float(objects.scores[window.row]),
                instance=window.row,
            )
        )
    segments.extend(_lay_stuff(ids, semantic, stuff, rule.stuff_area, len(segments) + 1))
    return PanopticMap(ids, tuple(segments))


def _in_order(objects: Objects, rule: PanopticRule) -> Iterator[_Window]:
    """The objects in the order of placing, the top one first."""
    scores = np.asarray(objects.scores)
    rows = np.argsort(-scores, kind="stable")
    rows = rows[scores[rows] >= np.float32(rule.score)]
    if rule.suppress_iou is not None:
        boxes = torch.from_numpy(np.asarray(objects.boxes, dtype=np.float32)[rows])
        kept = nms(boxes, torch.from_numpy(scores[rows].astype(np.float32)), rule.suppress_iou)
        rows = rows[np.sort(kept.numpy())]
    windows = (_window(objects, row) for row in rows[: rule.max_objects].tolist())
    if rule.order == "area":
        return iter(sorted(windows, key=lambda window: window.area))
    return windows


def _window(objects: Objects, row: int) -> _Window:
    mask, left, top = decode_window(objects.masks[row])
    return _Window(row, mask, left, top, int(np.count_nonzero(mask)))


def _lay_stuff(
    ids: NDArray[np.int32],
    semantic: NDArray[np.uint8],
    stuff: Mapping[int, int],
    least: int,
    number: int,
) -> Iterator[Segment]:
    """Give the free pixels of `ids` to stuff, whose segments are numbered from `number`."""
    category_of = np.zeros(256, dtype=np.int64)  # 0: no stuff; the table of places, from 1
    categories = sorted(set(stuff.values()))
    for label, category in stuff.items():
        category_of[label] = 1 + categories.index(category)
    places = category_of[semantic]
    places[ids != VOID] = 0
    areas = np.bincount(places.ravel(), minlength=len(categories) + 1)
    for place, (category, area) in enumerate(zip(categories, areas[1:].tolist(), strict=True), 1):
        if area and area >= least:
            mask = places == place
            ids[mask] = number
            yield Segment(number, category, False, area, _box(mask))
            number += 1


def _box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """x, y, width and height of the box of `mask`, which is not empty."""
    xs, ys = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    x, y = int(xs[0]), int(ys[0])
    return x, y, int(xs[-1]) - x + 1, int(ys[-1]) - y + 1

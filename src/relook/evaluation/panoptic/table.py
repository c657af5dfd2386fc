"""Panoptic quality as plain text."""

from __future__ import annotations

import math

from ...errors import counted, first_few
from .scores import ClassQuality, PanopticScores, Quality


def panoptic_table(scores: PanopticScores, per_class: bool = True) -> str:
    """`scores` as plain text of at most 80 columns; `per_class` adds a line for every class.

    Class names are not escaped: print them without markup, so that brackets are kept.
    """
    lines = [f"{'':<10}{'PQ':>8}{'SQ':>8}{'RQ':>8}{'classes':>10}"]
    for title in ("all", "things", "stuff"):
        quality: Quality = getattr(scores, title)
        lines.append(f"{title:<10}{_triple(quality)}{quality.num_classes:>10}")
    if per_class:
        lines += ["", *_class_lines(scores)]
    return "\n".join(lines)


def _class_lines(scores: PanopticScores) -> list[str]:
    heads = f"{'PQ':>8}{'SQ':>8}{'RQ':>8}{'matched':>9}{'wrong':>7}{'missed':>8}"
    lines = [f"{'class':<24}{'':<7}{heads}"]
    for score in scores.classes:
        if score.is_counted:
            name = score.name if len(score.name) <= 24 else score.name[:21] + "..."
            kind = "thing" if score.is_thing else "stuff"
            counts = f"{score.tp:>9}{score.fp:>7}{score.fn:>8}"
            lines.append(f"{name:<24}{kind:<7}{_triple(score)}{counts}")
    empty = [score.name for score in scores.classes if not score.is_counted]
    if empty:
        shown = first_few(empty, 4)
        classes = counted(len(empty), "class", "classes")
        lines.append(f"neither there nor found, {classes}: {shown}")
    return lines


def _triple(quality: Quality | ClassQuality) -> str:
    values = (quality.pq, quality.sq, quality.rq)
    return "".join(f"{'-' if math.isnan(v) else format(v, '.3f'):>8}" for v in values)

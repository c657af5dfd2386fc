"""Panoptic quality as text to read."""

from __future__ import annotations

import math

from ...errors import counted, first_few
from .scores import ClassQuality, PanopticScores, Quality


def panoptic_table(scores: PanopticScores, per_class: bool = True) -> str:
    """`scores` as plain text of at most 80 columns; `per_class` adds a line for every class.

    Class names are printed as they are: a printer with markup of its own must be told to leave
    brackets alone.
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
    for one in scores.classes:
        if one.is_counted:
            name = one.name if len(one.name) <= 24 else one.name[:21] + "..."
            kind = "thing" if one.is_thing else "stuff"
            counts = f"{one.tp:>9}{one.fp:>7}{one.fn:>8}"
            lines.append(f"{name:<24}{kind:<7}{_triple(one)}{counts}")
    empty = [one.name for one in scores.classes if not one.is_counted]
    if empty:
        shown = first_few(empty, 4)
        classes = counted(len(empty), "class", "classes")
        lines.append(f"neither there nor found, {classes}: {shown}")
    return lines


def _triple(quality: Quality | ClassQuality) -> str:
    values = (quality.pq, quality.sq, quality.rq)
    return "".join(f"{'-' if math.isnan(v) else format(v, '.3f'):>8}" for v in values)

"""Accuracy against time of the rows, as a picture without words around it (SVG)."""

from __future__ import annotations

import html
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from .table import RowResult

WIDTH, HEIGHT, MARGIN = 640, 400, 56
COLOURS = ("#1f6feb", "#d1541d", "#2e8540", "#8250df", "#9a6700", "#57606a")
_ROOM = 0.08  # of the span, around the outermost points


@dataclass(frozen=True, slots=True)
class _Axis:
    """A span of numbers, and the pixels it is drawn on."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def plot(rows: Sequence[RowResult]) -> str:
    """AP over milliseconds an image: a point a row, its bar from the worst to the best seed.

    AP of masks, or of boxes where no row has masks. Rows without an AP or a time are left out.
    """
    kind = "mask" if any(row.values("mask", "ap") for row in rows) else "box"
    points = [
        (row.name, 1000 * row.seconds, row.values(kind, "ap"))
        for row in rows
        if row.seconds is not None and row.values(kind, "ap")
    ]
    drawn = _points(points) if points else f'<text x="{MARGIN}" y="{MARGIN}">nothing to show</text>'
    floor, wall = HEIGHT - MARGIN, WIDTH - MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        f'<path d="M{MARGIN} {MARGIN}V{floor}H{wall}" fill="none" stroke="#8c959f"/>'
        f'<text x="{MARGIN}" y="{MARGIN - 24}">{kind} AP</text>'
        f'<text x="{wall}" y="{floor + 36}" text-anchor="end">ms an image</text>{drawn}</svg>\n'
    )


def _points(points: Sequence[tuple[str, float, list[float]]]) -> str:
    across = _axis([x for _, x, _ in points], MARGIN, WIDTH - MARGIN)
    up = _axis([y for _, _, ys in points for y in ys], HEIGHT - MARGIN, MARGIN)
    parts = []
    for number, (name, x, ys) in enumerate(points):
        colour = COLOURS[number % len(COLOURS)]
        left, middle = across.at(x), up.at(statistics.mean(ys))
        bar = f"M{left:.1f} {up.at(min(ys)):.1f}V{up.at(max(ys)):.1f}"
        parts += [
            f'<path d="{bar}" stroke="{colour}" stroke-width="1.5"/>',
            f'<circle cx="{left:.1f}" cy="{middle:.1f}" r="4" fill="{colour}"/>',
            f'<text x="{left + 7:.1f}" y="{middle - 6:.1f}" fill="{colour}">'
            f"{html.escape(name)}</text>",
        ]
    for value, y in ((up.low, up.start), (up.high, up.end)):
        parts.append(f'<text x="{MARGIN - 6}" y="{y + 4}" text-anchor="end">{value:.1f}</text>')
    for value, x in ((across.low, across.start), (across.high, across.end)):
        floor = HEIGHT - MARGIN + 18
        parts.append(f'<text x="{x}" y="{floor}" text-anchor="middle">{value:.0f}</text>')
    return "".join(parts)


def _axis(values: Sequence[float], start: float, end: float) -> _Axis:
    low, high = min(values), max(values)
    room = _ROOM * (high - low) or 1.0
    return _Axis(low - room, high + room, start, end)

"""Points with bars, or joined to lines, over two axes: panels beside each other, as SVG."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .charts import ticks

WIDTH, HEIGHT, MARGIN = 640, 400, 56
COLOURS = ("#1f6feb", "#d1541d", "#2e8540", "#8250df", "#9a6700", "#57606a")
_ROOM = 0.08  # of the span, around the outermost points
_LINE = 16  # pixels, of the names of lines
_BESIDE = 3  # pixels between the bars of lines at the same x


class Point(NamedTuple):
    """A value at x, and the ends of its bar."""

    x: float
    y: float
    low: float
    high: float


class Series(NamedTuple):
    """Points of one name: a label at the point, or a line and an entry in the list of names."""

    name: str
    points: Sequence[Point]
    place: int  # among all names; it says the colour
    is_line: bool = False


class Panel(NamedTuple):
    """What is drawn over one pair of axes."""

    series: Sequence[Series]
    across: str
    up: str
    has_zero: bool = False  # a line at zero, which is then always in sight


def drawn(panels: Sequence[Panel]) -> str:
    """An SVG with the `panels` from left to right."""
    parts = [
        f'<g transform="translate({number * WIDTH} 0)">{_panel(panel)}</g>'
        for number, panel in enumerate(panels)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH * len(panels)} {HEIGHT}" '
        'role="img" font-family="sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    """A span of numbers, and the pixels it is drawn on."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def _panel(panel: Panel) -> str:
    floor, wall = HEIGHT - MARGIN, WIDTH - MARGIN
    frame = (
        f'<path d="M{MARGIN} {MARGIN}V{floor}H{wall}" fill="none" stroke="#8c959f"/>'
        f'<text x="{MARGIN}" y="{MARGIN - 24}">{html.escape(panel.up)}</text>'
        f'<text x="{wall}" y="{floor + 36}" text-anchor="end">{html.escape(panel.across)}</text>'
    )
    points = [point for one in panel.series for point in one.points]
    if not points:
        return f'{frame}<text x="{MARGIN + 8}" y="{MARGIN}">nothing to show</text>'
    across = _axis([one.x for one in points], MARGIN, wall)
    ends = [end for one in points for end in (one.low, one.high)]
    up = _axis([*ends, 0.0] if panel.has_zero else ends, floor, MARGIN)
    parts = [frame, *_scales(across, up)]
    if panel.has_zero:
        parts.append(f'<path d="M{MARGIN} {up.at(0):.1f}H{wall}" stroke="#d0d7de"/>')
    for number, one in enumerate(panel.series):
        parts += _series(one, number - (len(panel.series) - 1) / 2, across, up)
    return "".join(parts)


def _series(one: Series, beside: float, across: _Axis, up: _Axis) -> list[str]:
    colour = COLOURS[one.place % len(COLOURS)]
    has_bars = any(p.low != p.high for p in one.points)
    shift = _BESIDE * beside if one.is_line and has_bars else 0.0
    places = [(across.at(p.x) + shift, up.at(p.y), up.at(p.low), up.at(p.high)) for p in one.points]
    radius = 2 if one.is_line else 4
    parts = []
    for x, y, low, high in places:
        if low != high:
            parts.append(f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="{colour}" '
                         'stroke-width="1.5"/>')  # fmt: skip
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}"/>')
    name = html.escape(one.name)
    if one.is_line:
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}"/>')
        place = f'x="{WIDTH - MARGIN}" y="{MARGIN + one.place * _LINE}" text-anchor="end"'
        parts.append(f'<text {place} fill="{colour}">{name}</text>')
    else:
        for x, y, _, _ in places:
            parts.append(f'<text x="{x + 7:.1f}" y="{y - 6:.1f}" fill="{colour}">{name}</text>')
    return parts


def _scales(across: _Axis, up: _Axis) -> list[str]:
    """Round numbers along the axes."""
    parts, floor = [], HEIGHT - MARGIN
    for value in ticks(up.low, up.high):
        y = up.at(value)
        parts.append(f'<path d="M{MARGIN} {y:.1f}h-4" stroke="#8c959f"/>')
        parts.append(f'<text x="{MARGIN - 7}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    for value in ticks(across.low, across.high):
        x = across.at(value)
        parts.append(f'<path d="M{x:.1f} {floor}v4" stroke="#8c959f"/>')
        parts.append(f'<text x="{x:.1f}" y="{floor + 18}" text-anchor="middle">{value:g}</text>')
    return parts


def _axis(values: Sequence[float], start: float, end: float) -> _Axis:
    low, high = min(values), max(values)
    room = _ROOM * (high - low) or 1.0
    return _Axis(low - room, high + room, start, end)

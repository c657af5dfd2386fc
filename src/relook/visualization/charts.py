"""Charts as SVG: lines and points with bars over two axes, and panels of them side by side.

In a page they scale with its width and have its colours. As files they have a background and a list
of names of their own. Names that are too long are cut off, and shown in full under the pointer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from .page import legend, paragraph, titled
from .svg import PAPER, SIZE, SOFT, color, dot, path, polyline, rect, svg, width_of, word

Range = tuple[float, float]
Point = tuple[float, float] | tuple[float, float, float, float]
"""x and y, and if there is a bar, its low and high end."""
Look = Literal["line", "dots", "names", "dashed"]
"""A line, a line with a dot at each point, dots with the name beside them, a dashed grey line."""

_BESIDE = 3  # pixels between the bars of lines at the same x
_ROW = 17  # pixels, of the list of names
_SWATCH = 20  # pixels, of a colour in this list
_LATE = 0.7  # of the width; names of points right of it are on the left of their point
_DENSE = 8  # ticks that are too many for an axis


class Curve(NamedTuple):
    """Points of one name; those that are not finite are left out, without a gap in the line."""

    name: str
    points: Sequence[Point]
    is_pale: bool = False  # one of many: thin, grey, and not in the legend
    look: Look = "line"
    place: int | None = None  # number of the colour; by default, that of the curve in its panel


class Axes(NamedTuple):
    """Axes of a chart: by default the range of the data, the vertical one from 0."""

    across: str  # quantity of the horizontal axis
    x_range: Range | None = None
    y_range: Range | None = None
    marks: Mapping[str, float] = {}  # vertical lines by name, at their x
    up: str = ""  # quantity of the vertical axis
    has_zero: bool = True  # whether the vertical axis shows 0; a logarithmic one never does
    is_log: bool = False  # both axes


class Panel(NamedTuple):
    """Content of one pair of axes."""

    curves: Sequence[Curve]
    axes: Axes


class Layout(NamedTuple):
    """Size of a panel and of its margins outside of the axes, in pixels."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    room: float = 0.0  # of the span, around the outermost points
    is_whole: bool = True  # whether it has a background and a list of names


# In a page: small, so that letters stay readable on narrow screens.
PAGE = Layout(440, 250, 46, 14, 12, 40, is_whole=False)
SHEET = Layout(520, 360, 46, 24, 14, 46, 0.08)
SQUARE = Layout(320, 300, 46, 16, 14, 46, 0.04)


def chart(title: str, curves: Sequence[Curve], axes: Axes) -> str:
    """A figure of `curves` with its title, axes and legend; a sentence if there are no points."""
    entries = [(curve.name, shade) for curve, shade in _shaded(curves, axes) if not curve.is_pale]
    if not entries:
        return titled(title, paragraph("Nothing was recorded."))
    return titled(title, line_chart(title, curves, axes) + legend(entries))


def line_chart(title: str, curves: Sequence[Curve], axes: Axes) -> str:
    """An SVG of `curves` without their names."""
    return panels(title, [Panel(curves, axes)], PAGE)


def panels(title: str, panel_list: Sequence[Panel], layout: Layout = SHEET) -> str:
    """An SVG with the panels of `panel_list` from left to right; `title` is for screen readers."""
    names = [_names(panel, layout) if layout.is_whole else [] for panel in panel_list]
    rows = max((row + 1 for entries in names for _, row, _, _ in entries), default=0)
    width, height = layout.width * len(panel_list), layout.height + (_ROW * rows + 6 if rows else 0)
    parts = [rect(0, 0, width, height, fill=PAPER)] if layout.is_whole else []
    for number, (panel, entries) in enumerate(zip(panel_list, names, strict=True)):
        content = _panel(panel, layout) + "".join(_name(*entry, layout) for entry in entries)
        parts.append(f'<g transform="translate({number * layout.width} 0)">{content}</g>')
    return svg(title, width, height, "".join(parts))


@dataclass(frozen=True, slots=True)
class Axis:
    """A span of numbers, or of their decadic logarithms, and its pixels."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    @classmethod
    def of(
        cls, values: Sequence[float], room: float, start: float, end: float, is_log: bool
    ) -> Axis:
        """An axis for all `values`, with the fraction `room` of its span free at either end."""
        scaled = [math.log10(value) if is_log else value for value in values]
        low, high = min(scaled), max(scaled)
        return cls(low - room * (high - low), high + room * (high - low), start, end, is_log)

    def at(self, value: float) -> float:
        """The pixel of `value`; of the nearest end outside; the middle for an empty span."""
        if self.high <= self.low:
            return (self.start + self.end) / 2
        scaled = math.log10(value) if self.is_log else value
        share = min(max((scaled - self.low) / (self.high - self.low), 0.0), 1.0)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """At most seven round numbers, ascending."""
        return (log_ticks if self.is_log else ticks)(self.low, self.high)


def ticks(low: float, high: float) -> list[float]:
    """At most seven round numbers from `low` to `high`."""
    if high <= low:
        return [low]
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """At most seven round numbers from ten to the power of `low` to that of `high`."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    for factors in ((1,), (1, 2, 5)):
        numbers = [
            float(f"{factor}e{power}")
            for power in powers
            for factor in factors
            if low - 1e-9 <= math.log10(factor) + power <= high + 1e-9
        ]
        if len(numbers) > 2:
            return numbers[:: 1 + len(numbers) // _DENSE]
    return ticks(10.0**low, 10.0**high)


class _Spot(NamedTuple):
    """A point with its bar."""

    x: float
    y: float
    low: float
    high: float

    @classmethod
    def of(cls, point: Point) -> _Spot:
        return cls(*point) if len(point) == 4 else cls(point[0], point[1], point[1], point[1])

    def is_drawable(self, axes: Axes) -> bool:
        return all(math.isfinite(value) and (value > 0 or not axes.is_log) for value in self)


def _shaded(curves: Sequence[Curve], axes: Axes) -> list[tuple[Curve, str]]:
    """Curves with at least one drawable point, with only these points, and their colours."""
    shaded, number = [], 0
    for curve in curves:
        points = [p for p in curve.points if _Spot.of(p).is_drawable(axes)]
        if not points:
            continue
        is_grey = curve.is_pale or curve.look == "dashed"
        shade = SOFT if is_grey else color(number if curve.place is None else curve.place)
        number += not is_grey
        shaded.append((curve._replace(points=points), shade))
    return shaded


def _panel(panel: Panel, layout: Layout) -> str:
    axes, curves = panel.axes, _shaded(panel.curves, panel.axes)
    top = layout.top + (18 if axes.up else 0)
    floor, wall = layout.height - layout.bottom, layout.width - layout.right
    titles = word((layout.left + wall) / 2, layout.height - 6, axes.across, "middle", room=wall)
    titles += word(4, top - 10, axes.up, room=wall) if axes.up else ""
    spots = [_Spot.of(point) for curve, _ in curves for point in curve.points]
    if not spots:
        frame = path(f"M{layout.left} {top}V{floor}H{wall}")
        return frame + titles + word(layout.left + 8, top + 16, "nothing to show")
    ends = [end for spot in spots for end in (spot.low, spot.high)]
    zero = [0.0] if axes.has_zero and not axes.is_log else []
    y = _axis(axes.y_range, [*ends, *zero], layout, (floor, top), axes.is_log)
    left = max(layout.left, *(int(width_of(_number(tick))) + 8 for tick in y.ticks()))
    x = _axis(axes.x_range, [spot.x for spot in spots], layout, (left, wall), axes.is_log)
    plot = _Plot(x, y, layout.width)
    drawn = [plot.scales(), titles]
    if zero and y.low < 0 < y.high:
        drawn.append(path(f"M{left} {y.at(0):.1f}H{wall}", SOFT))
    drawn += [plot.mark(name, value) for name, value in axes.marks.items()]
    curves.sort(key=lambda pair: not pair[0].is_pale)
    barred = [curve for curve, _ in curves if curve.look == "dots" and _has_bars(curve)]
    for curve, shade in curves:
        beside = barred.index(curve) - (len(barred) - 1) / 2 if curve in barred else 0.0
        drawn.append(plot.curve(curve, shade, _BESIDE * beside))
    return "".join(drawn)


def _axis(
    span: Range | None, values: Sequence[float], layout: Layout, pixels: Range, is_log: bool
) -> Axis:
    room = layout.room if span is None else 0.0
    return Axis.of(span or values, room, *pixels, is_log)


def _has_bars(curve: Curve) -> bool:
    return any(spot.low != spot.high for spot in map(_Spot.of, curve.points))


class _Plot(NamedTuple):
    """Drawing of values in a panel."""

    x: Axis
    y: Axis
    width: float  # of the panel

    def scales(self) -> str:
        """Lines at round heights, and round numbers at both axes."""
        floor, lines, words = self.y.start, [], []
        for value in self.y.ticks():
            y = self.y.at(value)
            lines.append(f"M{self.x.start} {y:.1f}H{self.x.end}")
            words.append(word(self.x.start - 6, y + 4, _number(value), "end"))
        lines.append(f"M{self.x.start} {floor}H{self.x.end}")
        end = 0.0
        for value in self.x.ticks():
            x, text = self.x.at(value), _number(value)
            lines.append(f"M{x:.1f} {floor}v4")
            half = width_of(text) / 2
            inside = min(x, self.width - half)
            if inside - half > end:  # it does not overlap the number before
                words.append(word(inside, floor + 17, text, "middle"))
                end = inside + half
        return path("".join(lines)) + "".join(words)

    def mark(self, name: str, value: float) -> str:
        """A vertical line with its name."""
        x, top = self.x.at(value), self.y.end
        line = path(f"M{x:.1f} {top}V{self.y.start}", SOFT, ' stroke-dasharray="4 3"')
        return line + self.beside(x, top + 10, 4, name, SOFT)

    def beside(self, x: float, y: float, shift: float, text: str, shade: str) -> str:
        """Text beside a point, on the side where it stays in the panel."""
        before, after = x - self.x.start - shift, self.width - x - shift
        is_late = x > self.x.start + _LATE * (self.x.end - self.x.start)
        if is_late or (after < width_of(text) and after < before):
            return word(x - shift, y, text, "end", shade, room=before)
        return word(x + shift, y, text, "start", shade, room=after)

    def curve(self, curve: Curve, shade: str, shift: float) -> str:
        """The line, bars, dots and names of a curve, `shift` pixels to the right."""
        spots = [_Spot.of(point) for point in curve.points]
        places = [(self.x.at(spot.x) + shift, self.y.at(spot.y)) for spot in spots]
        parts = []
        if curve.look != "names" and len(places) > 1:
            width = 0.7 if curve.is_pale else 2 if curve.look == "line" else 1.2
            dashes = ' stroke-dasharray="4 4"' if curve.look == "dashed" else ""
            attributes = f' stroke-width="{width}" stroke-linejoin="round"{dashes}'
            parts.append(polyline(places, shade, curve.name, attributes))
        for (x, _), spot in zip(places, spots, strict=True):
            if spot.low != spot.high:
                bar = f"M{x:.1f} {self.y.at(spot.low):.1f}V{self.y.at(spot.high):.1f}"
                parts.append(path(bar, shade, ' stroke-width="1.5"'))
        if curve.look in ("dots", "names") or len(places) == 1:
            radius = 2.5 if curve.look == "dots" else 4
            parts += [dot(x, y, radius, shade, curve.name) for x, y in places]
        if curve.look == "names":
            parts += [self.beside(x, y - 6, 7, curve.name, shade) for x, y in places]
        return "".join(parts)


_Entry = tuple[float, int, str, str]  # x, row, name, colour


def _names(panel: Panel, layout: Layout) -> list[_Entry]:
    """The names of a panel's lines, in rows from left to right."""
    entries: list[_Entry] = []
    x, row = float(layout.left), 0
    for curve, shade in _shaded(panel.curves, panel.axes):
        if curve.is_pale or curve.look == "names":
            continue
        wide = _SWATCH + width_of(curve.name) + SIZE
        if entries and x + wide > layout.width:
            x, row = float(layout.left), row + 1
        entries.append((x, row, curve.name, shade))
        x += wide
    return entries


def _name(x: float, row: int, name: str, shade: str, layout: Layout) -> str:
    y = layout.height + row * _ROW + 14
    line = path(f"M{x:.1f} {y - 4}h{_SWATCH - 6}", shade, ' stroke-width="3"')
    return line + word(x + _SWATCH, y, name, room=layout.width - x - _SWATCH)


def _number(value: float) -> str:
    return f"{value:,.10g}"

"""Curves as SVG that stretches with the page and follows its colours."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .page import legend, paragraph, titled

WIDTH, HEIGHT = 440, 250  # small, so that letters stay readable where it is drawn narrower
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 12, 40
COLORS = ("#0b6bcb", "#c2540a", "#1a7f4b", "#8250df", "#9a6700", "#bf3989")  # where no page is
Point = tuple[float, float]
Range = tuple[float, float]


class Curve(NamedTuple):
    """A named line; a point with nan interrupts nothing and is left out."""

    name: str
    points: Sequence[Point]
    is_pale: bool = False  # one of many: thin, grey, and not in the legend


class Axes(NamedTuple):
    """What is drawn over what: by default as far as the data goes, the vertical axis from 0."""

    across: str  # what the horizontal one counts
    x_range: Range | None = None
    y_range: Range | None = None
    marks: Mapping[str, float] = {}  # vertical lines by name, at their x


def chart(title: str, curves: Sequence[Curve], axes: Axes) -> str:
    """A figure of `curves` with its title, axes and legend; words if there is nothing to draw."""
    named = [one for one in _known(curves) if not one.is_pale]
    if not named:
        return titled(title, paragraph("Nothing was recorded."))
    entries = [(one.name, _color(number)) for number, one in enumerate(named)]
    return titled(title, line_chart(title, curves, axes) + legend(entries))


def line_chart(title: str, curves: Sequence[Curve], axes: Axes) -> str:
    """An SVG of `curves`, which also stands for itself."""
    known = _known(curves)
    points = [point for one in known for point in one.points] or [(0.0, 0.0)]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    plot = _Plot(axes.x_range or (min(xs), max(xs)), axes.y_range or (min(0.0, *ys), max(0.0, *ys)))
    pale = [one for one in known if one.is_pale]
    named = [one for one in known if not one.is_pale]
    drawn = [plot.axes(axes.across)]
    drawn += [plot.mark(name, x) for name, x in axes.marks.items()]
    drawn += [plot.line(one, "var(--soft,#57606a)", 0.7) for one in pale]
    drawn += [plot.line(one, _color(number), 2) for number, one in enumerate(named)]
    label = html.escape(title)
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box}>{"".join(drawn)}</svg>'


class _Plot(NamedTuple):
    """Where values stand in the picture."""

    xs: Range
    ys: Range

    def x(self, value: float) -> float:
        share = (value - self.xs[0]) / max(self.xs[1] - self.xs[0], 1e-9)
        return LEFT + min(max(share, 0), 1) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.ys[0]) / max(self.ys[1] - self.ys[0], 1e-9)
        return HEIGHT - BOTTOM - min(max(share, 0), 1) * (HEIGHT - TOP - BOTTOM)

    def axes(self, across: str) -> str:
        floor, right = HEIGHT - BOTTOM, WIDTH - RIGHT
        lines, words = [], []
        for value in ticks(*self.ys):
            y = self.y(value)
            lines.append(f"M{LEFT} {y:.1f}H{right}")
            words.append(_word(LEFT - 6, y + 4, f"{value:g}", "end"))
        for value in ticks(*self.xs):
            x = self.x(value)
            lines.append(f"M{x:.1f} {floor}v4")
            words.append(_word(x, floor + 17, f"{value:g}", "middle"))
        words.append(_word((LEFT + right) / 2, HEIGHT - 5, across, "middle"))
        grid = f'<path d="{"".join(lines)}" fill="none" style="stroke:var(--line,#d5dae1)"/>'
        return grid + "".join(words)

    def line(self, curve: Curve, color: str, width: float) -> str:
        places = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in curve.points)
        return (
            f'<polyline fill="none" style="stroke:{color}" stroke-width="{width}" '
            f'stroke-linejoin="round" points="{places}"><title>{html.escape(curve.name)}</title>'
            "</polyline>"
        )

    def mark(self, name: str, value: float) -> str:
        x = self.x(value)
        is_right = x > WIDTH * 0.7
        anchor, shift = ("end", -4) if is_right else ("start", 4)
        line = f"M{x:.1f} {TOP}V{HEIGHT - BOTTOM}"
        return (
            f'<path d="{line}" fill="none" stroke-dasharray="4 3" '
            'style="stroke:var(--soft,#57606a)"/>' + _word(x + shift, TOP + 10, name, anchor)
        )


def _known(curves: Sequence[Curve]) -> list[Curve]:
    """Those with points, and of these the points that can be drawn."""
    cleaned = [
        one._replace(points=[p for p in one.points if math.isfinite(p[0]) and math.isfinite(p[1])])
        for one in curves
    ]
    return [one for one in cleaned if one.points]


def ticks(low: float, high: float) -> list[float]:
    """At most seven round numbers from `low` to `high`."""
    if high <= low:
        return [low]
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _color(number: int) -> str:
    """The colour of the page, or the same on its own; after the last comes the first."""
    place = number % len(COLORS)
    return f"var(--s{place},{COLORS[place]})"


def _word(x: float, y: float, text: str, anchor: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    font = 'font-family="sans-serif" font-size="12"'
    return f'<text {place} {font} style="fill:var(--soft,#57606a)">{html.escape(text)}</text>'

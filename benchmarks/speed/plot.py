"""Growth as a picture: time against size in log-log, one panel a quantity, as SVG."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

_SIDE, _MARGIN = 240, 52


@dataclass(frozen=True, slots=True)
class Curve:
    """Seconds by size, sizes ascending."""

    what: str
    sizes: Sequence[float]
    seconds: Sequence[float]


def growth_svg(curves: Sequence[Curve]) -> str:
    """Panels side by side; the dashed line through the largest size is linear growth."""
    width, height = len(curves) * (_SIDE + _MARGIN) + _MARGIN // 2, _SIDE + 2 * _MARGIN
    panels = "".join(
        f'<g transform="translate({_MARGIN + i * (_SIDE + _MARGIN)} {_MARGIN})">{_panel(curve)}</g>'
        for i, curve in enumerate(curves)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/>'
        f"{panels}</svg>\n"
    )


def _panel(curve: Curve) -> str:
    points = list(zip(map(math.log10, curve.sizes), map(math.log10, curve.seconds), strict=True))
    x_low, x_high = points[0][0], points[-1][0]
    y_end = points[-1][1]
    y_low = min(*(y for _, y in points), y_end - (x_high - x_low))
    y_high = max(y for _, y in points)

    def place(x: float, y: float) -> str:
        across = (x - x_low) / (x_high - x_low) * _SIDE
        down = (1 - (y - y_low) / max(y_high - y_low, 1e-9)) * _SIDE
        return f"{across:.1f},{down:.1f}"

    linear = f"{place(x_low, y_end - (x_high - x_low))} {place(x_high, y_end)}"
    line = " ".join(place(*point) for point in points)
    dots = "".join(
        '<circle cx="{}" cy="{}" r="3" fill="#1f6feb"/>'.format(*place(*point).split(","))
        for point in points
    )
    first, last = curve.sizes[0], curve.sizes[-1]
    return (
        f'<rect width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#d0d7de"/>'
        f'<polyline points="{linear}" fill="none" stroke="#57606a" stroke-dasharray="4 4"/>'
        f'<polyline points="{line}" fill="none" stroke="#1f6feb" stroke-width="1.5"/>{dots}'
        f'<text y="-8">{html.escape(curve.what)}</text>'
        f'<text y="{_SIDE + 16}">{first:,g}</text>'
        f'<text x="{_SIDE}" y="{_SIDE + 16}" text-anchor="end">{last:,.10g}</text>'
        f'<text x="-4" y="{_SIDE}" text-anchor="end">{10**y_low:.2g} s</text>'
        f'<text x="-4" y="10" text-anchor="end">{10**y_high:.2g} s</text>'
    )

"""Growth as a picture: time against size in log-log, one panel a quantity, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from relook.visualization import charts


@dataclass(frozen=True, slots=True)
class Curve:
    """Seconds by size, sizes ascending."""

    what: str
    sizes: Sequence[float]
    seconds: Sequence[float]


def growth_svg(curves: Sequence[Curve]) -> str:
    """Panels side by side; the dashed line through the largest size is linear growth."""
    return charts.panels("Time against size", [_panel(c) for c in curves], charts.SQUARE) + "\n"


def _panel(curve: Curve) -> charts.Panel:
    points = list(zip(curve.sizes, curve.seconds, strict=True))
    (first, _), (last, most) = points[0], points[-1]
    linear = [(first, most * first / last), (last, most)]
    lines = [
        charts.Curve("linear growth", linear, look="dashed"),
        charts.Curve("measured", points, look="dots"),
    ]
    return charts.Panel(lines, charts.Axes(curve.what, up="seconds", is_log=True))

"""Text, lines, marks and frames in SVG.

Colours are the variables of the page (`visualization.page`). Outside of a page, and in viewers
without variables, plain colours replace them.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Sequence

COLORS = ("#0b6bcb", "#c2540a", "#1a7f4b", "#8250df", "#9a6700", "#bf3989")
INK, SOFT, LINE = "var(--ink,#1c2128)", "var(--soft,#57606a)", "var(--line,#d5dae1)"
PAPER, CARD = "var(--paper,#fff)", "var(--card,#f6f8fa)"
SIZE = 12  # of letters, in pixels


def color(number: int) -> str:
    """A colour of the page by its number, modulo the number of colours."""
    place = number % len(COLORS)
    return f"var(--s{place},{COLORS[place]})"


def paint(**colors: str) -> str:
    """Attributes for `fill` or `stroke`: the plain colours, and over them the page's."""
    plain = " ".join(f'{key}="{_plain(value)}"' for key, value in colors.items())
    variables = ";".join(f"{key}:{value}" for key, value in colors.items() if value[:3] == "var")
    return f'{plain} style="{variables}"' if variables else plain


def svg(title: str, width: float, height: float, content: str, attributes: str = "") -> str:
    """A picture; `title` is for screen readers, `attributes` is more text of the tag."""
    label = f' aria-label="{html.escape(title)}"' if title else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'role="img"{label} font-family="sans-serif" font-size="{SIZE}"{attributes}>{content}</svg>'
    )


def word(
    x: float,
    y: float,
    text: str,
    anchor: str = "start",
    fill: str = SOFT,
    size: int = SIZE,
    room: float | None = None,
) -> str:
    """Text at a point; with `room`, text wider than that many pixels is cut off."""
    shown = text if room is None else fitted(text, room, size)
    whole = f"<title>{html.escape(text)}</title>" if shown != text else ""
    letters = f' font-size="{size}"' if size != SIZE else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{letters} {paint(fill=fill)}>'
        f"{html.escape(shown)}{whole}</text>"
    )


def path(steps: str, stroke: str = LINE, attributes: str = "") -> str:
    """A line along the `steps` of a path; `attributes` is more text of the tag."""
    return f'<path d="{steps}" {paint(fill="none", stroke=stroke)}{attributes}/>'


def polyline(
    places: Sequence[tuple[float, float]], stroke: str, name: str, attributes: str = ""
) -> str:
    """Straight lines between points, with a name that is shown under the pointer."""
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return (
        f'<polyline points="{points}" {paint(fill="none", stroke=stroke)}{attributes}>'
        f"<title>{html.escape(name)}</title></polyline>"
    )


def dot(x: float, y: float, radius: float, fill: str, name: str = "") -> str:
    """A disc, with a name that is shown under the pointer."""
    title = f"<title>{html.escape(name)}</title>" if name else ""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" {paint(fill=fill)}>{title}</circle>'


def rect(
    x: float,
    y: float,
    width: float,
    height: float,
    *,
    fill: str = "none",
    stroke: str = "none",
    attributes: str = "",
) -> str:
    """A rectangle; `attributes` is more text of the tag."""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f"<rect {place} {paint(fill=fill, stroke=stroke)}{attributes}/>"


def fitted(text: str, room: float, size: int = SIZE) -> str:
    """The whole `text`, or its beginning with dots, as much as fits into `room` pixels."""
    if width_of(text, size) <= room:
        return text
    end = len(text)
    while end and width_of(text[:end] + "…", size) > room:
        end -= 1
    return text[:end].rstrip() + "…"


def width_of(text: str, size: int = SIZE) -> float:
    """Approximate width of `text` in pixels, rather too large: the viewer chooses the font."""
    return size * sum(
        1.0 if unicodedata.east_asian_width(c) in "WF" else 0.78 if c.isupper() else 0.62
        for c in text
    )


def _plain(value: str) -> str:
    return value.partition(",")[2].rstrip(")") or value

"""Graphs as SVG: nodes in a grid, curves from what feeds to what is fed."""

from __future__ import annotations

import html
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from relook.visualization.svg import CARD, INK, SOFT, color, paint, path, rect, svg, word

from .tracing import Node

BOX, OPERATION = (104, 36), (46, 26)  # width and height
COLUMN, ROW, MARGIN = 138, 58, 14
_COLORS = {"input": color(3), "call": color(0), "output": color(2), "operation": color(1)}
_BACK = color(4)
_ARROW = (
    '<marker id="arrow{0}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0L8 4L0 8z" {1}/></marker>'
)
Place = tuple[float, float]  # column and row


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture and what it shows, in words."""

    title: str
    svg: str
    caption: str


def draw(
    title: str,
    places: Mapping[Node, Place],
    label: Callable[[Node], str] = lambda node: node.name,
    back: Callable[[Node, Node], bool] = lambda _a, _b: False,
    column: float = COLUMN,
) -> str:
    """The nodes at their places, with the edges between them; those of `back` in another colour.

    A `column` is so many pixels wide.
    """
    places = {node: (place[0] * column / COLUMN, place[1]) for node, place in places.items()}
    width = MARGIN * 2 + COLUMN * (max(place[0] for place in places.values()) + 1)
    height = MARGIN * 2 + ROW * (max(row for _, row in places.values()) + 1)
    name = f"{zlib.crc32(title.encode()):x}"
    edges, words = [], []
    for node in places:
        for source in node.sources:
            if source in places:
                shade, kind = (_BACK, "b") if back(source, node) else (SOFT, "f")
                steps = _curve(places[source], source, places[node], node)
                arrow = f' stroke-width="1.3" marker-end="url(#arrow{name}{kind})"'
                edges.append(path(steps, shade, arrow))
                words.append(f"{label(source)} feeds {label(node)}")
    boxes = [_box(node, places[node], label(node)) for node in places]
    arrows = _ARROW.format(f"{name}f", paint(fill=SOFT))
    arrows += _ARROW.format(f"{name}b", paint(fill=_BACK))
    return framed(title, width, height, f"<defs>{arrows}</defs>{''.join(edges + boxes)}", words)


def framed(title: str, width: float, height: float, content: str, words: Sequence[str] = ()) -> str:
    """A picture that is as wide as it is drawn, and scrolls where the page is narrower."""
    told = html.escape("; ".join(dict.fromkeys(words)))
    described = f"<desc>{told}</desc>" if told else ""
    picture = svg(
        title, width, height, described + content, f' style="width:{width:.0f}px;max-width:none"'
    )
    label = html.escape(title)
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{label}">{picture}</div>'


def by_layers(nodes: Sequence[Node]) -> dict[Node, Place]:
    """Places by how far a node is from what is given; what passes a layer gets a row in it."""
    depth: dict[Node, int] = {}
    for node in _in_order(nodes):
        depth[node] = 1 + max((depth[one] for one in node.sources if one in depth), default=-1)
    row: dict[tuple[Node, int], float] = {}
    taken: dict[int, set[int]] = {}
    for node in sorted(depth, key=depth.__getitem__):
        came = [row[one, depth[node] - 1] for one in node.sources if (one, depth[node] - 1) in row]
        goes = max([depth[n] for n in nodes if node in n.sources], default=depth[node])
        wanted = sum(came) / len(came) if came else 0.0
        for layer in range(depth[node], max(goes, depth[node] + 1)):
            free = [n for n in range(99) if n not in taken.setdefault(layer, set())]
            place = min(free, key=lambda n: abs(n - wanted))
            taken[layer].add(place)
            row[node, layer] = place
            wanted = place
    return {node: (depth[node], row[node, depth[node]]) for node in depth}


def _in_order(nodes: Sequence[Node]) -> list[Node]:
    """Sources before what they feed."""
    ordered: dict[Node, None] = {}

    def visit(node: Node) -> None:
        if node not in ordered:
            for one in node.sources:
                visit(one)
            ordered[node] = None

    for node in nodes:
        visit(node)
    return list(ordered)


def _size(node: Node) -> tuple[int, int]:
    return OPERATION if node.kind == "operation" and len(node.name) < 5 else BOX


def _centre(place: Place) -> tuple[float, float]:
    return MARGIN + COLUMN * (place[0] + 0.5), MARGIN + ROW * (place[1] + 0.5)


def _curve(start: Place, source: Node, end: Place, node: Node) -> str:
    """From the side of a box to the side of another; up or down within a column."""
    (x1, y1), (x2, y2) = _centre(start), _centre(end)
    if start[0] == end[0]:
        sign = 1 if y2 > y1 else -1
        y1, y2 = y1 + sign * _size(source)[1] / 2, y2 - sign * _size(node)[1] / 2
        bend = 0 if abs(start[1] - end[1]) < 1.5 else COLUMN * 0.47
        through = f"{x1 + bend:.0f} {y1:.0f} {x2 + bend:.0f} {y2:.0f}"
        return f"M{x1:.0f} {y1:.0f}C{through} {x2:.0f} {y2:.0f}"
    sign = 1 if x2 > x1 else -1
    x1, x2 = x1 + sign * _size(source)[0] / 2, x2 - sign * _size(node)[0] / 2
    bend = max(abs(x2 - x1) * 0.4, 12) * sign
    # What passes over boxes of its own row goes around them.
    around = -ROW * 0.75 if start[1] == end[1] and abs(start[0] - end[0]) > 1.5 else 0
    return (
        f"M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1 + around:.0f} {x2 - bend:.0f} {y2 + around:.0f} "
        f"{x2:.0f} {y2:.0f}"
    )


def _box(node: Node, place: Place, label: str) -> str:
    (x, y), (width, height) = _centre(place), _size(node)
    shape = "×".join(str(side) for side in node.shape[1:])
    words = word(x, y + 4, label, "middle", INK)
    if (width, height) == BOX and shape:
        words = word(x, y - 2, label, "middle", INK) + word(x, y + 12, shape, "middle", size=10)
    round_ = height / 2 if node.kind == "operation" else 5
    more = f' rx="{round_}" stroke-width="1.5"'
    left, top = x - width / 2, y - height / 2
    frame = rect(left, top, width, height, fill=CARD, stroke=_COLORS[node.kind], attributes=more)
    return frame + words

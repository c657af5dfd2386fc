"""Figures whose boxes have chosen places: drawn for a width of 360 pixels, lines at right angles.

What a figure says is compared with a run of the model (`Sketch.check`), and how it is drawn with
rules of its own (`Sketch.faults`): no line runs through a box, no words leave their box.
"""

from __future__ import annotations

import html
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from relook.visualization.svg import CARD, INK, SOFT, color, paint, path, rect, svg, width_of, word

from .equation import Disagreement
from .tracing import Node

WIDTH = 360
_COLORS = {"given": color(3), "layer": color(0), "out": color(2), "operation": color(1)}
_BACK = color(5)
_SIDES = {"l": (-1, 0), "r": (1, 0), "t": (0, -1), "b": (0, 1)}
_ARROW = (
    '<marker id="arrow{0}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0L8 4L0 8z" {1}/></marker>'
)
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture and what it shows, in words."""

    title: str
    svg: str
    caption: str


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a figure, around its centre (x, y)."""

    x: float
    y: float
    width: float
    height: float
    label: str
    below: str  # a second line in small letters
    kind: str

    def side(self, name: str, shift: float) -> Point:
        """The middle of a side (l, r, t, b), moved along it by `shift`."""
        right, down = _SIDES[name]
        x, y = self.x + right * self.width / 2, self.y + down * self.height / 2
        return (x, y + shift) if right else (x + shift, y)

    def holds(self, start: Point, end: Point) -> bool:
        """Return whether a horizontal or vertical line has a piece inside the box."""
        (x1, x2), (y1, y2) = sorted((start[0], end[0])), sorted((start[1], end[1]))
        left, right = self.x - self.width / 2, self.x + self.width / 2
        top, bottom = self.y - self.height / 2, self.y + self.height / 2
        return x2 > left + 1 and x1 < right - 1 and y2 > top + 1 and y1 < bottom - 1


@dataclass(frozen=True, slots=True)
class Edge:
    """A line with an arrow, from a box to another."""

    source: str
    goal: str
    points: tuple[Point, ...]
    is_back: bool  # shown in another colour: what goes back in time or forth to the next look

    def pieces(self) -> Iterator[tuple[Point, Point]]:
        """The straight pieces of the line."""
        return pairwise(self.points)


class Sketch:
    """Boxes and lines that are put at places of a picture of 360 x `height` pixels."""

    def __init__(self, title: str, height: float) -> None:
        self.title = title
        self.height = height
        self.boxes: dict[str, Box] = {}
        self.edges: list[Edge] = []
        self.notes: list[tuple[float, float, str, str]] = []

    def box(
        self,
        name: str,
        x: float,
        y: float,
        label: str,
        below: str = "",
        *,
        kind: str = "layer",
        width: float = 76,
        height: float = 0,
    ) -> None:
        """Put a box of `kind` (given, layer, out, operation) around (x, y)."""
        if kind == "operation" and len(label) < 4:
            width = 26
        self.boxes[name] = Box(x, y, width, height or (36 if below else 26), label, below, kind)

    def note(self, x: float, y: float, text: str, anchor: str = "start") -> None:
        """Put words beside the boxes."""
        self.notes.append((x, y, text, anchor))

    def edge(
        self,
        source: str,
        goal: str,
        sides: str = "bt",
        *corners: Point,
        shift: tuple[float, float] = (0, 0),
        back: bool = False,
    ) -> None:
        """Draw a line from a side of `source` to a side of `goal`, by way of `corners`.

        Without corners a bend is made where the sides do not face each other.
        """
        start = self.boxes[source].side(sides[0], shift[0])
        end = self.boxes[goal].side(sides[1], shift[1])
        points = (start, *(corners or _bend(start, end, sides)), end)
        self.edges.append(Edge(source, goal, points, back))

    def pairs(self) -> set[tuple[str, str]]:
        """The edges by the names of their boxes."""
        return {(edge.source, edge.goal) for edge in self.edges}

    def check(self, nodes: Sequence[Node], group: Callable[[Node], str]) -> None:
        """Compare the edges with those of a run, in which `group` says to what box a node belongs.

        Raises:
            Disagreement: when the run has an edge that is not drawn, or the figure one that is not.
        """
        run = {(group(a), group(b)) for b in nodes for a in b.sources}
        run = {(a, b) for a, b in run if a and b and a != b}
        if run != self.pairs():
            raise Disagreement(
                f"{self.title}: only in the run {sorted(run - self.pairs())}, only drawn "
                f"{sorted(self.pairs() - run)}"
            )

    def check_boxes(self, nodes: Sequence[Node], boxes: Mapping[str, str]) -> None:
        """Compare the edges with those of a run, where `boxes` says in which box a node is: by its
        name, or by its name and number ("+ 2") where several nodes have it. Others have a box of
        their own name.

        Raises:
            Disagreement: as `check`.
        """
        seen: Counter[str] = Counter()
        places: dict[Node, str] = {}
        for node in nodes:
            seen[node.name] += 1
            numbered = f"{node.name} {seen[node.name]}"
            places[node] = boxes.get(numbered, boxes.get(node.name, node.name))
        self.check(nodes, places.__getitem__)

    def faults(self) -> list[str]:
        """Everything that makes the figure hard to read; nothing for a good one."""
        found = []
        for name, box in self.boxes.items():
            for text, size in ((box.label, 12), (box.below, 10)):
                if width_of(text, size) > box.width + 6:
                    found.append(f"{text!r} is wider than {name}")
            if abs(box.x - WIDTH / 2) + box.width / 2 > WIDTH / 2:
                found.append(f"{name} leaves the picture")
            if box.y + box.height / 2 > self.height:
                found.append(f"{name} is below the picture")
        for edge in self.edges:
            for start, end in edge.pieces():
                if start[0] != end[0] and start[1] != end[1]:
                    found.append(f"{edge.source} to {edge.goal} is not at right angles")
                found += [
                    f"{edge.source} to {edge.goal} runs through {name}"
                    for name, box in self.boxes.items()
                    if box.holds(start, end)
                ]
        for number, edge in enumerate(self.edges):
            for other in self.edges[number + 1 :]:
                if edge.source != other.source and edge.goal != other.goal and _share(edge, other):
                    found.append(f"{edge.source}-{edge.goal} lies on {other.source}-{other.goal}")
        return found

    def drawn(self, caption: str) -> Drawn:
        """The picture."""
        name = f"{zlib.crc32(self.title.encode()):x}"
        lines = []
        for edge in self.edges:
            shade, kind = (_BACK, "b") if edge.is_back else (SOFT, "f")
            steps = "L".join(f"{x:.1f} {y:.1f}" for x, y in edge.points)
            arrow = (
                f' stroke-width="1.4" stroke-linejoin="round" marker-end="url(#arrow{name}{kind})"'
            )
            lines.append(path(f"M{steps}", shade, arrow))
        arrows = _ARROW.format(f"{name}f", paint(fill=SOFT))
        arrows += _ARROW.format(f"{name}b", paint(fill=_BACK))
        boxes = "".join(map(_box, self.boxes.values()))
        notes = "".join(word(x, y, text, anchor, size=11) for x, y, text, anchor in self.notes)
        labels = {key: box.label for key, box in self.boxes.items()}
        told = [f"{labels[edge.source]} feeds {labels[edge.goal]}" for edge in self.edges]
        content = f"<defs>{arrows}</defs>{''.join(lines)}{boxes}{notes}"
        return Drawn(self.title, plain(self.title, WIDTH, self.height, content, told), caption)


def plain(title: str, width: float, height: float, content: str, words: Sequence[str]) -> str:
    """A picture with what it shows as `words` for people who do not see it."""
    told = html.escape("; ".join(dict.fromkeys(words)))
    return svg(title, width, height, f"<desc>{told}</desc>{content}", ' class="sketch"')


def _bend(start: Point, end: Point, sides: str) -> tuple[Point, ...]:
    """Corners between two sides: none, one, or two half way."""
    (x1, y1), (x2, y2) = start, end
    is_level = [side in "lr" for side in sides]
    if x1 == x2 or y1 == y2:
        return ()
    if is_level[0] and is_level[1]:
        return ((x1 + x2) / 2, y1), ((x1 + x2) / 2, y2)
    if not is_level[0] and not is_level[1]:
        return (x1, (y1 + y2) / 2), (x2, (y1 + y2) / 2)
    return ((x2, y1),) if is_level[0] else ((x1, y2),)


def _share(edge: Edge, other: Edge) -> bool:
    """Return whether two lines lie on each other for more than a point."""
    for (x1, y1), (x2, y2) in edge.pieces():
        for (x3, y3), (x4, y4) in other.pieces():
            if x1 == x2 == x3 == x4 and _length(y1, y2, y3, y4) > 0:
                return True
            if y1 == y2 == y3 == y4 and _length(x1, x2, x3, x4) > 0:
                return True
    return False


def _length(a: float, b: float, c: float, d: float) -> float:
    return min(max(a, b), max(c, d)) - max(min(a, b), min(c, d))


def _box(box: Box) -> str:
    round_ = min(box.width, box.height) / 2 if box.kind in ("operation", "given") else 5
    left, top = box.x - box.width / 2, box.y - box.height / 2
    frame = rect(
        left,
        top,
        box.width,
        box.height,
        fill=CARD,
        stroke=_COLORS[box.kind],
        attributes=f' rx="{round_:g}" stroke-width="1.5"',
    )
    if not box.below:
        return frame + word(box.x, box.y + 4, box.label, "middle", INK)
    return (
        frame
        + word(box.x, box.y - 2, box.label, "middle", INK)
        + word(box.x, box.y + 12, box.below, "middle", size=10)
    )

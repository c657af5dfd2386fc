"""Figures of pyramids: what ran in one look, in several, and the several as one with a loop."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from relook.config.model import ModelConfig
from relook.models.build.features import build_features
from relook.models.pyramids.fpn import STRIDES
from relook.ops.cpu import switch as fast

from .drawing import Drawn, Place, draw
from .tracing import Node, Tracer, meta

SIZE = (800, 1344)  # height and width of the image
_COLUMNS = ("stage", "lateral", "sum", "output", "gate", "fused", "connector")
_WORDS = {"lateral": "1×1", "sum": "+", "output": "3×3", "gate": "gate", "fused": "+"}


def trace(config: ModelConfig) -> list[Node]:
    """The run of a model's features, on shapes alone."""
    with torch.device("meta"):
        features: Any = build_features(config.backbone, config.pyramid)
    with Tracer({"AddBackward0": "+"}, merged={f"stage {i}" for i in range(1, 5)}) as tracer:
        for backbone in features.backbones:
            for i, stage in enumerate(backbone.parts()[1:], start=1):
                for block in stage:
                    tracer.watch(block, f"stage {i}")
        for lateral, output in zip(features.fpn.laterals, features.fpn.outputs, strict=True):
            tracer.watch(lateral, "lateral")
            tracer.watch(output, "output")
        if hasattr(features, "connector"):
            tracer.watch(features.connector, "connector")
            if features.fusion is not None:
                tracer.watch(features.fusion, "gate")
        tracer.watch_call(F, "max_pool2d", lambda given: "every second" if given[1] == 1 else "")
        pixels = meta(1, 3, *SIZE)
        tracer.given("image", pixels)
        with fast.plain():
            for i, level in enumerate(features(pixels), start=2):
                tracer.result(f"P{i}", level)
    return tracer.nodes


def _kind(node: Node) -> str:
    if node.name.startswith("stage"):
        return "stage"
    if node.name == "every second":
        return "output"
    if node.name != "+":
        return node.name
    return "sum" if any(_kind(one) in ("lateral", "sum") for one in node.sources) else "fused"


def _row(node: Node) -> float:
    if node.kind == "input":
        return 0
    return min(range(len(STRIDES)), key=lambda i: abs(SIZE[0] / STRIDES[i] - node.shape[-2]))


def _placed(nodes: list[Node]) -> dict[Node, Place]:
    """Looks from left to right, the strides from top to bottom."""
    seen: dict[tuple[str, float], int] = {}
    used = [kind for kind in _COLUMNS if any(_kind(node) == kind for node in nodes)]
    places: dict[Node, Place] = {}
    for node in nodes:
        kind, row = _kind(node), _row(node)
        if node.kind == "input":
            places[node] = (0, 0)
        elif kind in used:
            look = seen[kind, row] = seen.get((kind, row), -1) + 1
            # Where nothing was fused yet, what is fused first belongs to the second look.
            late = kind in ("gate", "fused")
            places[node] = 1 + (look + late) * len(used) + used.index(kind), row
    filled = sorted({column for column, _ in places.values()})
    places = {node: (filled.index(column), row) for node, (column, row) in places.items()}
    ends = [node for node in nodes if node.kind == "output"]
    return places | {node: (len(filled), _row(node)) for node in ends}


def _label(node: Node) -> str:
    return node.name if node.name == "every second" else _WORDS.get(_kind(node), node.name)


def looks_of(nodes: list[Node]) -> int:
    """How often the first stage ran."""
    return sum(node.name == "stage 1" for node in nodes)


def unrolled(config: ModelConfig, name: str) -> Drawn:
    """Every look beside the one before."""
    nodes = trace(config)
    looks = looks_of(nodes)
    title = f"{name}: {looks} look{'s' if looks > 1 else ''}"
    picture = draw(title, _placed(nodes), _label, _feeds_back)
    words = f"As it ran on an image of {SIZE[0]}x{SIZE[1]} pixels (height x width)."
    if looks > 1:
        words += " In another colour, what a look is shown of the one before."
    return Drawn(title, picture, words)


def recursive(config: ModelConfig, name: str) -> Drawn:
    """The same run with its looks laid onto each other: what is fed back becomes a loop."""
    nodes = trace(config)
    first: dict[tuple[str, float], Node] = {}
    for node in nodes:
        first.setdefault((node.name if node.kind == "output" else _kind(node), _row(node)), node)
    whole = {node: _first_of(node, first) for node in nodes}
    folded: dict[Node, Node] = {
        one: Node(one.name, one.kind, one.shape) for one in dict.fromkeys(whole.values())
    }
    kinds = {folded[one]: _kind(one) for one in folded}
    for node in nodes:
        goal = folded[whole[node]]
        for source in node.sources:
            start = folded[whole[source]]
            if start is not goal and start not in goal.sources:
                goal.sources.append(start)
    used = [kind for kind in _COLUMNS if kind in kinds.values()]
    places: dict[Node, Place] = {}
    for node, kind in kinds.items():
        column = 0 if node.kind == "input" else 1 + len(used)
        places[node] = used.index(kind) + 1 if kind in used else column, _row(node)

    def back(source: Node, node: Node) -> bool:
        return places[source][0] > places[node][0]

    def label(node: Node) -> str:
        return node.name if node.name == "every second" else _WORDS.get(kinds[node], node.name)

    title = f"{name}: one look that is fed back"
    picture = draw(title, places, label, back)
    return Drawn(title, picture, "The figure above with its looks laid onto each other.")


def _first_of(node: Node, first: dict[tuple[str, float], Node]) -> Node:
    return first[node.name if node.kind == "output" else _kind(node), _row(node)]


def _feeds_back(source: Node, node: Node) -> bool:
    return _kind(source) == "connector" and _kind(node) == "stage"

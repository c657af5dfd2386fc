"""Figures of pyramids: FPN, RFP with its loop, and RFP unrolled; each compared with a run."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
import torch.nn.functional as F

from relook.config.model import ModelConfig
from relook.models.build.features import build_features
from relook.models.pyramids.fpn import STRIDES
from relook.ops.cpu import switch as fast

from .sketch import Drawn, Sketch
from .tracing import Node, Tracer, meta

SIZE = (800, 1344)  # height and width of the image
_LEVELS = (2, 3, 4, 5)
_TOP, _ROW = 36, 62  # of the coarsest level, and between levels


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


def parts_of(nodes: list[Node]) -> dict[Node, str]:
    """The letter of the papers, the level and the look of every node: "B2^1", "F3^2", "R4^1",
    "α5^1", "image". P6, which every figure leaves out, and what comes out have none."""
    runs: Counter[tuple[str, int]] = Counter()
    parts: dict[Node, str] = {}
    for node in nodes:
        level = 2 + min(
            range(len(STRIDES)), key=lambda i: abs(SIZE[0] / STRIDES[i] - node.shape[-2])
        )
        if node.kind == "input":
            parts[node] = "image"
        elif node.kind == "output" or level > _LEVELS[-1]:
            parts[node] = ""
        elif node.name in ("gate", "+") and any(
            parts[one].startswith(("F", "α")) and one.name in ("output", "gate")
            for one in node.sources
        ):
            runs["α", level] += node.name == "gate"
            parts[node] = f"α{level}^{runs['α', level]}"
        else:
            letter = {"output": "F", "lateral": "F", "+": "F", "connector": "R"}.get(node.name, "B")
            runs[letter, level] += node.name in ("output", "connector") or letter == "B"
            # What comes before the last convolution of a level belongs to it.
            late = node.name in ("lateral", "+")
            parts[node] = f"{letter}{level}^{runs[letter, level] + late}"
    return parts


def looks_of(nodes: list[Node]) -> int:
    """How often the first stage ran."""
    return sum(node.name == "stage 1" for node in nodes)


def _height(level: int) -> float:
    return _TOP + _ROW * (_LEVELS[-1] - level)


def _look(sketch: Sketch, number: int, left: float, right: float, width: float) -> None:
    """The stages of one look at x = `left`, and its pyramid at x = `right`."""
    mark = "" if number == 0 else f"{'¹²³'[number - 1]}"
    name = max(number, 1)
    for level in _LEVELS:
        y = _height(level)
        sketch.box(f"B{level}^{name}", left, y, f"x{_low(level)}{mark}", width=width, height=30)
        sketch.box(f"F{level}^{name}", right, y, f"f{_low(level)}{mark}", width=width, height=30)
        sketch.edge(f"B{level}^{name}", f"F{level}^{name}", "rl")
    for level in _LEVELS[:-1]:
        sketch.edge(f"B{level}^{name}", f"B{level + 1}^{name}", "tb")
        sketch.edge(f"F{level + 1}^{name}", f"F{level}^{name}", "bt")


def _image(sketch: Sketch, x: float) -> None:
    """The image below the first look."""
    sketch.box("image", x, _height(1), "image", kind="given", width=54)
    sketch.edge("image", "B2^1", "tb")


def _strides(sketch: Sketch) -> None:
    for level, stride in zip(_LEVELS, STRIDES, strict=False):
        sketch.note(2, _height(level) + 4, f"1/{stride}")


def feature_pyramid(config: ModelConfig) -> Drawn:
    """FPN: features of each stage, with what coarser levels know added."""
    sketch = Sketch("Feature pyramid", _height(1) + 24)
    _strides(sketch)
    _look(sketch, 0, 110, 250, 84)
    _image(sketch, 110)
    sketch.note(110, 12, "B: stages of the backbone", "middle")
    sketch.note(258, 12, "F: levels of the pyramid", "middle")
    nodes = trace(config)
    parts = parts_of(nodes)
    sketch.check(nodes, parts.__getitem__)
    return sketch.drawn(
        "The backbone makes maps of the image at 1/4, 1/8, 1/16 and 1/32 of its size, from the "
        "bottom to the top. The pyramid goes down again: each level is its stage and the coarser "
        "level above it. Heads look for small objects at the bottom and for large ones at the top."
    )


def recursive(config: ModelConfig) -> Drawn:
    """RFP as it is defined: what the pyramid says goes back into the backbone."""
    nodes = trace(config)
    # All looks are laid onto the first one, and their fusion is left out.
    parts = {
        node: "" if part.startswith("α") else part.partition("^")[0] + "^1" if "^" in part else part
        for node, part in parts_of(nodes).items()
    }
    sketch = Sketch("Recursive feature pyramid", _height(1) + 24)
    _strides(sketch)
    _look(sketch, 0, 76, 196, 68)
    _image(sketch, 76)
    for level in _LEVELS:
        if f"R{level}^1" in parts.values():
            y = _height(level)
            back = (312, y + 24), (92, y + 24)
            sketch.box(
                f"R{level}^1", 312, y, f"R{_low(level)}", width=56, height=30, kind="operation"
            )
            sketch.edge(f"F{level}^1", f"R{level}^1", "rl")
            sketch.edge(f"R{level}^1", f"B{level}^1", "bb", *back, shift=(0, 16), back=True)
    sketch.note(76, 12, "B", "middle")
    sketch.note(196, 12, "F", "middle")
    sketch.note(312, 12, "R: connector", "middle")
    sketch.check(nodes, parts.__getitem__)
    return sketch.drawn(
        "The same pyramid with feedback: each level goes through a connector R and back into the "
        "stage that it came from, and everything is computed once more. The stage at 1/4 is not "
        "shown features."
    )


def unrolled(config: ModelConfig) -> Drawn:
    """RFP as it is computed: two looks beside each other, and their fusion."""
    nodes = trace(config)
    looks = looks_of(nodes)
    if looks != 2:
        raise ValueError(f"the figure shows two looks, and the model has {looks}")
    sketch = Sketch("Recursive feature pyramid, unrolled", _height(1) + 46)
    _look(sketch, 1, 34, 100, 44)
    _look(sketch, 2, 224, 290, 44)
    parts = parts_of(nodes)
    for level in _LEVELS:
        y = _height(level)
        if f"R{level}^1" in parts.values():
            sketch.box(
                f"R{level}^1", 162, y, f"R{_low(level)}", width=44, height=30, kind="operation"
            )
            sketch.edge(f"F{level}^1", f"R{level}^1", "rl")
            sketch.edge(f"R{level}^1", f"B{level}^2", "rl", back=True)
        if f"α{level}^1" in parts.values():
            sketch.box(f"α{level}^1", 341, y, "α", kind="operation")
            sketch.edge(f"F{level}^2", f"α{level}^1", "rl")
            over = y + 22
            sketch.edge(f"F{level}^1", f"α{level}^1", "bb", (112, over), (341, over), shift=(12, 0))
    _image(sketch, 34)
    sketch.edge("image", "B2^2", "rb")
    sketch.note(66, 12, "first look", "middle")
    sketch.note(257, 12, "second look", "middle")
    sketch.note(341, 12, "fused", "middle")
    sketch.note(4, _height(1) + 38, "x: maps of the backbone, f: maps of the pyramid, R: connector")
    sketch.check(nodes, parts.__getitem__)
    return sketch.drawn(
        "As it is computed for T = 2, with the image looked at again in each look, by a second "
        "backbone. In another colour: what the second look is told by the first. α mixes each "
        "level with that of the look before."
    )


def _low(level: int) -> str:
    return "₀₁₂₃₄₅₆"[level]

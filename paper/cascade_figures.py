"""Figures of the cascades HTC and DSC, each compared with a run."""

from __future__ import annotations

from typing import Any

import torch

from relook.config.cascades import DSCConfig, HTCConfig
from relook.config.model import ModelConfig
from relook.models.build.cascade import build_dsc, build_htc
from relook.models.cascades import dsc as dsc_cascade
from relook.models.cascades import guidance
from relook.models.cascades import htc as htc_cascade
from relook.models.pyramids.fpn import STRIDES
from relook.ops.cpu import switch as fast
from relook.structures.detection import ImageBatch, Rois
from relook.structures.rules.cascade import SelectRule
from relook.structures.rules.pixels import SemanticRule

from .sketch import Drawn, Sketch
from .tracing import Node, Tracer

_IMAGE = (96, 128)
_BOXES = torch.tensor([[10.0, 8, 60, 50], [30, 20, 90, 80], [5, 40, 40, 90]])
_LEFT, _MIDDLE, _RIGHT = 48, 168, 300
_LOW = "₀₁₂₃₄"


def trace(config: ModelConfig) -> list[Node]:
    """Detecting in three boxes with random weights; HTC with a semantic map, DSC without one."""
    channels = config.pyramid.channels
    height, width = _IMAGE
    image = ImageBatch(
        torch.zeros(1, 3, height, width), (_IMAGE,), (_IMAGE,), (_IMAGE,), ((1.0, 1.0),)
    )
    pyramid = [torch.randn(1, channels, height // s, width // s) for s in STRIDES]
    boxes = _BOXES.clone()
    context = None
    with torch.random.fork_rng(devices=[]), Tracer() as tracer, fast.plain():
        torch.manual_seed(0)
        tracer.given("boxes", boxes)
        cascade: Any
        if isinstance(config.cascade, DSCConfig):
            cascade = build_dsc(config.cascade, None, channels, config.num_classes).eval()
            _watch_dsc(tracer, cascade)
        else:
            assert isinstance(config.cascade, HTCConfig)
            rule = SemanticRule()
            cascade = build_htc(config.cascade, rule, channels, config.num_classes).eval()
            context = torch.randn(1, channels, height // 8, width // 8)
            tracer.given("semantic", context)
            _watch_htc(tracer, cascade)
        rois = Rois(boxes, torch.zeros(len(boxes), dtype=torch.int64))
        chosen = SelectRule(score_threshold=0.0, max_detections=5)
        cascade.detect(pyramid, context, rois, image, chosen)
    return tracer.nodes


def _watch_htc(tracer: Tracer, cascade: Any) -> None:
    for name in ("pool", "refine", "select"):
        tracer.watch_call(htc_cascade, name, name)
    for t, head in enumerate(cascade.mask_heads, start=1):
        tracer.watch_call(head, "features", f"m{t}")
        tracer.watch_call(head, "predict", f"M{t}")
    for t, head in enumerate(cascade.box_heads, start=1):
        tracer.watch(head, f"b{t}")


def _watch_dsc(tracer: Tracer, cascade: Any) -> None:
    tracer.watch_call(dsc_cascade, "frames_of", "enlarge")
    tracer.watch_call(dsc_cascade, "pool_pyramid", "pool")
    tracer.watch_call(dsc_cascade, "pool", "pool")
    tracer.watch_call(dsc_cascade, "pool_guided", "guided")
    tracer.watch_call(dsc_cascade, "refine", "refine")
    tracer.watch_call(dsc_cascade, "select", "select")
    tracer.watch_call(guidance, "align_inside", "align")
    for t, head in enumerate([*cascade.guidance_heads, cascade.mask_head]):
        tracer.watch_call(head, "features", f"m{t}")
        tracer.watch_call(head, "predict", f"M{t}")
    for t, head in enumerate(cascade.box_heads, start=1):
        tracer.watch(head, f"b{t}")


def htc(config: ModelConfig) -> Drawn:
    """HTC as it predicts: three stages of boxes, then masks that hand features on."""
    nodes = trace(config)
    sketch = Sketch("Hybrid Task Cascade", 478)
    sketch.box("B0", _LEFT, 44, "B₀", "proposals", kind="given", width=82)
    sketch.box("semantic", 298, 44, "semantic map", "of the image", kind="given", width=100)
    sketch.note(4, 16, "boxes")
    for t in (1, 2, 3):
        y = 44 + 92 * t
        sketch.box(f"B{t}", _LEFT, y, f"B{_LOW[t]}", "kept" if t == 3 else "refined", width=72)
        sketch.box(f"b{t}", _MIDDLE, y - 46, f"box head b{_LOW[t]}", "RoIAlign", width=100)
        sketch.edge(f"B{t - 1}", f"b{t}", "bl", shift=(24, 0))
        sketch.edge(f"B{t - 1}", f"B{t}", shift=(-20, -20))
        sketch.edge(f"b{t}", f"B{t}", "br")
        sketch.edge("semantic", f"b{t}", "br")
    # Scores are averaged over the box heads.
    for t, lane in ((1, 100), (2, 108)):
        y = 44 + 92 * t - 46
        sketch.edge(
            f"b{t}", "B3", "br", (_MIDDLE - 30, y + 30), (lane, y + 30), (lane, 312),
            shift=(-30, -8),
        )  # fmt: skip
    sketch.box("crop", _LEFT, 384, "RoIAlign", width=72)
    sketch.edge("B3", "crop")
    sketch.edge("semantic", "crop", "bt", (298, 346), (72, 346), shift=(0, 24))
    for t in (1, 2, 3):
        x = (_LEFT, 180, 312)[t - 1]
        sketch.box(f"m{t}", x, 446, f"mask head {_LOW[t]}", width=90)
        if t > 1:
            sketch.edge(f"m{t - 1}", f"m{t}", "rl", back=True)
        if t == 1:
            sketch.edge("crop", "m1")
        else:
            sketch.edge("crop", f"m{t}", "rt")
    boxes = {f"pool {t}": f"b{t}" for t in (1, 2, 3)} | {"pool 4": "crop", "boxes": "B0"}
    boxes |= {f"refine {t}": f"B{t}" for t in (1, 2, 3)} | {"select": "B3"}
    boxes |= {f"M{t}": f"m{t}" for t in (1, 2, 3)}
    sketch.check_boxes(nodes, boxes)
    return sketch.drawn(
        "As it predicts. Each box head reads the features of the boxes so far and moves them; "
        "scores are the mean of all three. Masks are predicted once, on the boxes that are kept: "
        "in another colour, the features that a mask head hands to the next. Their masks are "
        "averaged. In training, each stage has its masks on its own boxes. The pyramid, which "
        "every RoIAlign reads, is not drawn."
    )


def dsc(config: ModelConfig) -> Drawn:
    """DSC as it predicts: three iterations in which a mask comes before each box."""
    nodes = trace(config)
    assert isinstance(config.cascade, DSCConfig)
    factors = config.cascade.guidance.ratios(len(config.cascade.stages))
    step, top = 184, 50
    sketch = Sketch("Deeply shape-guided cascade", top + 3 * step + 32)
    sketch.note(4, 16, "boxes")
    sketch.note(_MIDDLE, 16, "mask features", "middle")
    sketch.note(_RIGHT, 16, "guidance masks", "middle")
    for t in (0, 1, 2, 3):
        y = top + step * t
        word = "proposals" if t == 0 else "kept" if t == 3 else "refined"
        size = f"{word}, ×{factors[t]:g}" if t < 3 else word
        kind = "given" if t == 0 else "layer"
        sketch.box(f"B{t}", _LEFT, y, f"B{_LOW[t]}", size, width=90, kind=kind)
        sketch.box(f"m{t}", _MIDDLE, y, f"m{_LOW[t]}", "RoIAlign, convs", width=94)
        sketch.box(f"M{t}", _RIGHT, y, f"M{_LOW[t]}", "final mask" if t == 3 else "guidance",
                   width=80, kind="out" if t == 3 else "layer")  # fmt: skip
    for t in (1, 2, 3):
        y = top + step * (t - 1)
        sketch.box(f"s{t}", _RIGHT, y + 64, "SgRoIAlign", "explicit", width=84)
        sketch.box(f"b{t}", _MIDDLE, y + 64, f"box head b{_LOW[t]}", "implicit", width=94)
        sketch.box(f"a{t}", _MIDDLE, y + 132, "align", f"B{_LOW[t]} in B{_LOW[t - 1]}", width=94)
    for t in (0, 1, 2, 3):
        sketch.edge(f"B{t}", f"m{t}", "rl")
        sketch.edge(f"m{t}", f"M{t}", "rl")
    for t in (1, 2, 3):
        y = top + step * (t - 1)
        new, old = f"B{t}", f"B{t - 1}"
        sketch.edge(f"M{t - 1}", f"s{t}", shift=(14, 14))
        sketch.edge(old, f"s{t}", "bt", (86, y + 30), (288, y + 30), shift=(38, -12))
        sketch.edge(f"s{t}", f"b{t}", "lr")
        sketch.edge(f"m{t - 1}", f"b{t}", shift=(-14, -14))
        sketch.edge(f"b{t}", new, "lt", shift=(0, 22))
        sketch.edge(old, new, shift=(-32, -32))
        sketch.edge(old, f"a{t}", "bl", (48, y + 126), shift=(0, -6))
        sketch.edge(new, f"a{t}", "tl", (82, y + 138), shift=(34, 6))
        sketch.edge(
            f"m{t - 1}", f"a{t}", "br", (202, y + 40), (232, y + 40), (232, y + 132),
            shift=(34, 0), back=True,
        )  # fmt: skip
        sketch.edge(f"a{t}", f"m{t}", back=True)
    # Scores are the mean of the last two box heads.
    y = top + step
    sketch.edge(
        "b2", "B3", "br", (136, y + 92), (106, y + 92), (106, top + 3 * step + 9),
        shift=(-32, 9),
    )  # fmt: skip
    boxes = {"boxes": "B0", "select": "B3", "enlarge 1": "B0", "enlarge 2": "B1", "enlarge 3": "B2"}
    boxes |= {f"refine {t}": f"B{t}" for t in (1, 2, 3)}
    boxes |= {f"align {t}": f"a{t}" for t in (1, 2, 3)}
    boxes |= {f"guided {t}": f"s{t}" for t in (1, 2, 3)}
    boxes |= {f"pool {t + 1}": f"m{t}" for t in (0, 1, 2, 3)}
    sketch.check_boxes(nodes, boxes)
    return sketch.drawn(
        "As it predicts. From the top: proposals B₀ get a mask first (initial guidance). In each "
        "iteration the mask weighs the features of the box head (explicit) and its features are "
        "added to them (implicit). Mask features go on to the next iteration, cut anew to where "
        "the box has moved (in another colour: adaptive alignment). ×r: the masks look at the box "
        "enlarged by r. Scores are the mean of the last two box heads. The pyramid is not drawn."
    )

"""Figures of single blocks: SAC, ASPP, fusion, and where features enter a stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relook.config.model import ModelConfig
from relook.layers.sac import SAConv2d
from relook.models.build.features import build_features
from relook.ops import deformable
from relook.ops.cpu import switch as fast

from .sketch import Drawn, Sketch
from .tracing import Node, Tracer, meta

_OPERATIONS = {
    "AddBackward0": "+",
    "MulBackward0": "×",
    "RsubBackward1": "1 −",
    "SigmoidBackward0": "σ",
    "ReluBackward0": "ReLU",
    "MeanBackward1": "mean",
    "CatBackward0": "join",
    "AvgPool2DBackward0": "5×5",
}


def _traced(
    watched: Mapping[str, nn.Module],
    given: Mapping[str, Tensor],
    run: Callable[[], Tensor],
    more: Callable[[Tracer], None] = lambda _: None,
) -> list[Node]:
    """The nodes that ran between the `given` tensors and the result of `run`."""
    with Tracer(_OPERATIONS) as tracer, fast.plain():
        for name, module in watched.items():
            tracer.watch(module, name)
        more(tracer)
        for name, tensor in given.items():
            tracer.given(name, tensor)
        tracer.result("out", run())
    return tracer.nodes


def _features(config: ModelConfig) -> Any:
    with torch.device("meta"):
        return build_features(config.backbone, config.pyramid)


def stage_entry(config: ModelConfig) -> Drawn:
    """The first block of the second look that is shown features."""
    features = _features(config)
    look = features.looks()[1]
    takes = look.takes_feedback()
    stage = takes.index(True)
    block = look.parts()[stage + 1][0]
    shape = (1, look.out_channels[stage - 1], 200, 336)
    channels = block.feedback.in_channels
    x, shown = meta(*shape), meta(1, channels, 100, 168)
    watched = {"conv1": block.conv1, "conv2": block.conv2, "conv3": block.conv3}
    watched |= {"norm1": block.bn1, "norm2": block.bn2, "norm3": block.bn3}
    watched |= {"shortcut": block.downsample, "feedback": block.feedback}
    nodes = _traced(watched, {"x": x, "R(f)": shown}, lambda: block(x, shown))

    sketch = Sketch("Where features enter a stage", 384)
    sketch.box("x", 80, 22, "x", kind="given", width=60)
    for number, (y, name) in enumerate(((86, "1×1"), (146, "3×3"), (206, "1×1")), start=1):
        last = number == 3
        sketch.box(f"g{number}", 80, y, f"conv {name}", "norm" if last else "norm, ReLU", width=92)
    sketch.box("shortcut", 190, 146, "shortcut", "1×1, norm", width=84)
    sketch.box("feedback", 300, 206, "conv 1×1", "starts at 0", width=84)
    sketch.box("R(f)", 300, 146, "R(f)", kind="given", width=60)
    sketch.box("sum", 80, 262, "+", kind="operation")
    sketch.box("sum of all", 80, 306, "+", kind="operation")
    sketch.box("out", 80, 356, "ReLU", "y", kind="out")
    sketch.edge("x", "g1")
    sketch.edge("x", "shortcut", "rt")
    sketch.edge("g1", "g2")
    sketch.edge("g2", "g3")
    sketch.edge("g3", "sum")
    sketch.edge("shortcut", "sum", "br")
    sketch.edge("sum", "sum of all")
    sketch.edge("R(f)", "feedback", back=True)
    sketch.edge("feedback", "sum of all", "br", back=True)
    sketch.edge("sum of all", "out")
    boxes = {f"{kind}{n}": f"g{n}" for kind in ("conv", "norm") for n in (1, 2, 3)}
    boxes |= {"ReLU 1": "g1", "ReLU 2": "g2", "ReLU 3": "out"}
    sketch.check_boxes(nodes, boxes | {"+ 1": "sum", "+ 2": "sum of all"})
    stages = ", ".join(str(i) for i, takes_it in enumerate(takes, start=1) if takes_it)
    return sketch.drawn(
        f"The first block of stage {stage + 1} in the second look of this model. R(f) is projected "
        "by a 1x1 convolution and added before the last ReLU. The projection starts at zero, so "
        "that a network with ImageNet weights computes at first what it did before. Stages that "
        f"are shown features: {stages}."
    )


def fusion(config: ModelConfig) -> Drawn:
    """The fusion of a level with that of the look before."""
    module = _features(config).fusion
    new, old = (meta(1, module.in_channels, 100, 168) for _ in range(2))
    nodes = _traced({"conv": module}, {"new": new, "old": old}, lambda: module.blend(new, old))
    sketch = Sketch("Fusion of two looks", 246)
    sketch.box("new", 80, 22, "new level", kind="given", width=84)
    sketch.box("old", 280, 22, "level before", kind="given", width=104)
    sketch.box("conv", 180, 76, "conv 1×1, σ", "the gate α", width=96)
    sketch.box("of new", 80, 146, "α · new", width=84)
    sketch.box("of old", 280, 146, "(1 − α) · old", width=104)
    sketch.box("sum", 180, 184, "+", kind="operation")
    sketch.box("out", 180, 228, "fused level", kind="out", width=92)
    sketch.edge("new", "conv", "rt")
    sketch.edge("new", "of new")
    sketch.edge("old", "of old")
    sketch.edge("conv", "of new", "bt", (180, 112), (100, 112), shift=(0, 20))
    sketch.edge("conv", "of old", "bt", (180, 112), (260, 112), shift=(0, -20))
    sketch.edge("of new", "sum", "bl")
    sketch.edge("of old", "sum", "br")
    sketch.edge("sum", "out")
    boxes = {"σ": "conv", "× 1": "of new", "1 −": "of old", "× 2": "of old", "+": "sum"}
    sketch.check_boxes(nodes, boxes)
    return sketch.drawn(
        "The gate has one value between 0 and 1 for each position. All levels and looks share its "
        "convolution."
    )


def connector(config: ModelConfig) -> Drawn:
    """The connector, through which a level is fed back."""
    module = _features(config).connector
    branches = list(module.children())
    x = meta(1, branches[0].in_channels, 100, 168)
    watched = {f"branch {i}": one for i, one in enumerate(branches)}
    nodes = _traced(watched, {"f": x}, lambda: module(x))
    sketch = Sketch("ASPP, the connector R", 236)
    sketch.box("f", 180, 20, "f", kind="given", width=60)
    sketch.box("join", 180, 168, "join, ReLU", width=92)
    sketch.box("out", 180, 218, "R(f)", kind="out", width=60)
    sketch.edge("join", "out")
    for i, one in enumerate(branches):
        kernel, rate = one.kernel_size[0], one.dilation[0]
        is_global = i == len(branches) - 1
        below = "of the mean" if is_global else f"rate {rate}" if kernel > 1 else "each cell"
        name = f"branch {i}"
        sketch.box(name, 46 + 89.5 * i, 94, f"{kernel}×{kernel}", below, width=78)
        sketch.edge("f", name)
        sketch.edge(name, "join")
    boxes = {"mean": f"branch {len(branches) - 1}", "ReLU": "join"}
    sketch.check_boxes(nodes, boxes)
    return sketch.drawn(
        "Atrous spatial pyramid pooling (ASPP): four branches of a quarter of the channels each "
        "see one cell, its surroundings at two rates, and the whole map. They are joined, and no "
        "convolution follows."
    )


def _sac_nodes(layer: SAConv2d, channels: int, *, deformable_branches: bool) -> list[Node]:
    x = torch.randn(1, channels, 24, 24)
    watched = {
        "pre": layer.pre_context,
        "post": layer.post_context,
        "S": layer.switch,
        "offsets near": layer.offset_near,
        "offsets far": layer.offset_far,
    }
    near = layer.dilation[0] if isinstance(layer.dilation, tuple) else layer.dilation

    def branch(given: Any) -> str:
        if given[1].shape[-1] != 3:
            return ""
        return "near" if given[5][0] == near else "far"

    def more(tracer: Tracer) -> None:
        tracer.watch_call(layer, "standardised", "w")
        tracer.watch_call(
            deformable, "deform_conv2d", lambda g: "near" if g[5][0] == near else "far"
        )
        if not deformable_branches:
            tracer.watch_call(F, "conv2d", branch)

    present = {name: module for name, module in watched.items() if module is not None}
    return _traced(present, {"x": x, "Δw": layer.weight_diff}, lambda: layer(x), more)


def sac_block(config: ModelConfig) -> Drawn:
    """One switchable atrous convolution with both contexts, as the published models have it.

    Raises:
        ValueError: for a model whose convolution has other parts, which the figure does not show.
    """
    sac = config.backbone.sac
    if sac is None or not (sac.deformable and sac.context and sac.switch == "single"):
        raise ValueError("the figure shows a deformable SAC with contexts and one linear switch")
    layer = SAConv2d(16, **sac.model_dump(exclude={"stages"})).eval()
    nodes = _sac_nodes(layer, 16, deformable_branches=True)
    sketch = Sketch("Switchable atrous convolution", 528)
    sketch.box("x", 180, 20, "x", kind="given", width=60)
    sketch.box("pre", 70, 66, "pre-context", "1×1 of the mean", width=104)
    sketch.box("in", 180, 104, "+", kind="operation")
    sketch.box("around", 180, 156, "mean of 5×5", width=96)
    sketch.box("offsets near", 53, 216, "offsets", "conv 3×3", width=78)
    sketch.box("S", 126, 216, "S", "1×1", width=44)
    sketch.box("offsets far", 298, 216, "offsets", "conv 3×3", width=78)
    sketch.box("near", 53, 286, "conv 3×3", "rate 1", width=78)
    sketch.box("far", 298, 286, "conv 3×3", f"rate {sac.rate}", width=78)
    sketch.box("w", 168, 286, "w", "standardised", kind="given", width=76, height=38)
    sketch.box("lock", 232, 286, "+", kind="operation")
    sketch.box("Δw", 232, 338, "Δw", kind="given", width=44)
    sketch.box("mixed", 180, 396, "S · near + (1 − S) · far", width=180)
    sketch.box("post", 304, 444, "post-context", "1×1 of the mean", width=104)
    sketch.box("sum", 180, 466, "+", kind="operation")
    sketch.box("out", 180, 510, "y", kind="out", width=60)
    sketch.edge("x", "pre", "lt")
    sketch.edge("x", "in")
    sketch.edge("pre", "in", "bl")
    sketch.edge("in", "around")
    for name in ("offsets near", "S", "offsets far"):
        sketch.edge("around", name)
    sketch.edge("offsets near", "near")
    sketch.edge("offsets far", "far")
    sketch.edge("in", "near", "ll", (6, 112), (6, 286), shift=(8, 0))
    sketch.edge("in", "far", "rr", (352, 112), (352, 286), shift=(8, 0))
    sketch.edge("w", "near", "lr")
    sketch.edge("w", "lock", "rl")
    sketch.edge("Δw", "lock", "tb")
    sketch.edge("lock", "far", "rl")
    sketch.edge("near", "mixed", "bl")
    sketch.edge("far", "mixed", "br")
    sketch.edge("S", "mixed", "bt", (126, 383), shift=(0, -54))
    sketch.edge("mixed", "post")
    sketch.edge("mixed", "sum")
    sketch.edge("post", "sum", "lr", (240, 444), (240, 466))
    sketch.edge("sum", "out")
    boxes = {
        "mean 1": "pre", "+ 1": "in", "5×5": "around", "+ 2": "lock", "1 −": "mixed",
        "join": "mixed", "×": "mixed", "+ 3": "mixed", "mean 2": "post", "+ 4": "sum",
    }  # fmt: skip
    sketch.check_boxes(nodes, boxes)
    return sketch.drawn(
        "A 3x3 convolution, run twice: near, with the kernel w, and far, with holes and the kernel "
        "w + Δw. The switch S says for each position how much of each. A bent branch samples at "
        "offsets. Both contexts add a 1x1 convolution of the mean of the whole map."
    )

"""Figures of DSC: what feeds what in a cascade that ran, and the boxes it looks at."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from relook.config.cascades import DSCConfig
from relook.config.model import ModelConfig
from relook.models.build.cascade import build_dsc
from relook.models.cascades import dsc, guidance
from relook.ops.cpu import switch as fast
from relook.ops.frames import enlarge, inside
from relook.structures.detection import ImageBatch, Rois
from relook.structures.rules.cascade import SelectRule
from relook.visualization.svg import INK, color, path, rect, word

from .drawing import MARGIN, Drawn, Place, draw, framed
from .tracing import Node, Tracer

_ROWS: Final = (
    "boxes",
    "enlarge",
    "RoIAlign",
    "align",
    "mask features",
    "mask",
    "SgRoIAlign",
    "box head",
    "refine",
)
_IMAGE = (96, 128)
_BOXES = torch.tensor([[10.0, 8, 60, 50], [30, 20, 90, 80], [5, 40, 40, 90]])
_COLORS = tuple(map(color, range(4)))


def trace(config: ModelConfig) -> list[Node]:
    """Detecting in three boxes with random weights, without the semantic branch."""
    assert isinstance(config.cascade, DSCConfig)
    channels = config.pyramid.channels
    cascade = build_dsc(config.cascade, None, channels, config.num_classes).eval()
    height, width = _IMAGE
    image = ImageBatch(
        torch.zeros(1, 3, height, width), (_IMAGE,), (_IMAGE,), (_IMAGE,), ((1.0, 1.0),)
    )
    pyramid = [torch.randn(1, channels, height // s, width // s) for s in (4, 8, 16, 32, 64)]
    boxes = _BOXES.clone()
    with torch.random.fork_rng(devices=[]), Tracer() as tracer, fast.plain():
        torch.manual_seed(0)
        tracer.given("boxes", boxes)
        tracer.watch_call(dsc, "frames_of", lambda given: f"enlarge ×{given[1]:g}")
        tracer.watch_call(dsc, "pool_pyramid", "RoIAlign")
        tracer.watch_call(dsc, "pool", "RoIAlign")
        tracer.watch_call(dsc, "pool_guided", "SgRoIAlign")
        tracer.watch_call(dsc, "refine", "refine")
        tracer.watch_call(dsc, "select", "select")
        tracer.watch_call(guidance, "align_inside", "align")
        for t, head in enumerate([*cascade.guidance_heads, cascade.mask_head]):
            tracer.watch_call(head, "features", f"m{t} features")
            tracer.watch_call(head, "predict", f"m{t} mask")
        for t, one in enumerate(cascade.box_heads, start=1):
            tracer.watch(one, f"b{t}")
        rois = Rois(boxes, torch.zeros(len(boxes), dtype=torch.int64))
        rule = SelectRule(score_threshold=0.0, max_detections=5)
        cascade.detect(pyramid, None, rois, image, rule)
    return tracer.nodes


def _row(node: Node) -> int:
    name = node.name.partition(" ×")[0]
    if name[0] == "m" and name.endswith("features"):
        name = "mask features"
    elif name[0] == "m":
        name = "mask"
    elif name[0] == "b" and name[1:].isdigit():
        name = "box head"
    return _ROWS.index("boxes" if name == "select" else name)


def framework(config: ModelConfig) -> Drawn:
    """Iterations from left to right; the last column is the mask of what was found."""
    places: dict[Node, Place] = {}
    column = 0
    for node in trace(config):
        if node.kind != "input":
            column += node.name.startswith(("enlarge", "select"))
        places[node] = column, _row(node)
    assert isinstance(config.cascade, DSCConfig)
    title = "The framework of DSC"
    return Drawn(
        title,
        draw(title, places, column=200),
        f"{column - 1} iterations and the final masks, as they ran on three boxes. align is "
        "adaptive feature alignment, SgRoIAlign the RoIAlign that the mask guides; sides are "
        f"those of guidance.side={config.cascade.guidance.side}. Both kinds of RoIAlign read the "
        "pyramid, which is not drawn.",
    )


def geometry(config: DSCConfig) -> Drawn:
    """One box that is refined, its frames in each iteration, and each in the one before."""
    box = torch.tensor([[84.0, 66, 190, 150]])
    moves = torch.tensor([12.0, 6, 5, 3])
    frames, tight = [], [box]
    ratios = config.guidance.ratios(len(config.stages))
    for ratio in ratios:
        frames.append(enlarge(tight[-1], ratio))
        tight.append(tight[-1] + moves)
    content = [
        _rectangle(frame, 0, 0, shade, f"frame {t}: ×{ratio:g}")
        for t, (frame, ratio, shade) in enumerate(
            zip(frames, ratios, _palette(len(frames)), strict=True)
        )
    ]
    content += [
        _rectangle(one, 0, 0, shade, "", dashed=True)
        for one, shade in zip(tight, _palette(len(tight)), strict=False)
    ]
    words, left = [], 290.0
    side = config.guidance.side
    cell = 150 / side
    for t in range(1, len(frames)):
        seen = inside(frames[t], frames[t - 1], side)
        grid = "".join(
            f"M{left + i * cell:.1f} 40v{side * cell:.1f}"
            f"M{left:.1f} {40 + i * cell:.1f}h{side * cell:.1f}"
            for i in range(side + 1)
        )
        colors = _palette(len(frames))
        content.append(path(grid, colors[t - 1], ' stroke-width="0.5"'))
        content.append(_rectangle(seen * cell, left, 40, colors[t], ""))
        numbers = ", ".join(f"{value:.2f}" for value in seen[0].tolist())
        content.append(word(left + 75, 22, f"frame {t} in cells of frame {t - 1}", "middle", INK))
        content.append(word(left + 75, 225, f"({numbers})", "middle", size=10))
        words.append(f"frame {t} in frame {t - 1}: {numbers}")
        left += 215
    title = "Enlarged and relative RoIs"
    factors = ", ".join(f"{ratio:g}" for ratio in ratios)
    return Drawn(
        title,
        framed(title, left + MARGIN, 250, "".join(content), words),
        f"A box that moves from iteration to iteration (dashed), and its frames, {factors} times "
        f"as wide and high. Beside it, where each next frame lies in the {side}x{side} features of "
        f"the one before, which are sampled there.",
    )


def _palette(count: int) -> list[str]:
    return [_COLORS[i % len(_COLORS)] for i in range(count)]


def _rectangle(
    box: Tensor, left: float, top: float, shade: str, name: str, *, dashed: bool = False
) -> str:
    x1, y1, x2, y2 = box[0].tolist()
    more = ' stroke-width="1.8"' + (' stroke-dasharray="4 3"' if dashed else "")
    drawn = rect(left + x1, top + y1, x2 - x1, y2 - y1, stroke=shade, attributes=more)
    return drawn + (word(left + x1 + 3, top + y1 - 4, name, fill=INK) if name else "")

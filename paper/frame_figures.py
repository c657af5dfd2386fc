"""The boxes that DSC looks at: one that moves, its frames, and each frame in the one before."""

from __future__ import annotations

import torch
from torch import Tensor

from relook.config.cascades import DSCConfig
from relook.ops.frames import enlarge, inside
from relook.visualization.svg import INK, color, path, rect, word

from .sketch import WIDTH, Drawn, plain

_GRID, _GAP, _TOP = 100.0, 18.0, 262.0  # side and gap of the small pictures, and where they begin
_BOX = ((104.0, 66.0, 210.0, 150.0),)
_MOVES = (12.0, 6.0, 5.0, 3.0)


def geometry(config: DSCConfig) -> Drawn:
    """One box that is refined, its frames in each iteration, and each in the one before."""
    frames, tight = [], [torch.tensor(_BOX)]
    ratios = config.guidance.ratios(len(config.stages))
    for ratio in ratios:
        frames.append(enlarge(tight[-1], ratio))
        tight.append(tight[-1] + torch.tensor(_MOVES))
    shades = [color(number) for number in range(len(tight))]
    content, words = [], []
    for t, (frame, ratio) in enumerate(zip(frames, ratios, strict=True)):
        content.append(_rectangle(frame, 0, 12, shades[t]))
        content.append(_rectangle(tight[t], 0, 12, shades[t], dashed=True))
        content.append(word(262, 30 + 18 * t, f"frame {t}: ×{ratio:g}", fill=shades[t]))
    side = config.guidance.side
    cell = _GRID / side
    for t in range(1, len(frames)):
        left = 8 + (t - 1) * (_GRID + _GAP)
        seen = inside(frames[t], frames[t - 1], side)
        grid = "".join(
            f"M{left + i * cell:.1f} {_TOP:.1f}v{_GRID:.1f}"
            f"M{left:.1f} {_TOP + i * cell:.1f}h{_GRID:.1f}"
            for i in range(side + 1)
        )
        content.append(path(grid, shades[t - 1], ' stroke-width="0.5"'))
        content.append(_rectangle(seen * cell, left, _TOP, shades[t]))
        content.append(word(left + _GRID / 2, _TOP - 8, f"{t} in {t - 1}", "middle", INK))
        numbers = ", ".join(f"{value:.1f}" for value in seen[0].tolist())
        content.append(word(left + _GRID / 2, _TOP + _GRID + 16, numbers, "middle", size=10))
        words.append(f"frame {t} in cells of frame {t - 1}: {numbers}")
    title = "Enlarged and relative RoIs"
    factors = ", ".join(f"{ratio:g}" for ratio in ratios)
    return Drawn(
        title,
        plain(title, WIDTH, _TOP + _GRID + 28, "".join(content), words),
        f"Above: a box (dashed) that moves from iteration to iteration, and its frames, {factors} "
        f"times as wide and high. Below: where each next frame lies in the {side}x{side} features "
        "of the one before (left, top, right, bottom in cells), which are sampled there. The box "
        "and its moves are made up; the frames are relook's.",
    )


def _rectangle(box: Tensor, left: float, top: float, shade: str, *, dashed: bool = False) -> str:
    x1, y1, x2, y2 = box[0].tolist()
    more = ' stroke-width="1.8"' + (' stroke-dasharray="4 3"' if dashed else "")
    return rect(left + x1, top + y1, x2 - x1, y2 - y1, stroke=shade, attributes=more)

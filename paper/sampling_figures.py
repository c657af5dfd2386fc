"""Where an atrous convolution looks, told by the gradients of one of its outputs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from relook.layers.sac import SAConv2d
from relook.visualization.svg import INK, LINE, color, rect, word

from .sketch import WIDTH, Drawn, plain

_SIDE, _CELL, _GAP = 11, 10, 9


def seen_cells(rate: int) -> Tensor:
    """Cells (11, 11) bool of a map that the middle output of SAC's second branch depends on."""
    layer = SAConv2d(1, rate=rate, deformable=False, context=False)
    with torch.no_grad():
        layer.weight.fill_(1.0).add_(torch.arange(9.0).view(1, 1, 3, 3))
        layer.reset_standardisation()
        assert layer.switch.bias is not None
        layer.switch.bias.zero_()  # all of the second branch
    x = torch.zeros(1, 1, _SIDE, _SIDE, requires_grad=True)
    layer(x)[0, 0, _SIDE // 2, _SIDE // 2].backward()
    assert x.grad is not None
    return x.grad[0, 0] != 0


def grids(rates: Sequence[int] = (1, 2, 3)) -> Drawn:
    """The cells side by side."""
    content, words = [], []
    for number, rate in enumerate(rates):
        left = 4 + number * (_SIDE * _CELL + _GAP)
        cells = seen_cells(rate)
        content.append(word(left + _SIDE * _CELL / 2, 16, f"rate {rate}", "middle", INK))
        for y, row in enumerate(cells.tolist()):
            for x, is_seen in enumerate(row):
                fill, place = color(0) if is_seen else "none", (left + x * _CELL, 26 + y * _CELL)
                content.append(rect(*place, _CELL, _CELL, fill=fill, stroke=LINE))
        reach = int(cells.any(dim=0).nonzero().max() - cells.any(dim=0).nonzero().min()) + 1
        words.append(f"rate {rate}: {int(cells.sum())} cells within {reach}x{reach}")
    title = "Sampling grids of the rates"
    width = max(WIDTH, 8 + len(rates) * (_SIDE * _CELL + _GAP) - _GAP)
    return Drawn(
        title,
        plain(title, width, 26 + _SIDE * _CELL + 8, "".join(content), words),
        "The cells with a gradient, for the middle output of the branch: " + "; ".join(words) + ".",
    )

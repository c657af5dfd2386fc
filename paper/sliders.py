"""Something to move: the rate, the switch and the number of looks.

Each is a figure that a script makes of data in the page. Without scripts the page has none of them,
and says the same in words and figures.
"""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .photographs import Branches


class Look(NamedTuple):
    """The costs of a number of looks."""

    looks: int
    parameters: float  # millions
    work: float  # multiply-adds over those of one look


STYLE = """
.try{border:1px solid var(--line);border-radius:.6rem;padding:.8rem 1rem;max-width:36rem;
background:var(--card)}
.try label{display:block;font-weight:600}.try input{width:100%;margin:.4rem 0}
.try canvas,.try svg{width:100%;height:auto;max-width:22rem;image-rendering:pixelated;
border-radius:.4rem;display:block}
.try output{display:block;min-height:3.2em}
.try .row{display:flex;gap:.8rem;flex-wrap:wrap}.try .row>*{flex:1 1 9rem;min-width:0}
"""


def rate(piece: Image.Image, rates: int = 5) -> str:
    """A slider of the atrous rate over the pixels of a photograph."""
    return _figure("rate", "Move the rate", {"picture": _data(piece), "side": piece.width}, rates)


def switch(found: Branches) -> str:
    """A slider of S between the two branches of a layer on a photograph."""
    content = {
        "near": _whole(found.near),
        "far": _whole(found.far),
        "width": found.near.shape[1],
        "height": found.near.shape[0],
        "channel": found.channel,
    }
    return _figure("switch", "Move the switch S", content, 0)


def looks(costs: Sequence[Look]) -> str:
    """A slider of T, with what each number of looks costs."""
    content = {"costs": [list(one) for one in costs]}
    return _figure("looks", "Move the number of looks T", content, len(costs))


def _figure(name: str, title: str, content: dict[str, Any], most: int) -> str:
    data = html.escape(json.dumps(content | {"most": most, "title": title}), quote=True)
    return f'<div class="try" data-try="{name}" data-content="{data}" hidden></div>'


def _whole(values: NDArray[np.float32]) -> list[int]:
    """Values in thousandths."""
    return [round(float(value) * 1000) for value in values.ravel()]


def _data(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


SCRIPT = f"<script>{Path(__file__).with_suffix('.js').read_text(encoding='utf-8')}</script>"

"""Maps as pictures, and the bars that say what their colours mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ...visualization.labels import load_font, printable
from ...visualization.sheet import INK, PAPER
from .inspected_image import Values

SWITCH_COLORS: Final = (
    (127, 59, 8),
    (224, 130, 20),
    (247, 247, 247),
    (67, 147, 195),
    (5, 48, 97),
)
"""Evenly from the lowest S of a scale to the highest; brown is the larger rate."""
_WHAT_S_MEANS = (
    "S: white 0.5, both rates alike; blue, more of the smaller rate; brown, more of the larger; "
    "1 and 0, one of them alone"
)
MIDDLE: Final = 0.5  # S where both rates count alike


def switch_reach(maps: Sequence[Values]) -> float:
    """The reach from 0.5 of one scale for all `maps` of S: at least to 0 and 1, and far enough for
    99 of 100 cells, since S has no bounds."""
    values = np.concatenate([np.abs(values - MIDDLE).ravel() for values in maps])
    return max(0.5, float(np.quantile(values, 0.99)))


def switch_picture(values: Values, size: tuple[int, int], reach: float) -> Image.Image:
    """S in `values` (h, w) as a picture of `size` (height, width), from 0.5 - `reach` to 0.5 + it.

    White is 0.5; brown is less, more of the larger rate; blue is more, more of the smaller.
    """
    positions = np.linspace(MIDDLE - reach, MIDDLE + reach, len(SWITCH_COLORS))
    channels = [np.interp(values, positions, [c[i] for c in SWITCH_COLORS]) for i in range(3)]
    return _enlarged(np.stack(channels, axis=-1).round().astype(np.uint8), size)


def grey(values: Values, size: tuple[int, int], low: float, high: float) -> Image.Image:
    """`values` (h, w) as a picture of `size` (height, width): black at `low`, white at `high`."""
    spread = high - low
    light = (values - low) / spread if spread > 0 else np.zeros_like(values)
    return _enlarged((np.clip(light, 0, 1) * 255).round().astype(np.uint8), size)


def switch_bar(width: int, reach: float) -> Image.Image:
    """A bar of the colours of `switch_picture`, `width` pixels wide, with what they mean."""
    low, high = MIDDLE - reach, MIDDLE + reach
    values = np.linspace(low, high, width, dtype=np.float32)[np.newaxis]
    colors = switch_picture(values, (18, width), reach)
    ticks = [(value - low) / (high - low) for value in (0.0, MIDDLE, 1.0)]
    words = [*zip(ticks, ("0", "0.5", "1"), strict=True)]
    if reach > 0.6:
        words += [(0.0, f"{low:.1f} or less"), (1.0, f"{high:.1f} or more")]
    return _bar(colors, words, _WHAT_S_MEANS)


def under(top: Image.Image, bottom: Image.Image) -> Image.Image:
    """Both pictures as one, `bottom` below `top`, on the ground of sheets."""
    whole = Image.new("RGB", (max(top.width, bottom.width), top.height + bottom.height), PAPER)
    whole.paste(top, (0, 0))
    whole.paste(bottom, (0, top.height))
    return whole


def _bar(colors: Image.Image, words: Sequence[tuple[float, str]], meaning: str) -> Image.Image:
    """`colors` with `words` below their places, which are shares of its width, and a `meaning`."""
    margin, letter = 24, max(12, colors.width // 64)
    foot = letter + colors.height
    bar = Image.new("RGB", (colors.width + 2 * margin, foot + letter * 4), PAPER)
    bar.paste(colors, (margin, letter))
    draw = ImageDraw.Draw(bar)
    face = load_font(letter)
    for place, text in words:
        x = margin + place * (colors.width - 1)
        draw.line((x, letter // 2, x, foot + letter // 3), fill=INK)
        anchor = "la" if place < 0.01 else "ra" if place > 0.99 else "ma"
        draw.text((x, foot + letter * 0.5), printable(text), font=face, fill=INK, anchor=anchor)
    draw.text((margin, foot + letter * 2), printable(meaning, 200), font=face, fill=INK)
    return bar


def _enlarged(cells: NDArray[np.uint8], size: tuple[int, int]) -> Image.Image:
    picture = Image.fromarray(cells).convert("RGB")
    return picture.resize((size[1], size[0]), Image.Resampling.NEAREST)

"""Text on pictures: a built-in font, and places where text covers little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .palette import Color, text_color

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Rectangle = tuple[int, int, int, int]  # x1, y1, x2, y2 in pixels


@lru_cache(maxsize=32)
def load_font(size: int, path: str | None = None) -> Font:
    """The font that comes with pillow, or the one at `path`, in `size` pixels."""
    if path is not None:
        return ImageFont.truetype(path, size)
    return ImageFont.load_default(size)


def printable(text: str, longest: int = 40) -> str:
    """`text` on one line, without unprintable characters, at most `longest` characters long."""
    line = "".join(c if c.isprintable() else " " for c in text).strip()
    return line if len(line) <= longest else line[: longest - 3] + "..."


@dataclass(frozen=True, slots=True)
class Label:
    """A text for the object in `box` (x1, y1, x2, y2 in pixels of the picture)."""

    text: str
    box: tuple[float, float, float, float]
    color: Color


def draw_labels(
    picture: Image.Image, labels: Sequence[Label], font_size: int, font: str | None = None
) -> None:
    """Write `labels` into `picture`, each near its object and away from other labels.

    Earlier labels are placed first.
    """
    face = load_font(font_size, font)
    draw = ImageDraw.Draw(picture, "RGBA")
    pad = max(2, font_size // 4)
    placed: list[Rectangle] = []
    for label in labels:
        text = _drawable(draw, printable(label.text), face)
        left, top, right, bottom = _text_box(draw, text, face)
        width, height = right - left + 2 * pad, _line_height(draw, face) + 2 * (pad // 2)
        x, y = _place(label.box, (width, height), picture.size, placed)
        placed.append((x, y, x + width, y + height))
        draw.rounded_rectangle(
            (x, y, x + width - 1, y + height - 1), radius=height // 5, fill=(*label.color, 225)
        )
        baseline = y + (height - (bottom - top)) // 2 - top
        draw.text((x + pad - left, baseline), text, font=face, fill=text_color(label.color))


def draw_numbers(
    picture: Image.Image,
    numbers: Sequence[int],
    centres: Sequence[tuple[float, float]],
    font_size: int,
) -> None:
    """Write each of `numbers` at its centre (x, y) in pixels, white with a dark border."""
    face = load_font(font_size)
    draw = ImageDraw.Draw(picture)
    for number, (x, y) in zip(numbers, centres, strict=True):
        left, top, right, bottom = _text_box(draw, str(number), face)
        place = (x - (left + right) / 2, y - (top + bottom) / 2)
        draw.text(place, str(number), font=face, fill="white", stroke_width=1, stroke_fill="black")


def _drawable(draw: ImageDraw.ImageDraw, text: str, face: Font) -> str:
    """`text` with the font's letters only; a pillow without FreeType has Latin letters only."""
    try:
        draw.textbbox((0, 0), text, font=face)
    except UnicodeEncodeError:
        return text.encode("latin-1", "replace").decode("latin-1")
    return text


def _text_box(draw: ImageDraw.ImageDraw, text: str, face: Font) -> Rectangle:
    left, top, right, bottom = draw.textbbox((0, 0), text, font=face)
    return int(left), int(top), int(np.ceil(right)), int(np.ceil(bottom))


def _line_height(draw: ImageDraw.ImageDraw, face: Font) -> int:
    _, top, _, bottom = _text_box(draw, "Ag", face)
    return bottom - top


def _place(
    box: tuple[float, float, float, float],
    size: tuple[int, int],
    canvas: tuple[int, int],
    placed: Sequence[Rectangle],
) -> tuple[int, int]:
    """Upper left corner for a label of `size`: the candidate that covers least, early ones first.

    Above the box, below it, inside it at the top, inside at the bottom, beside it, then one step
    farther away, where the colour still shows the object of the label.
    """
    x1, y1, x2, y2 = box
    width, height = size
    corners = [
        (x1, y1 - height),
        (x1, y2),
        (x1, y1),
        (x1, y2 - height),
        (x2 - width, y1 - height),
        (x2 - width, y2),
        (x2, y1),
        (x1 - width, y1),
        (x1, y1 - 2 * height),
        (x1, y2 + height),
        (x2, y1 - height),
        (x2, y2),
        (x1 - width, y1 - height),
        (x1 - width, y2),
        (x1, y1 - 3 * height),
        (x1, y2 + 2 * height),
    ]
    object_box = (int(x1), int(y1), int(x2), int(y2))
    best, best_cost = (0, 0), np.inf
    for rank, (x, y) in enumerate(corners):
        inside = (
            int(min(max(x, 0), max(canvas[0] - width, 0))),
            int(min(max(y, 0), max(canvas[1] - height, 0))),
        )
        plate = (*inside, inside[0] + width, inside[1] + height)
        hidden = (
            3 * sum(_overlap(plate, placed_box) for placed_box in placed)
            + _overlap(plate, object_box) // 2
        )
        moved = abs(inside[0] - x) + abs(inside[1] - y)
        total = hidden + 0.02 * width * height * rank + 2 * moved
        if total < best_cost:
            best, best_cost = inside, total
    return best


def _overlap(a: Rectangle, b: Rectangle) -> int:
    """Pixels that two rectangles share."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)


def draw_legend(
    picture: Image.Image,
    entries: Sequence[tuple[str, Color | None]],
    font_size: int,
    font: str | None = None,
    limit: int = 8,
) -> None:
    """Write `entries` (text, colour or None) on a dark plate in the lower left of `picture`."""
    lines = [(printable(text), color) for text, color in entries[:limit]]
    if len(entries) > limit:
        lines.append((f"and {len(entries) - limit} more", None))
    face = load_font(font_size, font)
    draw = ImageDraw.Draw(picture, "RGBA")
    texts = [_drawable(draw, text, face) for text, _ in lines]
    pad, step = font_size // 2, round(font_size * 1.35)
    swatch = font_size if any(color for _, color in lines) else 0
    widths = [_text_box(draw, text, face)[2] for text in texts]
    plate_width = max(widths) + 2 * pad + (swatch + pad // 2 if swatch else 0)
    x, y = pad // 2, picture.height - len(texts) * step - pad - pad // 2
    draw.rounded_rectangle(
        (x, y, x + plate_width, picture.height - pad // 2), radius=pad, fill=(16, 18, 24, 190)
    )
    for row, (text, (_, color)) in enumerate(zip(texts, lines, strict=True)):
        line_y, text_x = y + pad // 2 + row * step, x + pad
        if swatch:
            text_x += swatch + pad // 2
            if color is not None:
                corner = (x + pad, line_y + step // 2 - swatch // 2)
                draw.rounded_rectangle(
                    (*corner, corner[0] + swatch - 1, corner[1] + swatch - 1),
                    radius=swatch // 4,
                    fill=color,
                )
        _, top, _, bottom = _text_box(draw, "Ag", face)
        draw.text(
            (text_x, line_y + (step - bottom + top) // 2 - top), text, font=face, fill="white"
        )

"""Text on pictures: names at objects, and a list of counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .palette import Color, text_color
from .places import Rectangle, Shape, free_corner, place

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
SMALLEST: Final = 11  # pixels of letters that are made smaller to find a place


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
    picture: Image.Image,
    labels: Sequence[Label],
    font_size: int,
    font: str | None = None,
    shapes: Sequence[Shape] | None = None,
) -> int:
    """Write `labels` into `picture`, each near its object; return how many are left out.

    Earlier labels are placed first. Without `shapes` all are written, where they cover least. With
    `shapes`, those of all objects, a label lies on no other one and on at most a twentieth of any
    object. Where not all have such a place, letters become smaller, down to 11 pixels; labels that
    then have none are left out, or all of them if these are more than half.
    """
    draw = ImageDraw.Draw(picture, "RGBA")
    sizes = [font_size]
    if shapes is not None and font_size > SMALLEST:
        sizes += [(font_size + SMALLEST) // 2, SMALLEST]
    plates: list[_Plate | None] = []
    for size in sizes:
        plates = _plates(draw, picture.size, labels, load_font(size, font), size, shapes)
        if None not in plates:
            break
    left_out = sum(plate is None for plate in plates)
    if 2 * left_out > len(labels):
        return len(labels)
    for label, plate in zip(labels, plates, strict=True):
        if plate is not None:
            plate.write(draw, label.color)
    return left_out


class _Plate(NamedTuple):
    """A text and the rectangle it stands on."""

    text: str
    face: Font
    corner: tuple[int, int]
    size: tuple[int, int]
    pad: int

    @property
    def rectangle(self) -> Rectangle:
        x, y = self.corner
        return x, y, x + self.size[0], y + self.size[1]

    def write(self, draw: ImageDraw.ImageDraw, color: Color) -> None:
        x1, y1, x2, y2 = self.rectangle
        draw.rounded_rectangle(
            (x1, y1, x2 - 1, y2 - 1), radius=self.size[1] // 5, fill=(*color, 225)
        )
        left, top, _, bottom = _text_box(draw, self.text, self.face)
        start = x1 + self.pad - left, y1 + (self.size[1] - (bottom - top)) // 2 - top
        draw.text(start, self.text, font=self.face, fill=text_color(color))


def _plates(
    draw: ImageDraw.ImageDraw,
    canvas: tuple[int, int],
    labels: Sequence[Label],
    face: Font,
    font_size: int,
    shapes: Sequence[Shape] | None,
) -> list[_Plate | None]:
    """A plate for each of the labels; None for one that has no place."""
    pad = max(2, font_size // 4)
    placed: list[Rectangle] = []
    plates: list[_Plate | None] = []
    for label in labels:
        text = _drawable(draw, printable(label.text), face)
        left, _, right, _ = _text_box(draw, text, face)
        size = right - left + 2 * pad, _line_height(draw, face) + 2 * (pad // 2)
        corner = place(label.box, size, canvas, placed, shapes)
        plates.append(None if corner is None else _Plate(text, face, corner, size, pad))
        if (plate := plates[-1]) is not None:
            placed.append(plate.rectangle)
    return plates


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


def draw_legend(
    picture: Image.Image,
    entries: Sequence[tuple[str, Color | None]],
    font_size: int,
    font: str | None = None,
    limit: int = 8,
    boxes: NDArray[Any] | None = None,
) -> None:
    """Write `entries` (text, colour or None) on a dark plate in the corner of `picture` where it
    lies on the least of `boxes` (N, 4): by default, or if all are alike, the lower left."""
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
    size = int(plate_width), len(texts) * step + pad
    no_boxes = np.zeros((0, 4))
    x, y = free_corner(size, picture.size, pad // 2, no_boxes if boxes is None else boxes)
    draw.rounded_rectangle((x, y, x + size[0], y + size[1]), radius=pad, fill=(16, 18, 24, 190))
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

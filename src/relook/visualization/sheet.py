"""Sheets of pictures side by side: an image, its true objects, the objects found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ..errors import UsageError
from ..runtime.files import replacing
from .labels import load_font, printable
from .overlay import Mask, draw_objects

PAPER = (250, 250, 248)
INK = (38, 40, 46)
PALE_INK = (120, 124, 132)
FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A row of pictures with a caption."""

    pictures: tuple[Image.Image, ...]
    caption: str = ""


def contact_sheet(
    rows: Sequence[Row],
    headings: Sequence[str] = (),
    *,
    title: str = "",
    cell: int = 420,
    rows_per_line: int = 1,
    font: str | None = None,
) -> Image.Image:
    """One picture of all `rows`, every cell `cell` pixels wide and high at most.

    `headings` are above the columns; `rows_per_line` rows are beside each other, so that a sheet of
    many rows is not too tall. Raises `UsageError` U03 without rows, or when they differ in length.
    """
    columns = {len(row.pictures) for row in rows}
    if len(columns) != 1 or 0 in columns or (headings and len(headings) not in columns):
        raise UsageError(
            "U03", "a sheet needs at least one row, and as many pictures in each as headings."
        )
    layout = _Layout(cell, columns.pop(), max(1, min(rows_per_line, len(rows))))
    lines = [rows[i : i + layout.groups] for i in range(0, len(rows), layout.groups)]
    heights = [max(_fitted(p, cell)[1] for row in line for p in row.pictures) for line in lines]
    caption_height = round(layout.letter * 1.8) if any(row.caption for row in rows) else 0
    top = layout.gap
    title_height = round(layout.letter * 3) if title else 0
    heading_height = round(layout.letter * 2) if headings else 0
    height = top + title_height + heading_height
    height += sum(heights) + len(lines) * (caption_height + layout.gap)
    sheet = Image.new("RGB", (layout.width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    face = load_font(layout.letter, font)
    if title:
        big = load_font(round(layout.letter * 1.5), font)
        draw.text((layout.gap, top), printable(title, 120), font=big, fill=INK)
    y = top + title_height
    for group in range(layout.groups if headings else 0):
        for column, heading in enumerate(headings):
            draw.text((layout.x(group, column), y), printable(heading), font=face, fill=INK)
    y += heading_height
    for line, line_height in zip(lines, heights, strict=True):
        for group, row in enumerate(line):
            for column, picture in enumerate(row.pictures):
                small = _shrink(picture, cell)
                sheet.paste(small, (layout.x(group, column), y))
            place = (layout.x(group, 0), y + line_height + round(layout.letter * 0.3))
            draw.text(place, printable(row.caption, 120), font=face, fill=PALE_INK)
        y += line_height + caption_height + layout.gap
    return sheet


def compare(
    image: NDArray[np.uint8],
    truth: tuple[NDArray[Any], Sequence[Mask] | None],
    detections: tuple[NDArray[Any], Sequence[Mask] | None],
    caption: str = "",
) -> Row:
    """A row of the image (H, W, 3) RGB, its true objects and its detections.

    Objects are boxes (N, 4) in pixels and masks; they are drawn without text, which would be too
    small in a sheet.
    """
    pictures = [
        draw_objects(image, boxes, masks, show_boxes=masks is None)
        for boxes, masks in ((np.zeros((0, 4)), None), truth, detections)
    ]
    return Row(tuple(pictures), caption)


def save_picture(picture: Image.Image, path: Path | str, quality: int = 90) -> None:
    """Write `picture` as JPEG or PNG by the suffix of `path`, whole or not at all.

    Raises `UsageError` U03 for another suffix and `RelookError` R02 when it cannot be written.
    """
    path = Path(path)
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise UsageError(
            "U03", f"{path.name}: pictures are saved as {', '.join(FORMATS)}; choose one of them."
        )
    with replacing(path) as draft, draft.open("wb") as file:
        if kind == "JPEG":
            picture.convert("RGB").save(file, kind, quality=quality, subsampling=0)
        else:
            picture.save(file, kind)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Positions of cells, in pixels."""

    cell: int
    columns: int
    groups: int

    @property
    def letter(self) -> int:
        return max(12, self.cell // 24)

    @property
    def gap(self) -> int:
        return max(6, self.cell // 30)

    @property
    def width(self) -> int:
        return self.x(self.groups - 1, self.columns - 1) + self.cell + self.gap

    def x(self, group: int, column: int) -> int:
        step = self.cell + self.gap // 2
        return self.gap + group * (self.columns * step + self.gap * 2) + column * step


def _fitted(picture: Image.Image, cell: int) -> tuple[int, int]:
    """Width and height of `picture` scaled to a long side of `cell`."""
    scale = cell / max(picture.size)
    return max(1, round(picture.width * scale)), max(1, round(picture.height * scale))


def _shrink(picture: Image.Image, cell: int) -> Image.Image:
    return picture.convert("RGB").resize(_fitted(picture, cell), Image.Resampling.LANCZOS)

"""Annotated and found objects in one picture: outlines of two colours, mistakes thicker.

Unlike in `visualization.overlay`, there are no filled masks and no text, so that differences
between two outlines can be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..ops.rle import RLE, decode_window
from .palette import Color

TRUTH: Color = (46, 196, 255)  # sky and orange: different for all kinds of colour vision
FOUND: Color = (255, 148, 51)

Pixels = NDArray[np.uint8]
THICK = 3  # pixels of a mistake's line
_SIDE = 10  # pixels of an object's side per pixel of its line's width
_FAR = 1e6  # pixels; outside of any picture, and within OpenCV's range of numbers
Frame = tuple[int, int, int, int]  # x1, y1, x2, y2 in pixels of the image


@dataclass(frozen=True, slots=True)
class Outline:
    """The outline of an object: of its mask, or of its box without one."""

    box: tuple[float, float, float, float]  # x, y, width, height in pixels of the image
    mask: RLE | None
    color: Color
    is_mistake: bool  # drawn thick


def draw_outlines(
    image: Pixels, outlines: Sequence[Outline], frame: Frame, width: int
) -> Image.Image:
    """The part `frame` of `image` (H, W, 3) RGB, `width` pixels wide, with `outlines` drawn in.

    Mistakes are drawn last, on top of all others.
    """
    x1, y1, x2, y2 = frame
    scale = width / (x2 - x1)
    height = max(1, round((y2 - y1) * scale))
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    part = np.ascontiguousarray(image[y1:y2, x1:x2])
    canvas = np.asarray(cv2.resize(part, (width, height), interpolation=smooth))
    for outline in sorted(outlines, key=lambda outline: outline.is_mistake):
        for line in _lines(outline):
            # Centres of pixels keep their place: 0 becomes scale / 2 - 1 / 2.
            points = (line - (x1, y1) + 0.5) * scale - 0.5
            drawn = [np.rint(points * 8).clip(-_FAR, _FAR).astype(np.int32).reshape(-1, 1, 2)]
            # A broad line would cover a small object.
            side = (outline.box[2] * outline.box[3]) ** 0.5 * scale
            thick = round(min(max(side / _SIDE, 1), THICK)) if outline.is_mistake else 1
            cv2.polylines(canvas, drawn, True, outline.color, thick, cv2.LINE_AA, shift=3)
    return Image.fromarray(canvas)


def frame_around(
    boxes: Sequence[tuple[float, float, float, float]], size: tuple[int, int], least: int
) -> Frame:
    """A part of an image of `size` (height, width) with all `boxes` (x, y, width, height) and a
    margin of the same size, at least `least` pixels a side where the image has them.

    It is square, except at the border of the image.
    """
    corners = np.array([(x, y, x + w, y + h) for x, y, w, h in boxes], dtype=np.float64)
    (left, top), (right, bottom) = corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)
    side = max(2 * (right - left), 2 * (bottom - top), least)
    horizontal = _span((left + right) / 2, side, size[1])
    vertical = _span((top + bottom) / 2, side, size[0])
    return horizontal[0], vertical[0], horizontal[1], vertical[1]


def _span(centre: float, side: float, limit: int) -> tuple[int, int]:
    """An interval of length `side` around `centre`, moved into [0, limit], and cut if longer."""
    length = min(max(1, round(side)), limit)
    start = int(min(max(0, round(centre - length / 2)), limit - length))
    return start, start + length


def _lines(outline: Outline) -> list[NDArray[Any]]:
    """Closed lines of points (P, 2), in pixels of the image."""
    x, y, w, h = outline.box
    if outline.mask is None:
        return [np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)]) - 0.5]
    mask = outline.mask
    if isinstance(mask["counts"], bytes):
        mask = {**mask, "counts": mask["counts"].decode("ascii")}
    window, left, top = decode_window(mask)
    if window.size == 0:
        return []
    contours, _ = cv2.findContours(
        window.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=(left, top)
    )
    return [line.reshape(-1, 2).astype(np.float64) for line in contours]

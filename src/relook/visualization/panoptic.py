"""An image with all its segments: things in strong colours, stuff in pale ones."""

from __future__ import annotations

import colorsys
from collections import Counter
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import UsageError
from ..structures.panoptic import PanopticCategory, PanopticMap, Segment
from .labels import Label, draw_labels
from .overlay import MOST_TEXTS, Pixels, draw_objects, font_size
from .palette import Color, class_colors
from .places import Shape

_GOLDEN = 0.618034  # the fractional parts of its multiples are well distributed


def draw_panoptic(
    image: Pixels,
    panoptic: PanopticMap,
    categories: Sequence[PanopticCategory],
    *,
    text: bool | None = None,
    opacity: float = 0.55,
    font: str | None = None,
) -> Image.Image:
    """`image` (H, W, 3) RGB with the segments of its map drawn in, its long side at least 800.

    Things of a class have shades of one colour. The 40 largest segments get their name, and things
    also their score, where these hide little of a segment (see `labels.draw_labels`); with `text`
    True also elsewhere, with False there is none. Void is not coloured. `font` is a font file for
    names with letters that the built-in font lacks.

    Raises `UsageError` U01 when a segment is of none of the `categories`, U03 when the image is
    not RGB of 8 bits or the map has another size.
    """
    if panoptic.ids.shape != image.shape[:2]:
        raise UsageError(
            "U03", f"the map is {panoptic.ids.shape}, the image {image.shape[:2]} (height, width)."
        )
    names = {category.id: category.name for category in categories}
    segments = sorted(panoptic.segments, key=lambda segment: -segment.area)
    unknown = [segment.category_id for segment in segments if segment.category_id not in names]
    if unknown:
        raise UsageError("U01", f"no category with id {unknown[0]} was given to name a segment.")
    boxes = np.array([segment.box for segment in segments], dtype=np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    colors = _colors(segments, list(names))
    picture = draw_objects(
        image,
        boxes,
        [panoptic.ids == segment.id for segment in segments],
        colors=colors,
        show_boxes=False,
        opacity=opacity,
    )
    if text is not False:
        size = font_size(picture.size, min(len(segments), MOST_TEXTS))
        scale = picture.width / image.shape[1]
        labels = [
            _label(segment, names[segment.category_id], color, panoptic.ids, scale, size)
            for segment, color in zip(segments[:MOST_TEXTS], colors, strict=False)
        ]
        shapes = [_shape(segment, panoptic.ids, scale) for segment in segments]
        draw_labels(picture, labels, size, font, None if text else shapes)
    return picture


def _shape(segment: Segment, ids: NDArray[np.int32], scale: float) -> Shape:
    left, top, width, height = segment.box
    window = ids[top : top + height, left : left + width] == segment.id
    return Shape.of(window, left, top, scale)


def _colors(segments: Sequence[Segment], category_ids: Sequence[int]) -> list[Color]:
    """A colour for each of the segments."""
    rows = [category_ids.index(segment.category_id) for segment in segments]
    things = [row for segment, row in zip(segments, rows, strict=True) if segment.is_thing]
    strong = dict(zip(things, class_colors(things), strict=True))
    before: Counter[int] = Counter()
    colors = []
    for segment, row in zip(segments, rows, strict=True):
        colors.append(_shade(strong[row], before[row]) if segment.is_thing else _pale(row))
        before[row] += 1
    return colors


def _shade(color: Color, number: int) -> Color:
    """The colour of object `number` of a class: `color` for the first, similar for the others."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(channel / 255 for channel in color))
    turn = (number * _GOLDEN + 0.5) % 1 - 0.5  # 0 for the first
    lift = (number * _GOLDEN**2 + 0.5) % 1 - 0.5
    lightness = min(max(lightness + 0.35 * lift, 0.35), 0.8)
    return _rgb(colorsys.hls_to_rgb((hue + 0.09 * turn) % 1, lightness, saturation))


def _pale(number: int) -> Color:
    """The colour of the kind of stuff with this number."""
    return _rgb(colorsys.hls_to_rgb(number * _GOLDEN % 1, 0.5 + 0.12 * (number % 3 - 1), 0.28))


def _rgb(channels: tuple[float, float, float]) -> Color:
    red, green, blue = (round(255 * channel) for channel in channels)
    return red, green, blue


def _label(
    segment: Segment, name: str, color: Color, ids: NDArray[np.int32], scale: float, size: int
) -> Label:
    """The label of a segment: beside a thing; on stuff at its widest place."""
    x, y, width, height = (side * scale for side in segment.box)
    if segment.is_thing:
        score = "" if segment.score is None else f" {segment.score:.2f}"
        crowd = " (crowd)" if segment.is_crowd else ""
        return Label(f"{name}{score}{crowd}", (x, y, x + width, y + height), color)
    left, top, width, height = segment.box
    window = ids[top : top + height, left : left + width] == segment.id
    depth = cv2.distanceTransform(np.pad(window.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    half = 0.27 * size * len(name)  # about half of the text's width
    x, y = (left + int(column)) * scale - half, (top + int(row)) * scale + 0.7 * size
    return Label(name, (x, y, x, y), color)

"""Objects drawn over their image: translucent masks, crisp outlines, names and scores.

Small images are enlarged before drawing. Line widths and letters depend on the size of the picture.
Many objects get outlines and a count instead of hundreds of texts, and no text hides an object.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import UsageError
from ..ops.rle import RLE, decode_window, encode_window
from .labels import Label, draw_labels, draw_legend, draw_numbers
from .palette import Color, class_colors, id_colors, spread_colors
from .places import Shape

Pixels = NDArray[np.uint8]
Mask = RLE | NDArray[np.bool_]
ColorBy = Literal["auto", "instance", "class"]

SMALLEST = 800  # pixels of a picture's long side, reached by enlarging
LARGEST = 2000  # pixels up to which a picture is enlarged for small objects
CLEAR = 24  # pixels of an object's side from which its outline is visible
MOST_TEXTS = 40  # objects up to which each gets a text
MOST_BOXES = 15  # objects with masks up to which each gets a box


def draw_objects(
    image: Pixels,
    boxes: NDArray[Any],
    masks: Sequence[Mask] | None = None,
    names: Sequence[str] | None = None,
    scores: Sequence[float] | NDArray[Any] | None = None,
    *,
    labels: Sequence[int] | NDArray[Any] | None = None,
    ids: Sequence[int] | NDArray[np.int64] | None = None,
    color_by: ColorBy = "auto",
    colors: Sequence[Color] | None = None,
    text: bool | None = None,
    show_boxes: bool | None = None,
    legend: bool | None = None,
    opacity: float = 0.4,
    font: str | None = None,
) -> Image.Image:
    """`image` (H, W, 3) RGB with N objects drawn in, its long side at least 800 pixels.

    `boxes` (N, 4) are pixels of the image, `masks` run-length codes or arrays (H, W). Colours are
    different for instances when there is one class, and for classes (by `labels`, else by name)
    otherwise; or they are `colors`. Boxes are drawn around masks of up to 15 objects.

    Texts are names and scores. With `text` None, there is none for more than 40 objects; for fewer,
    a text lies on no other text and on at most a twentieth of any object, its letters become
    smaller to find such a place, and without one it is left out (see `labels.draw_labels`). False
    leaves all out, True writes all. The legend has the number of objects of each class; by default
    it is there where texts are missing. `text`, `show_boxes` and `legend` change all this. `font`
    is a font file for names with letters that the built-in font lacks.

    `ids` are identities over the frames of a film, from 1: the colour and the number of an object
    depend on it alone, every object has its number, and pictures of equal frames have one size.

    Raises `UsageError` U03 when the image is not RGB of 8 bits or lengths differ.
    """
    boxes = _finite(boxes, image)
    lists = {"masks": masks, "names": names, "scores": scores, "labels": labels, "ids": ids}
    _check(image, len(boxes), colors=colors, **lists)
    scale = _scale(image, boxes if ids is None else boxes[:0])
    canvas = _enlarge(image, scale)
    kinds = _kinds(len(boxes), names, labels)
    if colors is None and ids is not None:
        colors = id_colors(ids)
    colors = list(colors or _colors(boxes, kinds, color_by))
    objects = _Objects(boxes * scale, _codes(masks), colors, scale)
    width = max(1.0, max(canvas.shape[:2]) / 420)
    if show_boxes is None:
        show_boxes = masks is None or len(boxes) <= MOST_BOXES
    _paint(canvas, objects, opacity, width, show_boxes)
    picture = Image.fromarray(canvas)
    if names is not None and len(boxes) > 0:
        left_out, size = len(boxes), font_size(picture.size, len(boxes))
        if text or (text is None and len(boxes) <= MOST_TEXTS):
            shapes = None if text else objects.shapes()
            shown = names if ids is None else [f"{n} {k}" for n, k in zip(ids, names, strict=True)]
            left_out = draw_labels(picture, _texts(objects, shown, scores), size, font, shapes)
        if ids is not None and left_out == len(boxes) and text is not False:
            centres = (objects.boxes[:, :2] + objects.boxes[:, 2:]) / 2
            draw_numbers(picture, [int(n) for n in ids], centres.tolist(), size)
        if legend or (legend is None and left_out):
            is_by_class = len(set(colors)) > 1 and len(set(kinds)) > 1 and color_by != "instance"
            is_by_class = is_by_class and ids is None
            entries = _legend(names, colors, is_by_class)
            size = font_size(picture.size, 1)
            draw_legend(picture, entries, size, font, boxes=objects.boxes)
    return picture


@dataclass(frozen=True, slots=True, eq=False)
class _Objects:
    """The objects to draw, in pixels of the picture."""

    boxes: NDArray[np.float32]  # (N, 4)
    codes: list[RLE] | None  # of the image before it was enlarged
    colors: list[Color]
    scale: int

    def order(self) -> list[int]:
        """Rows from the largest object to the smallest, so that none covers a smaller one."""
        sides = np.maximum(self.boxes[:, 2:] - self.boxes[:, :2], 0)
        return [int(row) for row in np.argsort(-sides.prod(axis=1), kind="stable")]

    def windows(self) -> Iterator[tuple[int, NDArray[np.bool_], int, int]]:
        """Row, mask window and the window's x and y; one mask in memory at a time."""
        for row in self.order() if self.codes is not None else ():
            assert self.codes is not None
            window, left, top = decode_window(self.codes[row])
            if window.size > 0:
                yield row, *_enlarge_window(window, left, top, self.scale)

    def shapes(self) -> list[Shape]:
        """Shape of each object: its mask, or its box where there are no masks."""
        if self.codes is None:
            return [Shape.of_box(box) for box in self.boxes]
        windows = (decode_window(code) for code in self.codes)
        return [
            Shape.of(window, left, top, self.scale)
            for window, left, top in windows
            if window.size > 0
        ]


def _check(image: Pixels, num_objects: int, **lists: Any) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise UsageError(
            "U03",
            f"an image to draw on must be RGB (H, W, 3) uint8, not {image.shape} {image.dtype}; "
            "read it with relook.data.images.read_image.",
        )
    for name, values in lists.items():
        if values is not None and len(values) != num_objects:
            raise UsageError(
                "U03", f"there are {num_objects} boxes and {len(values)} {name}; give one for each."
            )


def _finite(boxes: NDArray[Any], image: Pixels) -> NDArray[np.float32]:
    """`boxes` as (N, 4), finite and at most one image length outside, so that sums are safe."""
    reach = float(max(image.shape, default=1))
    values = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    numbers = np.nan_to_num(values, nan=0.0, posinf=2 * reach, neginf=-reach)
    return np.clip(numbers, -reach, 2 * reach).astype(np.float32)


def _scale(image: Pixels, boxes: NDArray[np.float32]) -> int:
    """Scale of the picture, in pixels for one of the image."""
    long_side = int(max(image.shape[:2]))
    scale = max(1, -(-SMALLEST // long_side))
    if len(boxes) > 0:
        sides = np.sqrt(np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1))
        typical = max(float(np.median(sides)), 1.0)
        scale = max(scale, min(round(CLEAR / typical), int(LARGEST // long_side)))
    return scale


def _enlarge(image: Pixels, scale: int) -> Pixels:
    """A copy of `image`, `scale` times as large."""
    if scale == 1:
        return np.ascontiguousarray(image).copy()
    enlarged = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return np.asarray(enlarged, dtype=np.uint8)


def _enlarge_window(
    window: NDArray[np.bool_], left: int, top: int, scale: int
) -> tuple[NDArray[np.bool_], int, int]:
    """The window in pixels of the picture, with a smooth edge."""
    if scale == 1:
        return window, left, top
    padded = np.pad(window.astype(np.float32), 1)
    soft = cv2.resize(padded, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    return np.asarray(soft >= 0.5), (left - 1) * scale, (top - 1) * scale


def _codes(masks: Sequence[Mask] | None) -> list[RLE] | None:
    if masks is None:
        return None
    return [
        mask
        if isinstance(mask, dict)
        else encode_window(np.asarray(mask, dtype=bool), 0, 0, mask.shape)
        for mask in masks
    ]


def _kinds(
    num_objects: int, names: Sequence[str] | None, labels: Sequence[int] | NDArray[Any] | None
) -> list[int]:
    """A number per object that is equal for objects of one class."""
    if labels is not None:
        return [int(label) for label in labels]
    if names is None:
        return [0] * num_objects
    unique = sorted(set(names))
    return [unique.index(name) for name in names]


def _colors(boxes: NDArray[np.float32], kinds: Sequence[int], color_by: ColorBy) -> list[Color]:
    if color_by == "class" or (color_by == "auto" and len(set(kinds)) > 1):
        return class_colors(kinds)
    return spread_colors(boxes)


def _paint(
    canvas: Pixels, objects: _Objects, opacity: float, width: float, show_boxes: bool
) -> None:
    """Fill all masks, then draw outlines, then boxes, so that no filled mask covers an outline."""
    outlines = []
    for row, window, left, top in objects.windows():
        _fill(canvas, window, left, top, objects.colors[row], opacity)
        # A broad line would cover a small object.
        line = max(1, round(min(width, np.sqrt(np.count_nonzero(window)) / 12)))
        outlines.append((_contours(window, left, top), objects.colors[row], line))
    for contours, color, line in outlines:
        cv2.drawContours(canvas, contours, -1, color, line, cv2.LINE_AA)
    if show_boxes:
        line = round(width) if objects.codes is None else max(1, round(width / 2))
        for row in objects.order():
            _box(canvas, objects.boxes[row], objects.colors[row], line)


def _fill(
    canvas: Pixels, window: NDArray[np.bool_], left: int, top: int, color: Color, opacity: float
) -> None:
    y, x = max(top, 0), max(left, 0)
    inside = window[y - top :, x - left :]
    region = canvas[y : y + inside.shape[0], x : x + inside.shape[1]]
    inside = inside[: region.shape[0], : region.shape[1]]
    if region.size == 0:
        return
    # What each of the 256 values of a channel becomes.
    mixed = np.arange(256)[:, None] * (1 - opacity) + np.array(color) * opacity
    table = np.rint(mixed).astype(np.uint8)[None]
    np.copyto(region, cv2.LUT(region, table), where=inside[:, :, None])


def _contours(window: NDArray[np.bool_], left: int, top: int) -> Sequence[Any]:
    """Outlines of all parts of a mask and of their holes, in pixels of the picture."""
    found: Sequence[Any]
    found, _ = cv2.findContours(
        window.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=(left, top)
    )
    return found


def _box(canvas: Pixels, box: NDArray[np.float32], color: Color, line: int) -> None:
    height, width = canvas.shape[:2]
    limits = np.array([width - 1, height - 1, width - 1, height - 1])
    x1, y1, x2, y2 = (int(v) for v in np.clip(np.rint(box), 0, limits))
    cv2.rectangle(canvas, (x1, y1), (x2, y2), color, line, cv2.LINE_AA)


def font_size(size: tuple[int, int], num_objects: int) -> int:
    """Height of letters in pixels: a share of the picture, smaller for many objects."""
    share = 54 if num_objects <= 8 else 62 if num_objects <= 20 else 76
    return max(12, min(round(max(size) / share), round(min(size) / 4) + 8))


def _texts(
    objects: _Objects, names: Sequence[str], scores: Sequence[float] | NDArray[Any] | None
) -> list[Label]:
    texts = []
    for row, name in enumerate(names):
        score = "" if scores is None else f" {float(scores[row]):.2f}"
        x1, y1, x2, y2 = objects.boxes[row].tolist()
        texts.append(Label(f"{name}{score}", (x1, y1, x2, y2), objects.colors[row]))
    return texts


def _legend(
    names: Sequence[str], colors: Sequence[Color], is_by_class: bool
) -> list[tuple[str, Color | None]]:
    """A line per class, most frequent first: the count, the name, and the colour if it has one."""
    color_of = dict(zip(names, colors, strict=True))
    return [
        (f"{name}: {count}", color_of[name] if is_by_class else None)
        for name, count in Counter(names).most_common()
    ]

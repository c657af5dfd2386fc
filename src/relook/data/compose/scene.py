"""One image composed of cut-outs over a background, with dials for overlap and for sizes.

Objects are put down one after the other, and later ones cover earlier ones. The truth about an
object is what is visible of it at the end: its mask, the box around that, and its area. An object
of which too little is visible is taken away altogether, pixels and all, so that nothing can be
seen that is not annotated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...errors import UsageError
from ..images import Pixels
from .sources import SMALLEST_BACKGROUND, CutOut, FreeSquare, Materials

Mask = NDArray[np.bool_]
Range = tuple[float, float]
Box = tuple[int, int, int, int]  # (x1, y1, x2, y2)

LEAST_VISIBLE = 0.25  # of its area
FEWEST_PIXELS = 16  # visible ones of an object
MOST_OVERLAP = 0.6  # above it, too little can be seen of what lies below
_TRIES = 48  # places tried for an object
_MIDDLE = 1 / 6  # of the side of the image: the size in the middle of those of an image
_SMALLEST = 8  # pixels; no object is made smaller


@dataclass(frozen=True, slots=True)
class Scene:
    """Ranges from which each composed image draws its own dials."""

    side: int = 256  # pixels
    overlap: Range = (0.0, 0.6)  # IoU of the boxes of an object and its closest neighbour
    sizes: Range = (1.0, 6.0)  # the largest object over the smallest, as roots of areas
    objects: tuple[int, int] = (4, 16)

    def __post_init__(self) -> None:
        for name, (low, high), least, most in (
            ("overlap", self.overlap, 0.0, MOST_OVERLAP),
            ("sizes", self.sizes, 1.0, 16.0),
            ("objects", self.objects, 1, 500),
        ):
            if not least <= low <= high <= most:
                raise UsageError(
                    "U03",
                    f"{name} is {low:g} to {high:g}; it must lie in {least:g} to {most:g}, the "
                    "lower end first.",
                )
        if self.side < 2 * SMALLEST_BACKGROUND:
            raise UsageError(
                "U03",
                f"the side is {self.side} pixels; below {2 * SMALLEST_BACKGROUND} there is no room "
                "for several objects.",
            )


@dataclass(frozen=True, slots=True)
class Dials:
    """Dials of one image."""

    overlap: float  # IoU; each object has a target of its own around it
    size_ratio: float
    num_objects: int


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A cut-out at its size and place: pixels (h, w, 3) and mask (h, w), at (left, top)."""

    cut_out: CutOut
    pixels: Pixels
    mask: Mask
    left: int
    top: int


@dataclass(frozen=True, slots=True, eq=False)
class Composed:
    """An image, and of each object what is visible of it."""

    pixels: Pixels  # (side, side, 3)
    dials: Dials
    background: FreeSquare
    pieces: tuple[Piece, ...]  # lower ones first; all are visible
    visible: tuple[Mask, ...]  # parallel to `pieces`: a part of the piece's mask
    left_out: Counter[str]  # reason -> number of objects


def compose_image(materials: Materials, scene: Scene, random: np.random.Generator) -> Composed:
    """One image of `scene`; the same `random` state makes the same image."""
    dials = _draw_dials(scene, random)
    background = materials.draw_background(random)
    canvas = _stretched(background, scene.side, random)
    left_out: Counter[str] = Counter()
    pieces: list[Piece] = []
    for size, target in zip(
        _draw_sizes(dials, scene.side, random), _draw_targets(dials, random), strict=True
    ):
        cut_out = materials.draw_cut_out(size, scene.side, random)
        if cut_out is None:
            left_out["no cut-out of that size"] += 1
            continue
        pixels, mask = _resized(cut_out, size, random)
        place = _find_place(pieces, mask, target, scene.side, random)
        if place is None:
            left_out["no place without more overlap"] += 1
            continue
        pieces.append(Piece(cut_out, pixels, mask, *place))
    kept, visible = [], []
    for piece, part in zip(pieces, visible_parts(pieces), strict=True):
        if part is None:
            left_out["too little visible"] += 1
            continue
        kept.append(piece)
        visible.append(part)
        height, width = part.shape
        window = canvas[piece.top : piece.top + height, piece.left : piece.left + width]
        window[part] = piece.pixels[part]
    return Composed(canvas, dials, background, tuple(kept), tuple(visible), left_out)


def visible_parts(pieces: Sequence[Piece]) -> list[Mask | None]:
    """Visible part of each piece under the later ones: a part of its mask (h, w), None if too
    little.

    A piece of which too little is visible covers nothing either: it is not there.
    """
    parts: list[Mask | None] = []
    above: list[Piece] = []
    for piece in reversed(pieces):
        part = piece.mask
        for other in above:
            part = _without(part, (piece.left, piece.top), other.mask, (other.left, other.top))
        if _is_visible(part, piece.mask):
            parts.append(part)
            above.append(piece)
        else:
            parts.append(None)
    return parts[::-1]


def tight_box(mask: Mask, left: int, top: int) -> Box:
    """Box (x1, y1, x2, y2) around the pixels of `mask`, which has some, at (left, top)."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    x, y = left + int(columns[0]), top + int(rows[0])
    return x, y, left + int(columns[-1]) + 1, top + int(rows[-1]) + 1


def _draw_dials(scene: Scene, random: np.random.Generator) -> Dials:
    low, high = np.log(scene.sizes)
    return Dials(
        overlap=float(random.uniform(*scene.overlap)),
        size_ratio=float(np.exp(random.uniform(low, high))),
        num_objects=int(random.integers(scene.objects[0], scene.objects[1] + 1)),
    )


def _draw_sizes(dials: Dials, side: int, random: np.random.Generator) -> list[float]:
    """Roots of areas in pixels, in any order: the two ends of the dial and what lies between."""
    steps = random.uniform(-0.5, 0.5, dials.num_objects)
    steps[:2] = (0.5, -0.5)[: dials.num_objects]
    sizes = _MIDDLE * side * dials.size_ratio ** random.permutation(steps)
    return [max(float(size), _SMALLEST) for size in sizes]


def _draw_targets(dials: Dials, random: np.random.Generator) -> list[float]:
    """The overlap that each object is to have: on average the dial, as far around it as it goes."""
    reach = min(dials.overlap, MOST_OVERLAP - dials.overlap)
    return [
        float(target) for target in dials.overlap + random.uniform(-reach, reach, dials.num_objects)
    ]


def _stretched(background: FreeSquare, side: int, random: np.random.Generator) -> Pixels:
    """A part of a background as a canvas (side, side, 3) of its own."""
    pixels = background.cut()
    part = int(random.integers(min(SMALLEST_BACKGROUND, len(pixels)), len(pixels) + 1))
    top, left = (int(value) for value in random.integers(0, len(pixels) - part + 1, 2))
    image = Image.fromarray(pixels[top : top + part, left : left + part])
    canvas = np.array(image.resize((side, side), Image.Resampling.BICUBIC))
    return np.ascontiguousarray(canvas[:, ::-1]) if random.random() < 0.5 else canvas


def _resized(cut_out: CutOut, size: float, random: np.random.Generator) -> tuple[Pixels, Mask]:
    """A cut-out whose area has the root `size`, in the smallest window around its mask."""
    pixels, mask = cut_out.cut()
    if random.random() < 0.5:
        pixels, mask = pixels[:, ::-1], mask[:, ::-1]
    scale = size / float(np.sqrt(np.count_nonzero(mask)))
    new = tuple(max(round(length * scale), 1) for length in (mask.shape[1], mask.shape[0]))
    shape = Image.fromarray(mask.astype(np.uint8) * 255).resize(new, Image.Resampling.BILINEAR)
    image = Image.fromarray(np.ascontiguousarray(pixels)).resize(new, Image.Resampling.BICUBIC)
    mask = np.asarray(shape) >= 128
    x1, y1, x2, y2 = tight_box(mask, 0, 0)
    return np.asarray(image)[y1:y2, x1:x2], mask[y1:y2, x1:x2]


def _find_place(
    pieces: Sequence[Piece], mask: Mask, target: float, side: int, random: np.random.Generator
) -> tuple[int, int] | None:
    """(left, top) at which a new piece overlaps its closest neighbour about as much as `target`.

    Three of four places tried are on or beside pieces that are there, others anywhere. None if
    it would overlap by more than a tenth too much everywhere, or at all where it should not.
    """
    height, width = mask.shape
    room = (side - width, side - height)
    if min(room) < 0:
        return None
    lower = [
        (piece, part, tight_box(part, piece.left, piece.top))
        for piece, part in zip(pieces, visible_parts(pieces), strict=True)
        if part is not None
    ]
    best, closest, found = None, np.inf, 0.0
    for attempt in range(_TRIES):
        place = tuple(int(random.integers(0, most + 1)) for most in room)
        if lower and attempt % 4:
            piece = lower[int(random.integers(len(lower)))][0]
            place = _near(piece, mask, room, random)
        overlap, hidden = _overlap(lower, mask, place[0], place[1])
        if abs(overlap - target) + hidden < closest:
            best, closest, found = (place[0], place[1]), abs(overlap - target) + hidden, overlap
    return best if found <= target + min(target, 0.1) else None


def _near(
    piece: Piece, mask: Mask, room: tuple[int, int], random: np.random.Generator
) -> tuple[int, int]:
    """A place on `piece` or beside it, in any direction."""
    centre = np.array([piece.left + piece.mask.shape[1] / 2, piece.top + piece.mask.shape[0] / 2])
    reach = (np.array(piece.mask.shape[::-1]) + mask.shape[::-1]) / 2
    angle = random.uniform(0, 2 * np.pi)
    step = random.uniform(0, 1) * reach * (np.cos(angle), np.sin(angle))
    left, top = np.round(centre + step - np.array(mask.shape[::-1]) / 2)
    return int(np.clip(left, 0, room[0])), int(np.clip(top, 0, room[1]))


def _overlap(
    lower: Sequence[tuple[Piece, Mask, Box]], mask: Mask, left: int, top: int
) -> tuple[float, int]:
    """Overlap of `mask` (h, w), which fills its window, if it is put at (left, top).

    That is the highest IoU of its box with that of what is still visible of another piece, and how
    many pieces are then hidden. `lower` are the pieces that are there, what is visible of them,
    and the boxes around it.
    """
    box = left, top, left + mask.shape[1], top + mask.shape[0]
    highest, hidden = 0.0, 0
    for piece, part, around in lower:
        if not _intersection(box, around):
            continue
        rest = _without(part, (piece.left, piece.top), mask, (left, top))
        if _is_visible(rest, piece.mask):
            highest = max(highest, _iou(box, tight_box(rest, piece.left, piece.top)))
        else:
            hidden += 1
    return highest, hidden


def _is_visible(part: Mask, whole: Mask) -> bool:
    pixels = np.count_nonzero(part)
    return bool(pixels >= max(LEAST_VISIBLE * np.count_nonzero(whole), FEWEST_PIXELS))


def _without(part: Mask, at: tuple[int, int], cover: Mask, place: tuple[int, int]) -> Mask:
    """`part`, whose corner is at (x, y) `at`, without what `cover` at `place` lies over."""
    x1, y1 = max(at[0], place[0]), max(at[1], place[1])
    x2 = min(at[0] + part.shape[1], place[0] + cover.shape[1])
    y2 = min(at[1] + part.shape[0], place[1] + cover.shape[0])
    if x1 >= x2 or y1 >= y2:
        return part
    rest = part.copy()
    rest[y1 - at[1] : y2 - at[1], x1 - at[0] : x2 - at[0]] &= ~cover[
        y1 - place[1] : y2 - place[1], x1 - place[0] : x2 - place[0]
    ]
    return rest


def _intersection(a: Box, b: Box) -> int:
    return max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)


def _iou(a: Box, b: Box) -> float:
    common = _intersection(a, b)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return common / (areas - common)

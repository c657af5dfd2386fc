"""One image with the objects of two models, one above the other, differences in colour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from ...errors import counted
from ...visualization.labels import draw_legend, load_font
from ...visualization.overlay import draw_objects
from ...visualization.palette import COLORS, Color
from ...visualization.sheet import INK, PAPER
from .matching import Objects, Verdict, objects_of
from .run import Compared

_Kind = tuple[str, int]  # name in the legend, and row in the palette

# Kinds of objects in the picture of the model that found them.
_FOUND: Final[dict[str, _Kind]] = {
    "alike": ("found by both", 1),
    "better": ("better {} here", 3),
    "worse": ("worse {} here", 5),
    "differ": ("another {} there", 2),
    "only": ("found only here", 4),
    "wrong": ("not in the truth", 0),
    "both wrong": ("not in the truth, both", 10),
    "crowd": ("on a crowd region", 11),
}
# Kinds of true objects that were not found.
_MISSED: Final[dict[str, _Kind]] = {
    "only": ("missed here", 7),
    "neither": ("missed by both", 9),
}


def picture_of(compared: Compared, names: tuple[str, str]) -> Image.Image:
    """The image twice: with the objects of A above and those of B below, named `names`.

    Where the truth is known, the objects that a model missed are drawn too. The colours are
    explained at the bottom, with the counts of both; the long side of the image is at least 800
    pixels.
    """
    outline = "mask" if compared.with_masks else "box"
    drawn = [_drawn(compared, side) for side in ("a", "b")]
    captions = [
        f"{side}: {name}, {counted(len(result), 'object')}"
        for side, name, result in zip("AB", names, (compared.a, compared.b), strict=True)
    ]
    counts = [Counter(kinds) for _, kinds in drawn]
    legend: list[tuple[str, Color | None]] = [
        (f"{kind[0].format(outline)}: A {counts[0][kind]}, B {counts[1][kind]}", COLORS[kind[1]])
        for kind, _ in (counts[0] + counts[1]).most_common()
    ]
    return _stacked([picture for picture, _ in drawn], captions, legend)


def _stacked(
    pictures: Sequence[Image.Image],
    captions: Sequence[str],
    legend: Sequence[tuple[str, Color | None]],
) -> Image.Image:
    """`pictures` of one image below each other, each under its caption, the legend last."""
    width, height = pictures[0].size
    letter = max(width, height) // 48
    head, foot = 2 * letter, round(letter * (1.35 * len(legend) + 2)) if legend else 0
    sheet = Image.new("RGB", (width, len(pictures) * (head + height) + foot), PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        y = number * (head + height)
        draw.text((letter // 2, y + letter // 3), caption, font=load_font(letter), fill=INK)
        sheet.paste(picture.resize((width, height)), (0, y + head))
    if legend:
        draw_legend(sheet, legend, letter, limit=len(legend))
    return sheet


def _drawn(compared: Compared, side: str) -> tuple[Image.Image, list[_Kind]]:
    """Draw the objects of one model; return the picture, and the kind of each drawn object."""
    result = compared.a if side == "a" else compared.b
    model_objects = objects_of(result, compared.with_masks)
    drawn: list[tuple[Objects, int]] = []  # objects, and a row in them
    kinds: list[_Kind] = []
    for match in compared.matches:
        row = match.a if side == "a" else match.b
        if row is not None:
            drawn.append((model_objects, row))
            kinds.append(_FOUND[_found_kind(match.verdict, side)])
        elif match.truth is not None and compared.truth is not None:
            drawn.append((compared.truth.objects, match.truth))
            kinds.append(_MISSED["neither" if match.verdict == "neither" else "only"])
    sides = np.array([objects.box(row) for objects, row in drawn]).reshape(-1, 4)
    boxes = np.hstack([sides[:, :2], sides[:, :2] + sides[:, 2:]])
    outlines = [objects.outlines[row] for objects, row in drawn] if compared.with_masks else None
    image, boxes, masks = result.shown(boxes, outlines)
    picture = draw_objects(
        image,
        boxes,
        masks,
        labels=[color for _, color in kinds],
        color_by="class",
        show_boxes=not compared.with_masks,
    )
    return picture, kinds


def _found_kind(verdict: Verdict, side: str) -> str:
    """The key in `_FOUND` of an object that the model on `side` found."""
    if verdict in ("a better", "b better"):
        return "better" if verdict[0] == side else "worse"
    return verdict[2:] if verdict[:2] in ("a ", "b ") else verdict

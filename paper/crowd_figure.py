"""The figure of HTC, Fast DSC and DSC on one crowded photograph, drawn from `paper.crowd`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from relook.data.images import read_image
from relook.data.images.shown import as_picture
from relook.errors import DataError
from relook.evaluation.crowding.rule import HuddleRule, find_huddles
from relook.evaluation.ground_truth import GroundTruth, truth_of
from relook.evaluation.pairing import pair_images
from relook.ops.rle import RLE, decode_window
from relook.visualization.overlay import draw_objects
from relook.visualization.page import figure, figure_of, grid, legend, paragraph, table
from relook.visualization.palette import Color

from . import crowd
from .crowd import HUDDLED, MODELS, Crowd, Found, Window

FITS: Final = 0.75  # IoU of masks from which one fits
_RIGHT: Final[Color] = (46, 196, 255)  # sky and orange: different for all kinds of colour vision
_WRONG: Final[Color] = (255, 148, 51)
_ANNOTATED: Final[Color] = (61, 220, 132)
_WIDE: Final = 560  # pixels of a picture in the page
STYLE = (
    ".crowd{display:grid;gap:.6rem 1rem;align-items:start;"
    "grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr))}.crowd figure{margin:0}"
)


class Judged(NamedTuple):
    """The masks of one model, compared with those that are annotated."""

    fits: list[bool]  # of each mask
    objects: set[int]  # ids of the annotated objects that a mask fits


def judge(truth: GroundTruth, image_id: int, found: Found) -> Judged:
    """The masks of `found` by the annotated objects of an image: each object is given one mask."""
    category = next(iter(truth.categories))
    rows = [
        {"id": n, "image_id": image_id, "category_id": category, "score": s, "segmentation": mask}
        for n, (s, mask) in enumerate(zip(found.scores, found.masks, strict=True))
    ]
    (image,) = pair_images(truth, rows, kind="mask", threshold=0.0, image_ids=[image_id])
    pairs = [pair for pair in image.pairs if pair.iou >= FITS]
    fitting = {pair.detection["id"] for pair in pairs}
    return Judged([n in fitting for n in range(len(rows))], {p.true_object["id"] for p in pairs})


def shown(found: Crowd | None = None) -> str:
    """HTML of the figure.

    Raises:
        DataError: D01 or D03 when what was found is not there, is damaged, or is of a photograph
            that is not among the validation images.
    """
    found = crowd.read() if found is None else found
    index = crowd.validation()
    record = next((one for one in index.images if one.path.name == found.photograph), None)
    if record is None:
        raise DataError(
            "D03",
            f"{crowd.PLACE.name} is of {found.photograph}, which is not in {crowd.ANNOTATIONS}. "
            "Run python -m paper.crowd again.",
        )
    truth = truth_of(index)
    objects = [row for row in truth.objects if row["image_id"] == record.id]
    overlaps = find_huddles(truth, HuddleRule()).overlaps
    huddled = {row["id"] for row in objects if overlaps[row["id"]] > HUDDLED}
    pixels = as_picture(read_image(record.path, reading=index.reading))
    masks = [_text(row["segmentation"]) for row in objects]
    panels = [("annotated", _drawn(pixels, found.window, masks, [_ANNOTATED] * len(masks)))]
    rows = []
    for one in found.models:
        judged = judge(truth, record.id, one)
        colors = [_RIGHT if fits else _WRONG for fits in judged.fits]
        panels.append((MODELS[one.row], _drawn(pixels, found.window, one.masks, colors)))
        cells = (len(judged.objects), len(judged.objects & huddled))
        row = [MODELS[one.row], f"{100 * one.mask_ap:.1f}", *map(str, cells)]
        rows.append([*row, str(judged.fits.count(False))])
    key = legend(
        [
            (f"fits an annotated mushroom: IoU of masks {FITS:g} or more", _css(_RIGHT)),
            ("fits none", _css(_WRONG)),
            ("annotated", _css(_ANNOTATED)),
        ]
    )
    caption = (
        f"Masks of score {found.score:g} and more in one window of {found.photograph}, a "
        "validation photograph. Of all of these it has the most mushrooms whose box overlaps "
        f"another's by an IoU above {HUDDLED:g} (huddled), and this window has the most of them: "
        "both were chosen by the annotations alone, and no model was trained on them. Mushrooms "
        "without colour are not found, or not annotated."
    )
    pictures = grid([figure(picture, heading) for heading, picture in panels], "crowd")
    head = ["", "mask AP", f"fit, of {len(objects)}", f"huddled, of {len(huddled)}", "fit none"]
    numbers = table(
        f"Mask AP of all {len(index.images)} validation photographs; in the whole of this one, "
        "mushrooms with a mask that fits, those of them that are huddled, and masks that fit none",
        head,
        rows,
    )
    return figure_of(key + pictures, caption) + numbers + paragraph(ranked(found.models))


def ranked(models: Sequence[Found]) -> str:
    """The gains over the first of `models` in words, whichever is higher."""
    first, *others = models
    words = []
    for one in others:
        # Of the numbers in the table, so that a reader gets the same.
        gain = round(round(100 * one.mask_ap, 1) - round(100 * first.mask_ap, 1), 1)
        way = f"{abs(gain):.1f} points {'above' if gain > 0 else 'below'}" if gain else "level with"
        words.append(f"{MODELS[one.row]} is {way} {MODELS[first.row]}")
    presets = ", ".join(one.model for one in models)
    steps = " or ".join(dict.fromkeys(str(one.steps) for one in models))
    return (
        f"In mask AP, {' and '.join(words)}. These are {presets}, each trained once for {steps} "
        "steps on 25 photographs, all on the same ones in the same order and from the same "
        "backbone (make components). One training of each and one photograph show nothing in "
        "general."
    )


def _drawn(
    pixels: NDArray[np.uint8], window: Window, masks: Sequence[RLE], colors: Sequence[Color]
) -> Image.Image:
    """The window of a photograph with masks over it."""
    boxes = np.array([_box(mask) for mask in masks], dtype=np.float64).reshape(-1, 4)
    whole = draw_objects(pixels, boxes, list(masks), colors=list(colors), show_boxes=False)
    scale = whole.width / pixels.shape[1]
    x1, y1, x2, y2 = (round(edge * scale) for edge in window)
    piece = whole.crop((x1, y1, x2, y2))
    piece.thumbnail((_WIDE, _WIDE), Image.Resampling.LANCZOS)
    return piece


def _box(mask: RLE) -> tuple[int, int, int, int]:
    window, left, top = decode_window(mask)
    return left, top, left + window.shape[1], top + window.shape[0]


def _text(mask: RLE) -> RLE:
    """A code as pycocotools gives it, with its counts as a string."""
    return {**mask, "counts": mask["counts"].decode("ascii")}


def _css(color: Color) -> str:
    return f"rgb{color}"

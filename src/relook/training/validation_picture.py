"""A picture of one validation image: what is annotated, and what the model finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from PIL import Image

from ..data.coco.reader import CocoIndex
from ..data.images import read_image
from ..data.images.shown import as_picture
from ..evaluation.ground_truth import GroundTruth
from ..visualization.outlines import FOUND, TRUTH, Outline, draw_outlines

SIDE: Final = 900  # pixels of the picture's long side


def draw_validation(
    index: CocoIndex,
    truth: GroundTruth,
    predictions: Sequence[Mapping[str, Any]],
    threshold: float,
) -> Image.Image:
    """Outlines on the first image of `index` with objects, else on the first: objects of `truth`
    blue, those of `predictions`, COCO results of at least the score `threshold`, orange.

    Raises:
        DataError: D01 or D02 when the image cannot be read.
    """
    with_objects = {row["image_id"] for row in truth.objects}
    record = next((one for one in index.images if one.id in with_objects), index.images[0])
    pixels = as_picture(read_image(record.path, reading=index.reading))
    found = [row for row in predictions if row["score"] >= threshold]
    outlines = [
        Outline(tuple(row["bbox"]), row.get("segmentation"), color, is_mistake=False)
        for rows, color in ((truth.objects, TRUTH), (found, FOUND))
        for row in rows
        if row["image_id"] == record.id
    ]
    height, width = pixels.shape[:2]
    size = max(1, round(width * SIDE / max(height, width)))
    return draw_outlines(pixels, outlines, (0, 0, width, height), size)

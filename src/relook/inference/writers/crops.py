"""One picture for each object, with and without its surroundings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ...errors import UsageError
from ..results import Result
from .shapes import object_windows


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """The part of an image around an object."""

    number: int  # row of the result from 1
    name: str  # of the class
    score: float
    image: Image.Image  # RGB
    cut_out: Image.Image  # RGBA, transparent outside of the object


def object_crops(result: Result, margin: int = 4) -> Iterator[Crop]:
    """Crops of the objects that have a pixel, each with `margin` pixels around its mask.

    Raises:
        UsageError: U04 when the result does not keep its image, U03 for a negative margin.
    """
    if margin < 0:
        raise UsageError("U03", f"margin: expected 0 or more pixels, got {margin}")
    pixels = result.image
    if pixels is None:
        raise UsageError("U04", "crops: this result does not keep its image.")
    rows = zip(object_windows(result), result.names, result.scores.tolist(), strict=True)
    for number, ((mask, left, top), name, score) in enumerate(rows, start=1):
        if not mask.any():
            continue
        bottom, right = top + mask.shape[0], left + mask.shape[1]
        y0, x0 = max(top - margin, 0), max(left - margin, 0)
        part = pixels[y0 : bottom + margin, x0 : right + margin]
        alpha = np.zeros(part.shape[:2], np.uint8)
        alpha[top - y0 : bottom - y0, left - x0 : right - x0] = mask * np.uint8(255)
        cut_out = Image.fromarray(np.dstack([part, alpha]))
        yield Crop(number, name, score, Image.fromarray(np.ascontiguousarray(part)), cut_out)

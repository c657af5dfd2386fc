"""Run lengths of the polygons of a whole file, as the evaluator needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from pycocotools import mask as coco_mask

from ..data.coco.packed_polygons import packed
from ..data.coco.polygon_checks import are_pairs, looked_at

_STEP: Final = 8192  # rows that are looked at together


def polygon_codes(
    rows: Sequence[Mapping[str, Any]], sizes: Mapping[int, tuple[int, int]]
) -> list[dict[str, Any] | None]:
    """The compressed run lengths of each row whose mask is plain polygons in its image.

    None for all others, which are looked at one by one. `sizes` is (height, width) by image id.
    """
    codes: list[dict[str, Any] | None] = [None] * len(rows)
    for first in range(0, len(rows), _STEP):
        found = []
        for number, row in enumerate(rows[first : first + _STEP], start=first):
            image_id, mask = row.get("image_id"), packed(row.get("segmentation"))
            if mask is not None and isinstance(image_id, int) and are_pairs(mask.lengths):
                found.append((number, mask, sizes.get(image_id)))
        found = [row for row in found if row[2] is not None]
        if not found:
            continue
        shapes = np.array([size for *_, size in found], np.float64)
        with np.errstate(all="ignore"):  # NaN and infinities pass no comparison
            usable, _ = looked_at([mask for _, mask, _ in found], shapes)
        for is_usable, (number, _, size) in zip(usable.tolist(), found, strict=True):
            if is_usable and size is not None:
                parts = coco_mask.frPyObjects(rows[number]["segmentation"], *size)
                codes[number] = dict(parts[0] if len(parts) == 1 else coco_mask.merge(parts))
    return codes

"""Made-up COCO files of any size: images of three sizes, and objects with one polygon each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np

SIZES: Final = ((480, 640), (640, 480), (427, 640))  # height, width
IMAGES: Final = 118_287  # of COCO train2017
OBJECTS: Final = 860_001
CORNERS: Final = 18
_STEP: Final = 10_000  # objects that are drawn at a time


def write_annotations(
    path: Path, images: int = IMAGES, objects: int = OBJECTS, classes: int = 80, seed: int = 0
) -> Path:
    """Write a COCO file of discs with 18 corners, coordinates in hundredths of a pixel."""
    draw = np.random.default_rng(seed)
    rows = [
        {"id": n + 1, "file_name": f"{n + 1:012d}.jpg", "height": h, "width": w}
        for n in range(images)
        for h, w in (SIZES[n % len(SIZES)],)
    ]
    categories = [{"id": n + 1, "name": f"class {n + 1}"} for n in range(classes)]
    turns = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    with path.open("w", encoding="utf-8") as file:
        file.write(f'{{"images": {json.dumps(rows)}, "categories": {json.dumps(categories)}, ')
        file.write('"annotations": [')
        for first in range(0, objects, _STEP):
            count = min(_STEP, objects - first)
            owners = draw.integers(images, size=count)
            sizes = np.array(SIZES, np.float64)[owners % len(SIZES)]
            radius = draw.uniform(4, 60, count)
            x = draw.uniform(radius, sizes[:, 1] - radius)
            y = draw.uniform(radius, sizes[:, 0] - radius)
            ratio = draw.uniform(0.6, 1, count)[:, None]
            xs = (x[:, None] + radius[:, None] * np.cos(turns)).round(2)
            ys = (y[:, None] + ratio * radius[:, None] * np.sin(turns)).round(2)
            points = np.stack([xs, ys], axis=2).reshape(count, -1)
            sides = np.stack([np.ptp(xs, axis=1), np.ptp(ys, axis=1)], axis=1)
            boxes = np.concatenate([xs.min(1)[:, None], ys.min(1)[:, None], sides], axis=1).round(2)
            areas = (boxes[:, 2] * boxes[:, 3] * np.pi / 4).round(4)
            labels = draw.integers(classes, size=count) + 1
            columns = (points.tolist(), boxes.tolist(), areas.tolist(), owners, labels)
            for number, (part, box, area, owner, label) in enumerate(zip(*columns, strict=True)):
                identity = first + number + 1
                separator = ", " if identity > 1 else ""
                file.write(
                    f'{separator}{{"segmentation": [{part}], "area": {area}, "iscrowd": 0, '
                    f'"image_id": {owner + 1}, "bbox": {box}, "category_id": {label}, '
                    f'"id": {identity}}}'
                )
        file.write("]}")
    return path

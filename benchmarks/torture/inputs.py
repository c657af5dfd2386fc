"""Small inputs of the tortured commands: images of rectangles, their annotations, few weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

SIDE: Final = 64
_NARROW: Final = {
    "backbone.blocks": "[1,1,1,1]",
    "backbone.width": "16",
    "pyramid.channels": "16",
    "cascade.box_hidden": "16",
    "cascade.mask_channels": "16",
    "rpn.test.candidates": "40",
    "rpn.test.proposals": "20",
    "cascade.select.max_detections": "20",
    "cascade.select.score_threshold": "0.001",
    "rpn.anchors.per_image": "32",
    "rpn.train.candidates": "60",
    "rpn.train.proposals": "40",
    "cascade.sample.per_image": "16",
    "input.size": "[64,64]",
    "augment.crop": "[64,64]",
}
NARROW: Final = [word for item in _NARROW.items() for word in ("--set", "=".join(item))]


def write_inputs(folder: Path, images: int = 8) -> Path:
    """Write `images` images, one of 256 x 256 in a folder of its own, and ``compose.json``, which
    has an image without objects in addition; return the json file."""
    random = np.random.default_rng(0)
    records, annotations = [], []
    for number in range(1, images + 1):
        width, height = (int(value) for value in random.integers(12, 30, 2))
        x, y = (int(random.integers(0, SIDE - side)) for side in (width, height))
        pixels = random.integers(0, 60, (SIDE, SIDE, 3), dtype=np.uint8)
        pixels[y : y + height, x : x + width] = 220
        _save(pixels, folder / "images" / f"{number}.png")
        records.append({"id": number, "file_name": f"{number}.png", "width": SIDE, "height": SIDE})
        corners = [x, y, x + width, y, x + width, y + height, x, y + height]
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "bbox": [x, y, width, height],
                "area": width * height,
                "iscrowd": 0,
                "segmentation": [corners],
            }
        )
    large = random.integers(0, 60, (4 * SIDE, 4 * SIDE, 3), dtype=np.uint8)
    large[::32] = 220
    _save(large, folder / "large" / "large.png")
    path = folder / "instances.json"
    categories = [{"id": 1, "name": "block"}]
    document = {"images": records, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(document), encoding="utf-8")
    _save(large[: 2 * SIDE, : 2 * SIDE], folder / "images" / "empty.png")
    empty = {"id": 0, "file_name": "empty.png", "width": 2 * SIDE, "height": 2 * SIDE}
    (folder / "compose.json").write_text(
        json.dumps({**document, "images": [*records, empty]}), encoding="utf-8"
    )
    return path


def _save(pixels: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)

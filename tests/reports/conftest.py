"""A small evaluation of two classes with one mistake of each sort, on pictures of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from relook.data.coco.reader import read_coco
from relook.evaluation.coco import evaluate_coco
from relook.ops.rle import encode_window
from relook.reports.evaluation import Study, study

SIZE = (80, 120)  # height, width
HOSTILE = '<img src="x:y" onerror="alert(1)"> & "nut"'
Row = dict[str, Any]


def found(image_id: int, category_id: int, box: tuple[int, ...], score: float) -> Row:
    x, y, w, h = box
    return {
        "image_id": image_id,
        "category_id": category_id,
        "bbox": [x, y, w, h],
        "score": score,
        "segmentation": encode_window(np.ones((h, w), dtype=bool), x, y, SIZE),
    }


# Image 1: one right, one of the wrong class, one missed. Image 2: one right, one on nothing.
OBJECTS = [(1, 1, (4, 4, 20, 20)), (1, 1, (40, 4, 20, 20)), (1, 2, (80, 40, 30, 30))]
OBJECTS += [(2, 2, (10, 10, 40, 40))]
FOUND = [
    found(1, 1, (4, 4, 20, 20), 0.9),
    found(1, 2, (40, 4, 20, 20), 0.8),
    found(2, 2, (10, 10, 40, 40), 0.7),
    found(2, 1, (80, 10, 20, 20), 0.6),
    found(2, 1, (60, 50, 20, 20), 0.2),
]
Make = Callable[..., Study]


@pytest.fixture
def make_study(tmp_path: Path) -> Make:
    """The study of FOUND from score 0.5 on; `name` is that of the first class and `files` of the
    images."""

    def make(name: str = "nut", files: tuple[str, str] = ("a.png", "b.png")) -> Study:
        images, annotations = [], []
        for number, file in enumerate(files, start=1):
            pixels = np.random.default_rng(number).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / file)
            images.append({"id": number, "file_name": file, "height": SIZE[0], "width": SIZE[1]})
        for image_id, category_id, (x, y, w, h) in OBJECTS:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": category_id,
                    "bbox": [x, y, w, h],
                    "area": w * h,
                    "iscrowd": 0,
                    "segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]],
                }
            )
        categories = [{"id": 1, "name": name}, {"id": 2, "name": "bolt"}]
        path = tmp_path / "truth.json"
        content = {"images": images, "annotations": annotations, "categories": categories}
        path.write_text(json.dumps(content))
        index = read_coco(path, tmp_path)
        metrics = evaluate_coco(path, FOUND, count_from=0.5)
        return study(index, metrics, FOUND, 0.5)

    return make

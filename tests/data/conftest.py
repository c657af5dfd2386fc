"""Small data sets on disk, and the real ones of the repository."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Document = dict[str, Any]


@pytest.fixture(scope="session")
def datasets() -> Path:
    return Path(__file__).resolve().parents[2] / "datasets"


@pytest.fixture
def document() -> Document:
    """A COCO file of two images, two classes and three objects."""
    return {
        "images": [
            {"id": 7, "file_name": "a.png", "width": 20, "height": 10},
            {"id": 3, "file_name": "sub/b.png", "width": 16, "height": 16},
        ],
        "categories": [{"id": 9, "name": "nucleus"}, {"id": 4, "name": "cell"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 7,
                "category_id": 9,
                "iscrowd": 0,
                "bbox": [2, 1, 6, 4],
                "area": 24,
                "segmentation": [[2, 1, 8, 1, 8, 5, 2, 5]],
            },
            {
                "id": 2,
                "image_id": 7,
                "category_id": 4,
                "iscrowd": 1,
                "bbox": [0, 0, 20, 1],
                "area": 20,
                "segmentation": {"size": [10, 20], "counts": [0, *[1, 9] * 20]},
            },
            {
                "id": 5,
                "image_id": 3,
                "category_id": 4,
                "iscrowd": 0,
                "bbox": [4, 4, 8, 8],
                "area": 64,
                "segmentation": [[4, 4, 12, 4, 12, 12, 4, 12]],
            },
        ],
    }


@pytest.fixture
def images_dir(tmp_path: Path) -> Path:
    """The images of `document`."""
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    random = np.random.default_rng(0)
    for name, width, height in (("a.png", 20, 10), ("sub/b.png", 16, 16)):
        pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return folder


@pytest.fixture
def write(tmp_path: Path) -> Callable[[object], Path]:
    """Writes anything as the annotation file ``train.json``."""

    def write_json(value: object) -> Path:
        path = tmp_path / "train.json"
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return path

    return write_json

"""Small data sets on disk, and the real ones of the repository."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(repr=False)
class PanopticFiles:
    """A panoptic json with its images and maps, to be spoilt in one place and read again."""

    folder: Path
    document: Document
    ids: dict[str, np.ndarray[Any, Any]]  # map name -> ids

    @property
    def json(self) -> Path:
        path = self.folder / "panoptic.json"
        path.write_text(json.dumps(self.document))
        return path

    @property
    def images(self) -> Path:
        return self.folder / "images"

    @property
    def maps(self) -> Path:
        return self.folder / "panoptic"

    def save(self, name: str, ids: np.ndarray[Any, Any]) -> None:
        """Write a map; what a test changes is not written by the code under test."""
        rgb = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=2).astype(np.uint8)
        path = self.maps / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rgb).save(path)

    def segment(self, row: int, segment: int) -> Document:
        found: Document = self.document["annotations"][row]["segments_info"][segment]
        return found


@pytest.fixture
def panoptic(images_dir: Path) -> PanopticFiles:
    """The images of `document` with maps: two things, a crowd of things, stuff, and void."""
    first = np.zeros((10, 20), np.int64)
    first[1:5, 2:8] = 70_000  # a cat
    first[5:9, 2:8] = 300  # another one
    first[:, 12:] = 7  # grass
    first[0, 12:16] = 9  # a crowd of cats
    second = np.full((16, 16), 2**24 - 1)  # sky
    categories = [(5, "sky", 0), (9, "cat", 1), (4, "grass", 0), (2, "dog", 1)]

    def row(key: int, category: int, area: int, box: list[int], crowd: int = 0) -> Document:
        return {
            "id": key,
            "category_id": category,
            "area": area,
            "bbox": box,
            "iscrowd": crowd,
        }

    rows = [
        row(70_000, 9, 24, [2, 1, 6, 4]),
        row(300, 9, 24, [2, 5, 6, 4]),
        row(7, 4, 76, [12, 0, 8, 10]),
        row(9, 9, 4, [12, 0, 4, 1], crowd=1),
    ]
    document = {
        "images": [
            {"id": 7, "file_name": "a.png", "width": 20, "height": 10},
            {"id": 3, "file_name": "sub/b.png", "width": 16, "height": 16},
        ],
        "categories": [
            {"id": key, "name": name, "isthing": thing, "supercategory": "all"}
            for key, name, thing in categories
        ],
        "annotations": [
            {
                "image_id": 3,
                "file_name": "sub/b.png",
                "segments_info": [row(2**24 - 1, 5, 256, [0, 0, 16, 16])],
            },
            {"image_id": 7, "file_name": "a.png", "segments_info": rows},
        ],
    }
    files = PanopticFiles(images_dir.parent, document, {"a.png": first, "sub/b.png": second})
    for name, ids in files.ids.items():
        files.save(name, ids)
    return files


@pytest.fixture(scope="session")
def make_entries() -> Callable[..., Any]:
    """Makes a sample as transforms have it: one grey value, rectangles (x1, y1, x2, y2) as objects
    labelled 1, 2, ..., and semantic labels painted from them over 0."""
    import torch
    from torchvision import tv_tensors

    def make(
        height: int, width: int, boxes: list[tuple[int, int, int, int]], grey: int = 0
    ) -> dict[str, Any]:
        masks = torch.zeros((len(boxes), height, width), dtype=torch.bool)
        semantic = torch.zeros((height, width), dtype=torch.uint8)
        for g, (x1, y1, x2, y2) in enumerate(boxes):
            masks[g, y1:y2, x1:x2] = True
            semantic[y1:y2, x1:x2] = g + 1
        given = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
        return {
            "image": tv_tensors.Image(torch.full((3, height, width), grey, dtype=torch.uint8)),
            "boxes": tv_tensors.BoundingBoxes(given, format="XYXY", canvas_size=(height, width)),
            "labels": torch.arange(1, len(boxes) + 1),
            "masks": tv_tensors.Mask(masks),
            "semantic": tv_tensors.Mask(semantic),
        }

    return make


@pytest.fixture(scope="session")
def make_source(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Makes a source to compose from: photographs of 200 x 160 pixels with three discs each."""
    from relook.data.compose.sources import Source

    def make(seed: int = 0, num_images: int = 4, **more: Any) -> Source:
        folder = tmp_path_factory.mktemp("source") / "discs"
        (folder / "images").mkdir(parents=True)
        (folder / "annotations").mkdir()
        random = np.random.default_rng(seed)
        images, annotations = [], []
        for number in range(1, num_images + 1):
            pixels = random.integers(0, 256, (160, 200, 3), dtype=np.uint8)
            name = f"{seed}_{number}.png"
            Image.fromarray(pixels).save(folder / "images" / name)
            images.append({"id": number, "file_name": name, "width": 200, "height": 160})
            for centre, radius in ((20, 12), (60, 20), (120, 35)):
                turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
                points = np.stack([centre + radius * np.cos(turns), 40 + radius * np.sin(turns)])
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": number,
                        "category_id": 5 if radius > 30 else 2,
                        "bbox": [centre - radius, 40 - radius, 2 * radius, 2 * radius],
                        "area": float(np.pi * radius**2),
                        "iscrowd": 0,
                        "segmentation": [points.T.ravel().tolist()],
                    }
                )
        content = {
            "images": images,
            "annotations": annotations,
            "categories": [{"id": 2, "name": "coin"}, {"id": 5, "name": "plate"}],
            **more,
        }
        path = folder / "annotations" / "instances_train.json"
        path.write_text(json.dumps(content))
        return Source(path, folder / "images")

    return make

"""A data set of a few small images with blobs, and a narrow model that learns it in no time."""

from __future__ import annotations

import gc
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from relook.data.panoptic.writer import PanopticWriter
from relook.ops.id_runs import id_extents
from relook.structures.panoptic import PanopticCategory, PanopticMap, Segment
from relook.training.settings import Overlay, Settings, resolve

from .narrow_models import FEW, NARROW, WIDER, nested
from .web_site import expired_web, web  # noqa: F401

# What tests start computes with one thread, as the tests themselves do: sums of several differ.
os.environ["OMP_NUM_THREADS"] = "1"
NUCLEI = Path(__file__).parents[1] / "datasets" / "nuclei"
MODEL = nested({**NARROW, **WIDER, **FEW, "input__size": (64, 64)})
FAST: dict[str, Any] = {
    "epochs": 1,
    "batch": 2,
    "workers": 0,
    "augment": {"crop": [64, 64], "scale_jitter": [0.8, 1.2]},
}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="module")
def _garbage() -> None:
    """Searches for garbage only among what a module of tests has made.

    PyTorch and the other packages are half a million objects: a quarter of the time of the tests
    was spent on looking through them.
    """
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    gc.unfreeze()  # extensions say at the end what is left of them


@pytest.fixture
def console() -> Console:
    return Console(width=200, file=io.StringIO())


def rectangle(
    image_id: int, number: int, box: tuple[int, int, int, int], **more: Any
) -> dict[str, Any]:
    x, y, w, h = box
    corners = [x, y, x + w, y, x + w, y + h, x, y + h]
    return {
        "id": number,
        "image_id": image_id,
        "category_id": 7,
        "bbox": [x, y, w, h],
        "area": w * h,
        "iscrowd": 0,
        "segmentation": [corners],
        **more,
    }


def write_dataset(folder: Path, objects: list[list[tuple[int, int, int, int]]]) -> Path:
    """Images of 64 x 64 with bright rectangles; the json file, images beside it."""
    generator = np.random.default_rng(0)
    images, annotations = [], []
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for image_id, boxes in enumerate(objects, start=1):
        pixels = generator.integers(0, 60, (64, 64, 3), dtype=np.uint8)
        for box in boxes:
            x, y, w, h = box
            pixels[y : y + h, x : x + w] = 220
            annotations.append(rectangle(image_id, len(annotations) + 1, box))
        name = f"{image_id}.png"
        Image.fromarray(pixels).save(folder / "images" / name)
        images.append({"id": image_id, "file_name": name, "width": 64, "height": 64})
    path = folder / "instances.json"
    path.write_text(
        json.dumps(
            {
                "images": images,
                "annotations": annotations,
                "categories": [{"id": 7, "name": "blob"}],
            }
        )
    )
    return path


BLOBS = [
    [(4, 4, 20, 16), (36, 30, 18, 22)],
    [(10, 30, 24, 20)],
    [(30, 6, 16, 16), (6, 40, 14, 14), (40, 40, 20, 18)],
    [(20, 20, 26, 22)],
]


@pytest.fixture
def blobs(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "data", BLOBS)


def write_panoptic_dataset(folder: Path, objects: list[list[tuple[int, int, int, int]]]) -> Path:
    """The images of `write_dataset`, whose upper half is sky and lower half ground; the json."""
    write_dataset(folder, objects)
    categories = [
        PanopticCategory(7, "blob", True),
        PanopticCategory(20, "sky", False),
        PanopticCategory(21, "ground", False),
    ]
    writer = PanopticWriter(folder / "panoptic.json", categories)
    for image_id, boxes in enumerate(objects, start=1):
        ids = np.ones((64, 64), dtype=np.int32)
        ids[32:] = 2
        for number, (x, y, w, h) in enumerate(boxes, start=3):
            ids[y : y + h, x : x + w] = number
        kinds = {1: 20, 2: 21}
        segments = [
            Segment(key, kinds.get(key, 7), key > 2, extent.area, extent.box)
            for key, extent in id_extents(ids).items()
        ]
        writer.add(image_id, f"{image_id}.png", PanopticMap(ids, tuple(segments)))
    return writer.finish()


@pytest.fixture
def panoptic_blobs(tmp_path: Path) -> Path:
    """A panoptic json: blobs on sky and ground; maps and images are beside it."""
    return write_panoptic_dataset(tmp_path / "data", BLOBS)


@pytest.fixture
def small(blobs: Path) -> Settings:
    """Settings of one short epoch over the blobs, validated on the same."""
    return small_settings(blobs)


def small_settings(path: Path, preset: str = "detectors-htc-tiny", **train: Any) -> Settings:
    images = path.parent / "images"
    data = {"train_json": path, "train_images": images, "val_json": path, "val_images": images}
    overlays = [Overlay(model=MODEL, train={**FAST, **train}, data=data)]
    return resolve(overlays, preset_name=preset)


@pytest.fixture
def make_settings() -> Callable[..., Settings]:
    return small_settings


@pytest.fixture
def make_dataset() -> Callable[..., Path]:
    return write_dataset


@pytest.fixture(scope="session")
def narrow() -> Overlay:
    """Changes that make a training quick, without a number of epochs."""
    return Overlay(model=MODEL, train={k: v for k, v in FAST.items() if k != "epochs"})


@pytest.fixture(scope="session")
def few_nuclei() -> Callable[[str, Path, int], Path]:
    """Writes the first images of the real nuclei's train or val, as a json file in a folder."""

    def write(split: str, folder: Path, images: int) -> Path:
        document: dict[str, Any] = json.loads(
            (NUCLEI / "annotations" / f"instances_{split}.json").read_text()
        )
        document["images"] = document["images"][:images]
        ids = {image["id"] for image in document["images"]}
        document["annotations"] = [a for a in document["annotations"] if a["image_id"] in ids]
        path = folder / f"{split}.json"
        path.write_text(json.dumps(document))
        return path

    return write

"""A file of discs with exact masks, and the same file as people hand it over."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from relook.data.coco.leniency import Leniency
from relook.data.coco.reader import CocoIndex, read_coco

Document = dict[str, Any]
DISCS = ((0, 20.0, 25.0, 9.0), (0, 70.0, 30.0, 12.0), (1, 30.0, 40.0, 10.0), (1, 80.0, 18.0, 7.5))
HEIGHT, WIDTH = 64, 100


def disc(number: int, image: int, x: float, y: float, radius: float) -> Document:
    turns = [2 * math.pi * k / 24 for k in range(24)]
    points = [(x + radius * math.cos(t), y + radius * math.sin(t)) for t in turns]
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "iscrowd": 0,
        "segmentation": [[round(v, 2) for point in points for v in point]],
        "bbox": [x - radius, y - radius, 2 * radius, 2 * radius],
        "area": math.pi * radius**2,
    }


@dataclass(repr=False)
class Discs:
    """Two images of 64 x 100 with two discs each, and their COCO file to be changed."""

    folder: Path
    plain: Document

    @property
    def images(self) -> Path:
        return self.folder / "images"

    def json(self, change: Callable[[Document], Any] | None = None, name: str = "a.json") -> Path:
        """The file after `change`."""
        document = copy.deepcopy(self.plain)
        if change is not None:
            change(document)
        path = self.folder / name
        path.write_text(json.dumps(document))
        return path

    def read(
        self,
        change: Callable[[Document], Any] | None = None,
        *,
        masks: Any = "auto",
        **allowed: Any,
    ) -> CocoIndex:
        """The index of the changed file."""
        leniency = Leniency(**allowed)
        return read_coco(self.json(change), self.images, masks=masks, leniency=leniency)


def make_discs(tmp_path: Path) -> Discs:
    """Write the images and return the discs."""
    (tmp_path / "images").mkdir()
    rows = []
    for k in range(2):
        pixels = np.full((HEIGHT, WIDTH), 12 + k, np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"im{k}.png")
        rows.append({"id": k + 1, "file_name": f"im{k}.png", "width": WIDTH, "height": HEIGHT})
    objects = [disc(n, k + 1, x, y, r) for n, (k, x, y, r) in enumerate(DISCS, start=1)]
    categories = [{"id": 1, "name": "nucleus"}]
    return Discs(tmp_path, {"images": rows, "annotations": objects, "categories": categories})


def boxes_of(index: CocoIndex) -> list[list[float]]:
    """Boxes x1, y1, x2, y2 of all objects, rounded to tenths."""
    return [[round(v, 1) for v in one.box] for image in index.images for one in image.objects]


RIGHT = [[x - r, y - r, x + r, y + r] for _, x, y, r in DISCS]


def run_lengths(row: Document, *, compressed: bool = False) -> Document:
    """The mask of an annotation as run lengths."""
    code = coco_mask.merge(coco_mask.frPyObjects(row["segmentation"], HEIGHT, WIDTH))
    if compressed:
        return {"size": [HEIGHT, WIDTH], "counts": code["counts"].decode()}
    flat = coco_mask.decode(code).ravel(order="F")
    edges = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1, [flat.size]])
    counts = np.diff(edges).tolist()
    return {"size": [HEIGHT, WIDTH], "counts": ([0] if flat[0] else []) + counts}


def each(change: Callable[[Document], Any]) -> Callable[[Document], None]:
    """A change of every annotation."""

    def apply(document: Document) -> None:
        for row in document["annotations"]:
            change(row)

    return apply


def names(change: Callable[[str], str]) -> Callable[[Document], None]:
    """A change of every file name."""

    def apply(document: Document) -> None:
        for row in document["images"]:
            row["file_name"] = change(row["file_name"])

    return apply

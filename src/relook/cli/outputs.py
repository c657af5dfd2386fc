"""What ``relook predict`` leaves on disk."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from .. import __version__
from ..atomic import replacing, write_text
from ..data.coco import Category
from ..ops.run_lengths import decode_window
from ..results import Result


class Writer:
    """Writes results into one folder; leaving it (a context manager) writes predictions.json.

    ``overlay/NAME.jpg`` is the image with its objects, ``masks/NAME.png`` holds the number of the
    object at every pixel (0: none; the better object where two overlap) with ``masks/NAME.json``
    beside it. Images of the same name from several folders get ``NAME-2``, ``NAME-3``, ...

    Raises:
        RelookError: R02 when a file cannot be written.
    """

    def __init__(
        self, folder: Path, kinds: Collection[str], classes: Sequence[Category], score: float
    ) -> None:
        self._folder, self._kinds, self._classes = folder, frozenset(kinds), tuple(classes)
        self._score = score
        self._taken: set[str] = set()
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        if "coco" in self._kinds:
            write_text(self._folder / "predictions.json", json.dumps(self._coco()) + "\n")

    def add(self, result: Result) -> None:
        """Write what belongs to one image, and remember it for predictions.json."""
        name = self._free_name(result.source)
        if "overlay" in self._kinds:
            picture = result.draw(score=self._score)
            with replacing(self._folder / "overlay" / f"{name}.jpg") as draft:
                picture.convert("RGB").save(draft, "JPEG", quality=92, subsampling=0)
        if "masks" in self._kinds:
            self._write_masks(name, result)
        if "coco" in self._kinds:
            self._remember(result)

    def _free_name(self, source: str | None) -> str:
        stem = Path(source).stem if source else "image"
        name, number = stem, 1
        while name.casefold() in self._taken:  # some file systems do not tell a from A
            number += 1
            name = f"{stem}-{number}"
        self._taken.add(name.casefold())
        return name

    def _write_masks(self, name: str, result: Result) -> None:
        numbers = number_objects(result)
        with replacing(self._folder / "masks" / f"{name}.png") as draft:
            Image.fromarray(numbers).save(draft, "PNG")
        pixels = np.bincount(numbers.ravel(), minlength=len(result) + 1)
        rows = zip(result.names, result.labels, result.scores, pixels[1:], strict=True)
        objects = [
            {
                "number": number,
                "name": class_name,
                "category_id": self._classes[int(label)].id,
                "score": round(float(score), 5),
                "visible_pixels": int(count),
            }
            for number, (class_name, label, score, count) in enumerate(rows, start=1)
        ]
        index = {"file": result.source, "objects": objects}
        write_text(self._folder / "masks" / f"{name}.json", json.dumps(index, indent=1) + "\n")

    def _remember(self, result: Result) -> None:
        image_id = len(self._images) + 1
        height, width = result.size
        self._images.append(
            {"id": image_id, "file_name": result.source, "width": width, "height": height}
        )
        for one in result.to_coco(image_id):
            mask = one.get("segmentation")
            area = one["bbox"][2] * one["bbox"][3] if mask is None else coco_mask.area(mask)
            self._annotations.append(
                {"id": len(self._annotations) + 1, "area": float(area), "iscrowd": 0, **one}
            )

    def _coco(self) -> dict[str, Any]:
        return {
            "info": {"description": "Found by relook, not annotated", "version": __version__},
            "images": self._images,
            "categories": [{"id": c.id, "name": c.name} for c in self._classes],
            "annotations": self._annotations,
        }


def number_objects(result: Result) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """Number of the object seen at every pixel, (H, W) uint16: from 1, the best; 0 for none."""
    numbers = np.zeros(result.size, dtype=np.uint16)
    masks = result.masks or ()
    for number in range(len(masks), 0, -1):  # worst first, so that the best stays on top
        window, left, top = decode_window(masks[number - 1])
        height, width = window.shape
        numbers[top : top + height, left : left + width][window] = number
    return numbers

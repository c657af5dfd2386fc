"""Small annotated images, of which every mask is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from relook.data.coco.reader import object_mask, read_coco
from relook.data.formats import Conversion, convert_labels
from relook.inference.results import Result

from ...inference.writers.conftest import odd_masks, small_result

Masks = dict[str, list[NDArray[np.bool_]]]


class Folder:
    """A folder of annotations and images, and what comes out of its conversion."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.out = path.parent / "coco.json"
        self.conversion: Conversion | None = None

    def image(self, name: str = "a.png", size: tuple[int, int] = (12, 16), **options: Any) -> Path:
        """Write an image of (height, width) `size`."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size[::-1]).save(path, **options)
        return path

    def write(self, name: str, content: Any) -> Path:
        """Write a text, bytes, or a value as json."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def convert(self, source: str = ".", **options: Any) -> Conversion:
        """Convert the file or folder `source`, which must be recognised."""
        self.conversion = convert_labels(self.path / source, self.out, **options)
        return self.conversion

    @property
    def content(self) -> dict[str, Any]:
        """The COCO file that was written."""
        content: dict[str, Any] = json.loads(self.out.read_text())
        return content

    def masks(self) -> Masks:
        """Masks of each class as relook reads them, in the order of the file."""
        assert self.conversion is not None
        index = read_coco(self.out, self.conversion.images, masks="required")
        assert not index.skipped
        found: Masks = {}
        for image in index.images:
            for record in image.objects:
                mask = object_mask(record, image.height, image.width)
                found.setdefault(index.classes[record.label].name, []).append(mask)
        return found

    def mask(self) -> NDArray[np.bool_]:
        """The only mask."""
        ((only,),) = self.masks().values()
        return only

    def boxes(self) -> list[list[float]]:
        """Boxes [x, y, width, height] in the order of the file."""
        return [row["bbox"] for row in self.content["annotations"]]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty folder."""
    return Folder(tmp_path / "set")


@pytest.fixture
def odd() -> Result:
    """A ring, an object of two parts, a square at the border, and a mask without pixels."""
    return small_result(odd_masks())


@pytest.fixture
def expected() -> Masks:
    """Masks of `odd` by class, without the one that has no pixel."""
    ring, parts, corner, _ = odd_masks()
    return {"cell": [ring, corner], "=crystal": [parts]}


def same(found: Masks, expected: Masks) -> bool:
    """Whether masks are equal, class by class and pixel by pixel."""
    return found.keys() == expected.keys() and all(
        len(found[name]) == len(masks)
        and all(np.array_equal(a, b) for a, b in zip(found[name], masks, strict=True))
        for name, masks in expected.items()
    )


@pytest.fixture
def is_same() -> Callable[[Masks, Masks], bool]:
    """Compare masks: see `same`."""
    return same


def block(top: int, left: int, bottom: int, right: int, size: tuple[int, int] = (12, 16)) -> Any:
    """A mask that is one rectangle."""
    mask = np.zeros(size, bool)
    mask[top:bottom, left:right] = True
    return mask

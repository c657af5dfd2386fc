"""Data sets that are values only: images of which nothing is on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from relook.data.coco.records import Category, CocoIndex, ImageRecord, ObjectRecord

MakeIndex = Callable[..., CocoIndex]


def index_of(labels: Sequence[Sequence[int]], names: Sequence[str] | None = None) -> CocoIndex:
    """One image for each list of the labels of its objects, of classes a, b, ..."""
    images = []
    for number, own in enumerate(labels):
        objects = tuple(
            ObjectRecord(number * 100 + place, label, (0.0, 0.0, 4.0, 4.0), None, False, 16.0)
            for place, label in enumerate(own)
        )
        name = f"{number}.png" if names is None else names[number]
        images.append(ImageRecord(number + 1, name, Path("images") / name, 8, 8, objects))
    count = max((label for own in labels for label in own), default=0) + 1
    classes = tuple(Category(label + 1, "abcdefgh"[label]) for label in range(count))
    return CocoIndex(Path("some.json"), tuple(images), classes, {}, has_masks=False)


@pytest.fixture(scope="session")
def make_index() -> MakeIndex:
    return index_of

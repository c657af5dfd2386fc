"""Quantities of images that are balanced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from msgspec import structs

from relook.data.coco.records import CocoIndex
from relook.data.splits.content import content_of


def test_images_objects_classes_and_crowding(make_index: Callable[..., CocoIndex]) -> None:
    index = make_index([[0, 0, 1], [], [1]])
    content, weights = content_of(index)
    assert content.shape == (3, 1 + 2 + 2 + 5) and len(weights) == 10
    assert content[:, 0].tolist() == [1, 1, 1]
    assert content[:, 1:3].tolist() == [[2, 1], [0, 0], [0, 1]]
    assert content[:, 3:5].tolist() == [[1, 1], [0, 0], [0, 1]]
    assert content[:, 5].tolist() == [0, 1, 0]  # empty images
    assert content[:, 5:].sum(axis=1).tolist() == [1, 1, 1]
    assert weights[1:5] == [0.5] * 4 and sum(weights[5:]) == 1


def test_crowd_regions_are_no_objects(make_index: Callable[..., CocoIndex]) -> None:
    index = make_index([[0]])
    (image,) = index.images
    crowd = replace(image, objects=(structs.replace(image.objects[0], is_crowd=True),))
    content, _ = content_of(replace(index, images=(crowd,)))
    assert content[0].tolist() == [1, 0, 0, 1, 0, 0, 0, 0]

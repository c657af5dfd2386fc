"""Sides and numbers of objects, as the network sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from relook.data.coco.reader import read_coco
from relook.data.statistics import ObjectStatistics

MakeDataset = Callable[..., Path]
ROOT = Path(__file__).resolve().parents[2]


def test_sides_are_those_of_the_scaled_image(make_dataset: MakeDataset, tmp_path: Path) -> None:
    path = make_dataset(tmp_path, [[(0, 0, 8, 8), (10, 10, 4, 16)], [(0, 0, 32, 32)], []])
    index = read_coco(path, tmp_path / "images")
    found = ObjectStatistics.of(index, (64, 64))
    assert (found.most, found.images, found.objects) == (2, 3, 3)
    assert found.median == pytest.approx(8)
    assert (found.small, found.large) == (pytest.approx(8), pytest.approx(8 + 0.8 * 24))
    twice = ObjectStatistics.of(index, (128, 128))
    assert twice.median == pytest.approx(16)
    # The shorter limit binds a square image.
    assert ObjectStatistics.of(index, (128, 32)).median == pytest.approx(4)
    assert found.to_json()["large"] == 27.2


def test_crowd_regions_and_empty_sets_do_not_count(
    make_dataset: MakeDataset, tmp_path: Path
) -> None:
    index = read_coco(make_dataset(tmp_path, [[(0, 0, 8, 8)]]), tmp_path / "images")
    (image,) = index.images
    crowd = replace(image, objects=(replace(image.objects[0], is_crowd=True),))
    found = ObjectStatistics.of(replace(index, images=(crowd,)), (64, 64))
    assert (found.most, found.objects, found.median) == (0, 0, 0.0)


def test_the_mushrooms_are_crowded() -> None:
    folder = ROOT / "datasets" / "mushrooms"
    index = read_coco(folder / "annotations" / "instances_train.json", folder / "images")
    found = ObjectStatistics.of(index, (640, 640))
    assert (found.most, found.images, found.objects) == (317, 25, 3213)
    assert 25 < found.median < 40

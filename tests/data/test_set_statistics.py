"""A data set in numbers, against values computed by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

import relook
from relook.data import statistics
from relook.data.coco.reader import read_coco
from relook.data.set_statistics import data_statistics, quantiles_of

MakeDataset = Callable[..., Path]


@pytest.fixture
def scene(make_dataset: MakeDataset, tmp_path: Path) -> Path:
    """Two overlapping squares, one beside them, one alone; an empty image; one object."""
    first = [(0, 0, 8, 8), (4, 0, 8, 8), (12, 0, 8, 8), (40, 40, 8, 8)]
    return make_dataset(tmp_path, [first, [], [(0, 0, 16, 16)]])


def test_numbers_by_hand(scene: Path) -> None:
    found = relook.data_statistics(scene)
    assert (found.images, found.empty_images, found.objects, found.crowd_regions) == (3, 1, 5, 0)
    assert found.per_image == (4, 0, 1)
    assert dict(found.image_sizes) == {(64, 64): 3}
    assert found.measured == 5 and found.has_masks
    diameter = 16 / math.sqrt(math.pi)
    assert sorted(found.diameters) == pytest.approx([diameter] * 4 + [2 * diameter])
    assert found.overlapping == pytest.approx(2 / 5)
    assert max(found.overlaps) == pytest.approx(1 / 3)
    assert found.touching == pytest.approx(3 / 5)
    assert found.covered == pytest.approx((12 * 8 + 64 + 64 + 256) / (3 * 64 * 64))
    (only,) = found.classes
    assert (only.name, only.objects, only.images) == ("blob", 5, 2)
    assert only.diameters["median"] == pytest.approx(diameter, abs=0.01)


def test_words_and_json(scene: Path) -> None:
    found = data_statistics(scene, scene.parent / "images")
    text = "\n".join(found.lines())
    assert "3 images, 5 objects with masks, 1 image without objects" in text
    assert "sizes of images (width x height): 64 x 64 (3)" in text
    assert "objects in an image: 0 to 4, half of them below 1" in text
    assert "40% of the boxes overlap another one, 60% of the masks touch another one" in text
    record = json.loads(json.dumps(found.to_json()))
    assert record["objects_per_image"]["max"] == 4
    assert record["touching_masks"] == 0.6
    assert record["classes"][0]["objects"] == 5


def test_boxes_only_and_crowd_regions(scene: Path) -> None:
    index = read_coco(scene, scene.parent / "images", masks="ignored")
    found = data_statistics(index)
    assert found.touching is None and found.covered is None
    assert sorted(found.diameters) == pytest.approx([8, 8, 8, 8, 16])
    assert "touch" not in "\n".join(found.lines())
    first = index.images[0]
    crowd = replace(
        first, objects=tuple(structs.replace(one, is_crowd=True) for one in first.objects)
    )
    found = data_statistics(replace(index, images=(crowd,)))
    assert (found.objects, found.crowd_regions, found.measured) == (0, 4, 0)
    assert found.overlapping == 0 and found.to_json()["diameter"] == {}


def test_of_very_many_objects_some_images_are_measured(
    scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "_MOST_MEASURED", 2)
    found = data_statistics(scene)
    assert (found.objects, found.measured) == (5, 5)  # images 1 and 3
    assert len(found.per_image) == 3
    monkeypatch.setattr(statistics, "_MOST_MEASURED", 1)
    assert "(of 4 objects)" in "\n".join(data_statistics(scene).lines())


def test_an_empty_file(make_dataset: MakeDataset, tmp_path: Path) -> None:
    found = data_statistics(make_dataset(tmp_path, []))
    assert (found.images, found.objects, found.per_image) == (0, 0, ())
    assert found.lines()[1] == "objects in an image: none"
    assert quantiles_of([]) == {}

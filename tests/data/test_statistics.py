"""Sides and numbers of objects, as the network sees them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from relook.data import statistics
from relook.data.augment.rule import Augment
from relook.data.coco.reader import read_coco
from relook.data.statistics import measured_images, most_objects, object_sizes, objects_of

MakeDataset = Callable[..., Path]
ROOT = Path(__file__).resolve().parents[2]


def test_crowd_regions_and_empty_sets_do_not_count(
    make_dataset: MakeDataset, tmp_path: Path
) -> None:
    path = make_dataset(tmp_path, [[(0, 0, 8, 8), (10, 10, 4, 16)], [(0, 0, 32, 32)], []])
    index = read_coco(path, tmp_path / "images")
    assert most_objects(index) == 2
    first = index.images[0]
    crowd = replace(
        first, objects=tuple(structs.replace(one, is_crowd=True) for one in first.objects)
    )
    index = replace(index, images=(crowd,))
    assert objects_of(crowd) == []
    assert most_objects(index) == most_objects(replace(index, images=())) == 0
    assert object_sizes(index, (64, 64), Augment()) is None


def test_the_mushrooms_are_crowded() -> None:
    folder = ROOT / "datasets" / "mushrooms"
    index = read_coco(folder / "annotations" / "instances_train.json", folder / "images")
    assert most_objects(index) == 317
    found = object_sizes(index, (640, 640), Augment())
    assert found is not None and found.count == 3213
    assert 25 < found.median < 40


def test_diameters_are_of_masks_in_the_network_input(
    make_dataset: MakeDataset, tmp_path: Path
) -> None:
    path = make_dataset(tmp_path, [[(0, 0, 8, 8), (10, 10, 4, 16)], [(0, 0, 32, 32)], []])
    index = read_coco(path, tmp_path / "images")
    found = object_sizes(index, (128, 128), Augment())
    assert found is not None
    assert (found.count, found.basis) == (3, "masks")
    assert found.median == pytest.approx(
        2 * 16 / math.sqrt(math.pi), abs=1e-3
    )  # 8 x 8 pixels, enlarged
    assert found.trained == (found.quantiles[0], found.quantiles[-1])
    boxes = read_coco(path, tmp_path / "images", masks="ignored")
    by_boxes = object_sizes(boxes, (128, 128), Augment())
    assert by_boxes is not None
    assert (by_boxes.basis, by_boxes.median) == ("boxes", pytest.approx(16))


def test_the_scales_of_the_augmentation_widen_the_range(
    make_dataset: MakeDataset, tmp_path: Path
) -> None:
    index = read_coco(make_dataset(tmp_path, [[(0, 0, 8, 8)]]), tmp_path / "images")
    plain = object_sizes(index, (64, 64), Augment())
    jitter = object_sizes(index, (64, 64), Augment(crop=(32, 32), scale_jitter=(1.0, 4.0)))
    sizes = object_sizes(index, (64, 64), Augment(size=((128, 32), (128, 96))))
    assert plain is not None and jitter is not None and sizes is not None
    diameter = 16 / math.sqrt(math.pi)
    assert plain.median == jitter.median == sizes.median == pytest.approx(diameter, abs=1e-3)
    assert jitter.trained == (
        pytest.approx(diameter / 2, abs=1e-3),
        pytest.approx(diameter * 2, abs=1e-3),
    )
    assert sizes.trained == (
        pytest.approx(diameter / 2, abs=1e-3),
        pytest.approx(diameter * 1.5, abs=1e-3),
    )


def test_nothing_is_known_without_objects(make_dataset: MakeDataset, tmp_path: Path) -> None:
    index = read_coco(make_dataset(tmp_path, [[(0, 0, 8, 8)]]), tmp_path / "images")
    empty = replace(index, images=(replace(index.images[0], objects=()),))
    assert object_sizes(empty, (64, 64), Augment()) is None


def test_of_very_many_objects_some_images_are_measured(
    make_dataset: MakeDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "_MOST_MEASURED", 2)
    path = make_dataset(tmp_path, [[(0, 0, 8, 8)], [(0, 0, 16, 16)]] * 3)
    found = object_sizes(read_coco(path, tmp_path / "images"), (64, 64), Augment())
    assert found is not None and found.count == 2
    index = read_coco(path, tmp_path / "images")
    assert [image.id for image in measured_images(index)] == [1, 4]

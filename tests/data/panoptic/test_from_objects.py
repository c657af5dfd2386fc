"""Panoptic maps made of objects: each pixel has its owner, and what is covered is counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from relook.data.coco.reader import read_coco
from relook.data.panoptic.from_objects import write_maps_of_objects
from relook.data.panoptic.reader import read_panoptic, read_truth
from relook.errors import DataError, UsageError

MakeDataset = Callable[..., Path]


def test_small_objects_are_on_top_and_the_rest_is_background(
    make_dataset: MakeDataset, tmp_path: Path
) -> None:
    """By hand, in images of 64 x 64: a small square on a large one, and an empty image."""
    path = make_dataset(tmp_path / "data", [[(16, 16, 8, 8), (8, 8, 32, 32)], []])
    images = path.parent / "images"
    out = tmp_path / "maps.json"
    made = write_maps_of_objects(read_coco(path, images), out, "glass")
    assert (made.num_images, made.num_things, made.num_covered) == (2, 2, 0)
    assert made.background == pytest.approx(1 - 32 * 32 / (2 * 64 * 64))
    assert made.lines() == [f"{out}: 2 images, 2 things; 88% of the pixels are stuff"]
    index = read_panoptic(out, images)
    assert [(c.id, c.name, c.is_thing) for c in index.categories] == [
        (7, "blob", True),
        (8, "glass", False),
    ]
    first, empty = (read_truth(image) for image in index.images)
    areas = {(s.is_thing, s.area): s.id for s in first.segments}
    assert set(areas) == {(True, 64), (True, 32 * 32 - 64), (False, 64 * 64 - 32 * 32)}
    expected = np.full((64, 64), areas[False, 64 * 64 - 32 * 32])
    expected[8:40, 8:40] = areas[True, 32 * 32 - 64]
    expected[16:24, 16:24] = areas[True, 64]
    assert np.array_equal(first.ids, expected)
    (rest,) = empty.segments
    assert (rest.is_thing, rest.area, rest.category_id) == (False, 64 * 64, 8)


def test_an_object_that_is_covered_in_whole_is_counted(
    make_dataset: MakeDataset, tmp_path: Path
) -> None:
    path = make_dataset(tmp_path / "data", [[(8, 8, 8, 8), (8, 8, 8, 8)]])
    made = write_maps_of_objects(read_coco(path, path.parent / "images"), tmp_path / "m.json", "b")
    assert (made.num_things, made.num_covered) == (1, 1)
    assert made.lines()[1] == "left out: 1 object that other objects cover in whole"


def test_crowd_regions_are_below_objects_and_stay_crowd(
    make_dataset: MakeDataset, tmp_path: Path
) -> None:
    path = make_dataset(tmp_path / "data", [[(8, 8, 8, 8), (8, 8, 40, 40)]])
    content = json.loads(path.read_text())
    crowd, _ = content["annotations"]
    crowd |= {"iscrowd": 1, "segmentation": {"size": [64, 64], "counts": [0, 64 * 64]}}
    crowd |= {"bbox": [0, 0, 64, 64], "area": 64 * 64}
    path.write_text(json.dumps(content))
    images = path.parent / "images"
    write_maps_of_objects(read_coco(path, images), tmp_path / "m.json", "background")
    (image,) = read_panoptic(tmp_path / "m.json", images).images
    assert {(s.is_crowd, s.area) for s in image.segments} == {
        (True, 64 * 64 - 40 * 40),
        (False, 40 * 40),
    }


def test_what_cannot_be_made_is_refused(make_dataset: MakeDataset, tmp_path: Path) -> None:
    path = make_dataset(tmp_path / "data", [[(8, 8, 8, 8)]])
    images = path.parent / "images"
    index = read_coco(path, images)
    with pytest.raises(UsageError, match=r"U04: a class of .* is called 'blob'"):
        write_maps_of_objects(index, tmp_path / "m.json", "blob")
    (tmp_path / "there").mkdir()
    with pytest.raises(UsageError, match=r"U04: .*there exists"):
        write_maps_of_objects(index, tmp_path / "there.json", "background")
    content = json.loads(path.read_text())
    for row in content["annotations"]:
        del row["segmentation"]
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"D09: .* has boxes only"):
        write_maps_of_objects(read_coco(path, images), tmp_path / "m.json", "background")
    assert not (tmp_path / "m.json").exists() and not (tmp_path / "m").exists()

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relook.data.coco.reader import object_mask
from relook.data.panoptic.png import MapSegment
from relook.data.panoptic.reader import read_map, read_panoptic, read_truth, to_coco_index
from relook.errors import DataError


def test_a_whole_file(panoptic: Any) -> None:
    index = read_panoptic(panoptic.json, panoptic.images)
    assert [image.id for image in index.images] == [7, 3]
    assert [(one.id, one.is_thing) for one in index.categories] == [
        (2, True),
        (4, False),
        (5, False),
        (9, True),
    ]
    assert [one.name for one in index.things] == ["dog", "cat"]
    assert [one.name for one in index.stuff] == ["grass", "sky"]
    assert index.things[0].supercategory == "all"
    first, second = index.images
    assert (first.size, first.path) == ((10, 20), panoptic.images / "a.png")
    assert first.map_path == index.maps_dir / "a.png" == panoptic.maps / "a.png"
    assert second.map_path == panoptic.maps / "sub" / "b.png"
    assert [one.id for one in first.segments] == [70_000, 300, 7, 9]
    crowd = first.segments[3]
    assert (crowd.is_thing, crowd.is_crowd, crowd.area, crowd.box) == (True, True, 4, (12, 0, 4, 1))
    assert index.summary() == [
        "panoptic.json: 2 images, 2 things, 2 stuff, 1 crowd region",
        f"classes: 2 of things, 2 of stuff; maps in {panoptic.maps}",
    ]
    again = pickle.loads(pickle.dumps(index))
    assert again.images[0].segments == first.segments
    assert again.things == index.things


def test_maps_are_what_was_written(panoptic: Any) -> None:
    index = read_panoptic(str(panoptic.json), str(panoptic.images), str(panoptic.maps))
    for image, name in zip(index.images, ("a.png", "sub/b.png"), strict=True):
        ids = read_map(image)
        assert ids.dtype == np.int32
        np.testing.assert_array_equal(ids, panoptic.ids[name])
        assert read_truth(image).segments == image.segments


def test_missing_files(panoptic: Any) -> None:
    with pytest.raises(DataError, match=r"D01.*no such folder of images"):
        read_panoptic(panoptic.json, panoptic.folder / "no")
    with pytest.raises(DataError, match=r"D01.*no such folder of panoptic maps"):
        read_panoptic(panoptic.json, panoptic.images, panoptic.folder / "no")
    (panoptic.maps / "sub" / "b.png").unlink()
    with pytest.raises(DataError, match=r"D01.*1 of its 2 panoptic maps are not in .*: b\.png"):
        read_panoptic(panoptic.json, panoptic.images)
    index = read_panoptic(panoptic.json, panoptic.images, check_files=False)
    with pytest.raises(DataError, match=r"D01.*b\.png"):
        read_map(index.images[1])
    (panoptic.images / "a.png").unlink()
    with pytest.raises(DataError, match=r"D01.*1 of its 2 images are not in"):
        read_panoptic(panoptic.json, panoptic.images)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (300, 301, r"ids of the map are not listed \(segment 301\)"),
        (300, 0, r"listed ids are not in the map \(segment 300\)"),
        (7, 9, r"listed ids are not in the map \(segment 7\)"),
    ],
)
def test_maps_that_disagree(panoptic: Any, before: int, after: int, said: str) -> None:
    ids = panoptic.ids["a.png"]
    panoptic.save("a.png", np.where(ids == before, after, ids))
    index = read_panoptic(panoptic.json, panoptic.images)
    with pytest.raises(DataError, match=rf'D15.*a\.png \(image 7, "a\.png"\): {said}'):
        read_map(index.images[0])


def test_areas_and_boxes_that_disagree(panoptic: Any) -> None:
    panoptic.segment(1, 0)["area"] = 25
    with pytest.raises(DataError, match=r"D15.*area 25 is listed, but there are 24 pixels"):
        read_map(read_panoptic(panoptic.json, panoptic.images).images[0])
    panoptic.segment(1, 0).update(area=24, bbox=[2, 3, 6, 4])
    with pytest.raises(DataError, match=r"D15.*bbox \[2, 3, 6, 4\].*\[2, 1, 6, 4\]"):
        read_map(read_panoptic(panoptic.json, panoptic.images).images[0])


def test_things_become_objects_whose_masks_stay_in_the_maps(panoptic: Any) -> None:
    index = to_coco_index(read_panoptic(panoptic.json, panoptic.images))
    assert [(one.id, one.name) for one in index.classes] == [(2, "dog"), (9, "cat")]
    assert index.has_masks
    assert index.is_panoptic
    assert (index.num_objects, index.num_crowd, index.class_counts()) == (2, 1, (0, 2))
    first, second = index.images
    assert second.objects == ()
    assert [one.id for one in first.objects] == [1, 2, 3]
    assert first.objects[0].box == (2, 1, 8, 5)
    assert first.objects[0].area == 24
    assert first.objects[2].is_crowd
    assert first.objects[0].segmentation == MapSegment(panoptic.maps / "a.png", 70_000)
    for one, key in zip(first.objects, (70_000, 300, 9), strict=True):
        np.testing.assert_array_equal(object_mask(one, 10, 20), panoptic.ids["a.png"] == key)


def test_objects_need_a_category_of_things(panoptic: Any) -> None:
    for category in panoptic.document["categories"]:
        category["isthing"] = 0
    with pytest.raises(DataError, match=r"D11.*no category is a thing"):
        to_coco_index(read_panoptic(panoptic.json, panoptic.images))


@pytest.mark.parametrize(
    ("split", "counts"), [("train", (33, 224, 123, 1)), ("val", (20, 128, 70, 2))]
)
def test_real_data_is_read_completely(
    datasets: Path, split: str, counts: tuple[int, int, int, int]
) -> None:
    folder = datasets / "coco_mini"
    path = folder / "annotations" / f"panoptic_{split}.json"
    index = read_panoptic(path, folder / "images")
    line = "panoptic_{}.json: {} images, {} things, {} stuff, {} crowd region{}"
    plural = "s" if counts[3] > 1 else ""
    assert index.summary()[0] == line.format(split, *counts, plural)
    assert (len(index.things), len(index.stuff)) == (80, 53)
    for image in index.images:
        read_map(image)  # agrees with its list, or raises
    objects = to_coco_index(index)
    assert (objects.num_objects, objects.num_crowd) == (counts[1], counts[3])
    crowded = max(objects.images, key=lambda image: len(image.objects))
    for one in crowded.objects:
        mask = object_mask(one, crowded.height, crowded.width)
        rows, columns = np.nonzero(mask)
        assert mask.sum() == one.area
        assert one.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relook.data.panoptic.reader import read_panoptic, read_truth
from relook.data.panoptic.writer import PanopticWriter, color_ids
from relook.errors import DataError, RelookError
from relook.structures.panoptic import PanopticCategory, PanopticMap, Segment

CATEGORIES = (
    PanopticCategory(4, "grass", False, "plant"),
    PanopticCategory(9, "cat", True),
)


def a_map(key: int = 5) -> PanopticMap:
    """A cat with id `key` above grass with id 8."""
    ids = np.full((6, 9), 8, np.int32)
    ids[0] = 0
    ids[1:3, 2:7] = key
    cat = Segment(key, 9, True, 10, (2, 1, 5, 2), score=0.871234567)
    return PanopticMap(ids, (cat, Segment(8, 4, False, 35, (0, 1, 9, 5))))


def test_what_is_written_is_what_is_read(panoptic: Any, tmp_path: Path) -> None:
    index = read_panoptic(panoptic.json, panoptic.images)
    writer = PanopticWriter(tmp_path / "out" / "again.json", index.categories)
    paths = [writer.add(one.id, one.file_name, read_truth(one)) for one in index.images]
    assert paths == [tmp_path / "out" / "again" / name for name in ("a.png", "sub/b.png")]
    again = read_panoptic(writer.finish(), panoptic.images)
    assert again.categories == index.categories
    for old, new in zip(index.images, again.images, strict=True):
        old_map, new_map = read_truth(old), read_truth(new)
        np.testing.assert_array_equal(old_map.ids == 0, new_map.ids == 0)
        for one, two in zip(old_map.segments, new_map.segments, strict=True):
            np.testing.assert_array_equal(old_map.ids == one.id, new_map.ids == two.id)
            assert (one.category_id, one.area, one.box) == (two.category_id, two.area, two.box)
            assert (one.is_crowd, one.is_thing) == (two.is_crowd, two.is_thing)


def test_the_json_is_that_of_coco(tmp_path: Path) -> None:
    writer = PanopticWriter(tmp_path / "out.json", CATEGORIES)
    writer.add(3, "sub/a.jpg", a_map())
    content = json.loads(writer.finish().read_text())
    (annotation,) = content["annotations"]
    assert (annotation["image_id"], annotation["file_name"]) == (3, "sub/a.png")
    cat, grass = annotation["segments_info"]
    assert (cat["category_id"], cat["area"], cat["bbox"]) == (9, 10, [2, 1, 5, 2])
    assert (cat["iscrowd"], cat["score"]) == (0, 0.87123)
    assert "score" not in grass
    assert content["images"] == [{"id": 3, "file_name": "sub/a.jpg", "width": 9, "height": 6}]
    assert content["categories"] == [
        {"id": 4, "name": "grass", "isthing": 0, "supercategory": "plant"},
        {"id": 9, "name": "cat", "isthing": 1, "supercategory": "cat"},
    ]


def test_an_empty_map_and_no_map_at_all(tmp_path: Path) -> None:
    writer = PanopticWriter(tmp_path / "out.json", CATEGORIES)
    assert json.loads(writer.finish().read_text())["annotations"] == []
    writer.add(1, "a.jpg", PanopticMap(np.zeros((2, 3), np.int32), ()))
    (annotation,) = json.loads(writer.finish().read_text())["annotations"]
    assert annotation["segments_info"] == []


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    writer = PanopticWriter(tmp_path / "out.json", CATEGORIES)
    writer.add(1, "a.jpg", a_map())
    with pytest.raises(DataError, match=r"D05.*image 1"):
        writer.add(1, "b.jpg", a_map())
    with pytest.raises(DataError, match=r"D05.*image 2.*A\.png"):
        writer.add(2, "A.png", a_map())
    with pytest.raises(DataError, match=r"D01.*image 2.*leads out"):
        writer.add(2, "../a.jpg", a_map())
    with pytest.raises(DataError, match=r"D07.*segment 5 of image 2.*category_id 9"):
        PanopticWriter(tmp_path / "out.json", CATEGORIES[:1]).add(2, "b.jpg", a_map())
    with pytest.raises(DataError, match=r'D15.*image 2 \("b\.jpg"\).*not listed \(segment 5\)'):
        writer.add(2, "b.jpg", PanopticMap(a_map().ids, a_map().segments[1:]))
    (tmp_path / "taken").write_text("")
    with pytest.raises(RelookError, match="R02"):
        PanopticWriter(tmp_path / "taken" / "out.json", CATEGORIES).add(1, "a.jpg", a_map())
    assert [row["image_id"] for row in json.loads(writer.finish().read_text())["annotations"]] == [
        1
    ]


def test_ids_of_a_map_do_not_change_what_is_written(tmp_path: Path) -> None:
    files = []
    for key in (5, 9):  # before and behind the other id
        writer = PanopticWriter(tmp_path / f"{key}.json", CATEGORIES)
        files.append(writer.add(1, "a.jpg", a_map(key)).read_bytes())
    assert files[0] == files[1]


@given(st.lists(st.integers(0, 200), max_size=60))
@settings(max_examples=100, deadline=None)
def test_ids_are_unique_and_near_the_colour_of_their_category(category_ids: list[int]) -> None:
    ids = color_ids(category_ids)
    assert len(set(ids)) == len(ids) == len(category_ids)
    assert all(0 < key < 2**24 for key in ids)
    for key, category_id in zip(ids, category_ids, strict=True):
        (alone,) = color_ids([category_id])
        assert max(abs(key // 256**n % 256 - alone // 256**n % 256) for n in range(3)) <= 24


def test_more_segments_than_a_colour_has_shades() -> None:
    ids = color_ids([3] * (49**3 + 5))
    assert len(set(ids)) == len(ids)
    assert 0 not in ids


def test_categories_of_nearly_one_colour_share_no_id() -> None:
    first, second = (set(color_ids([category] * 2000)) for category in (150, 192))
    assert first & second
    assert len(set(color_ids([150, 192] * 2000))) == 4000

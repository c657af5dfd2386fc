from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from relook.data.panoptic.reader import PanopticIndex, read_panoptic
from relook.errors import DataError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
KEYS = [
    *("id", "image_id", "category_id", "file_name", "name", "isthing", "iscrowd"),
    *("bbox", "area", "height", "width", "segments_info"),
]
CAT = (1, 0)  # row of the annotation, row of the segment


def read(panoptic: Any) -> PanopticIndex:
    return read_panoptic(panoptic.json, panoptic.images)


def refused(panoptic: Any, match: str) -> None:
    with pytest.raises(DataError, match=match):
        read(panoptic)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("id", None, r"D04.*image 7 has a segment with id null"),
        ("id", 0, r"D04.*image 7.*id 0, 1 to 16777215 is needed, 0 is void"),
        ("id", 2**24, r"D04.*image 7.*id 16777216"),
        ("id", True, r"D04.*image 7.*id true"),
        ("id", 300, r"D05.*image 7 has two segments with id 300"),
        ("category_id", 77, r"D07.*segment 70000 of image 7 has category_id 77.*2 dog"),
        ("category_id", None, r"D07.*category_id null"),
        ("area", None, r"D04.*segment 70000 of image 7 has area null, 1 to 200 pixels"),
        ("area", 0, r"D04.*area 0"),
        ("area", 2.5, r"D04.*area 2.5"),
        ("area", 201, r"D04.*area 201"),
        ("iscrowd", None, r"D04.*segment 70000 of image 7 has iscrowd null, 0 or 1"),
        ("iscrowd", 2, r"D04.*iscrowd 2"),
        ("bbox", None, r"D08.*segment 70000 of image 7 has bbox null.*20x10"),
        ("bbox", [2, 1, 6], r"D08.*\[2, 1, 6\]"),
        ("bbox", [2, 1, 6, "4"], r"D08"),
        ("bbox", [2, 1, 6, 4.5], r"D08.*whole pixels"),
        ("bbox", [15, 1, 6, 4], r"D08.*inside the image"),
        ("bbox", [-1, 1, 6, 4], r"D08"),
        ("bbox", [2, -1, 6, 4], r"D08"),
        ("bbox", [2, 1, 0, 4], r"D08"),
    ],
)
def test_segments_that_are_wrong(panoptic: Any, key: str, value: object, said: str) -> None:
    panoptic.segment(*CAT)[key] = value
    refused(panoptic, said)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("isthing", None, r'D04.*category 5 \("sky"\) has isthing null, 0 or 1'),
        ("isthing", 2, r"D04.*isthing 2"),
        ("isthing", "1", r'D04.*isthing "1"'),
        ("name", "", r"D04.*category 5 has name"),
        ("id", "5", r'D04.*"categories"\[0\] has id "5"'),
        ("id", 9, r'D05.*"categories" has id 9 twice'),
    ],
)
def test_categories_that_are_wrong(panoptic: Any, key: str, value: object, said: str) -> None:
    panoptic.document["categories"][0][key] = value
    refused(panoptic, said)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("image_id", 8, r'D06.*"annotations"\[1\] has image_id 8'),
        ("image_id", None, r"D06.*image_id null"),
        ("image_id", 3, r"D05.*image 3 has two annotations"),
        ("segments_info", None, r"D04.*image 7 has no list of segments_info"),
        ("segments_info", [3], r"D04.*image 7 has a segment that is 3"),
        ("file_name", None, r"D04.*annotation of image 7 has file_name null"),
        ("file_name", "../a.png", r"D01.*annotation of image 7.*leads out"),
    ],
)
def test_annotations_that_are_wrong(panoptic: Any, key: str, value: object, said: str) -> None:
    panoptic.document["annotations"][1][key] = value
    refused(panoptic, said)


def test_every_image_needs_one_annotation(panoptic: Any) -> None:
    del panoptic.document["annotations"][0]
    refused(panoptic, r"D15.*1 of 2 images have no annotation: 3")
    panoptic.document["annotations"].append(3)
    refused(panoptic, r"D04.*annotations.*\[1\] is 3, not an object")


def test_other_kinds_of_files_are_told_apart(panoptic: Any, document: dict[str, Any]) -> None:
    panoptic.document = document
    refused(panoptic, r"D04.*it is a COCO instance file; relook needs the panoptic file")
    panoptic.document["annotations"] = [{"caption": "two cats"}]
    refused(panoptic, r"D04.*captions file; relook needs the panoptic file")
    del panoptic.document["categories"]
    refused(panoptic, r'D04.*no "categories"')


def test_whole_numbers_may_be_written_with_a_point(panoptic: Any) -> None:
    panoptic.segment(*CAT).update(bbox=[2.0, 1.0, 6.0, 4.0], area=24.0)
    segment = read(panoptic).images[0].segments[0]
    assert (segment.box, segment.area) == ((2, 1, 6, 4), 24)
    assert all(type(number) is int for number in (*segment.box, segment.area))


@given(
    table=st.sampled_from(["images", "categories", "annotations", "segments_info"]),
    row=st.integers(0, 1),
    key=st.sampled_from(KEYS),
    value=JSON,
)
@example("segments_info", 1, "bbox", [1e308, 0, 1, 1])
@example("segments_info", 1, "area", float("nan"))
@example("images", 1, "file_name", "x" * 5000)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_stands_there_is_read_or_refused(
    panoptic: Any, table: str, row: int, key: str, value: object
) -> None:
    rows = panoptic.document["annotations"][1]["segments_info"]
    target = (rows if table == "segments_info" else panoptic.document[table])[row]
    before = dict(target)
    target[key] = value
    path, said = panoptic.json, ""
    target.clear()
    target.update(before)
    try:
        assert len(read_panoptic(path, panoptic.images).images) == 2
    except DataError as error:
        said = str(error)
    assert not said or "panoptic.json" in said or "images" in said

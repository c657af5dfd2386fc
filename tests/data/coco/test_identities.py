from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relook.data.coco.identities import number_of, with_integer_ids
from relook.errors import DataError

FILE = Path("a.json")


def tables(images: list[Any], references: list[Any]) -> dict[str, Any]:
    return {
        "images": [{"id": key, "file_name": f"sub/im{k}.png"} for k, key in enumerate(images)],
        "categories": [{"id": 1, "name": "cell"}],
        "annotations": [
            {"id": k, "image_id": key, "category_id": 1} for k, key in enumerate(references)
        ],
    }


def read(images: list[Any], references: list[Any]) -> tuple[list[Any], list[Any]]:
    found, _ = with_integer_ids(FILE, tables(images, references))
    images = [row["id"] for row in found["images"]]
    return images, [row["image_id"] for row in found["annotations"]]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *[(7, 7), ("7", 7), (" 07 ", 7), ("-3", -3), (7.0, 7), (7.5, None), ("7a", None)],
        *[("", None), (True, None), (None, None), ([7], None), ("٣", None)],
        *[(float("inf"), None), (1e300, None)],
    ],
)
def test_numbers(value: Any, number: int | None) -> None:
    assert number_of(value) == number


@pytest.mark.parametrize(
    ("images", "references", "expected"),
    [
        ([3, 5], [5, 3], ([3, 5], [5, 3])),
        (["3", "5"], ["5", "3"], ([3, 5], [5, 3])),
        (["3", "5"], [5, 3.0], ([3, 5], [5, 3])),
        ([3, 5], ["5", "im0.png"], ([3, 5], [5, 3])),
        (["x.png", "y.png"], ["y.png", "x.png"], ([1, 2], [2, 1])),
        ([8, "y.png"], ["y.png", "im0"], ([8, 9], [9, 8])),
        ([3, 5], ["sub/im1.png", "nothing"], ([3, 5], [5, "nothing"])),
        ([3, 5], [None, [3]], ([3, 5], [None, [3]])),
    ],
)
def test_references(images: list[Any], references: list[Any], expected: Any) -> None:
    assert read(images, references) == expected


def test_a_plain_file_is_handed_back() -> None:
    top = tables([3, 5], [5])
    assert with_integer_ids(FILE, top) == (top, [])
    assert with_integer_ids(FILE, top)[0] is top


def test_names_that_two_images_have_mean_nothing() -> None:
    top = tables([3, 5], ["im.png"])
    for row in top["images"]:
        row["file_name"] = f"{row['id']}/im.png"
    found, _ = with_integer_ids(FILE, top)
    assert found["annotations"][0]["image_id"] == "im.png"


def test_two_ids_of_one_number_are_refused() -> None:
    with pytest.raises(DataError, match=r'D05: .*"images" has ids 3 and "3"'):
        read([3, "3"], [])


ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=3,
)


@settings(max_examples=50, deadline=None)
@given(st.lists(ANY, max_size=4), st.lists(ANY, max_size=4))
def test_any_json_gives_ids_that_are_one_to_one(images: list[Any], references: list[Any]) -> None:
    try:
        ids, _ = read(images, references)
    except DataError:
        return
    new = [key for key, old in zip(ids, images, strict=True) if type(old) is not int]
    numbers = [key for key in new if type(key) is int]
    distinct = {repr(old) for old in images if not isinstance(old, int | bool)}
    assert len(set(numbers)) <= len(distinct)

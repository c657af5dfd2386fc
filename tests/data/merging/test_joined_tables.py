"""Ids, categories, licences and other tables of joined files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relook.data.merging.joined_tables import Joined, Numbers, annotation_key, other_tables
from relook.data.merging.source import Source, Table
from relook.errors import DataError


def _table(name: str = "a.json", **top: Any) -> Table:
    categories = {row["id"]: row for row in top.get("categories", ())}
    return Table(Source(Path(name), Path()), top, {}, {}, {}, categories)


@given(st.lists(st.integers(-3, 9), max_size=20))
def test_ids_are_kept_where_they_are_free(ids: list[int]) -> None:
    numbers = Numbers(ids)
    found = [numbers.of(identity) for identity in ids]
    assert len(set(found)) == len(ids)
    first = {}
    for before, after in zip(ids, found, strict=True):
        assert after == before or (before in first and after > max(ids))
        first.setdefault(before, after)


def test_categories_are_joined_by_name() -> None:
    joined, numbers = Joined(), Numbers([1, 2, 1, 5])
    nut, bolt = {"id": 1, "name": "nut", "color": "red"}, {"id": 2, "name": "bolt"}
    assert joined.add_categories(_table(categories=[nut, bolt]), numbers) == {1: 1, 2: 2}
    more = [{"id": 1, "name": "bolt", "shape": 6}, {"id": 5, "name": "nut", "color": "blue"}]
    assert joined.add_categories(_table(categories=more), numbers) == {1: 2, 5: 1}
    assert joined.add_categories(_table(categories=[{"id": 1, "name": "Nut"}]), numbers) == {1: 6}
    assert list(joined.categories.values()) == [
        nut,
        {"id": 2, "name": "bolt", "shape": 6},
        {"id": 6, "name": "Nut"},
    ]
    assert joined.conflicts == {"color of categories": 1}


def test_licences_that_say_the_same_are_one() -> None:
    joined, numbers = Joined(), Numbers([1, 1, 2])
    free, other = {"id": 1, "name": "CC0"}, {"id": 1, "name": "CC BY", "url": "x"}
    assert joined.add_licences(_table(licenses=[free]), numbers) == {1: 1}
    table = _table(licenses=[other, {"id": 2, "name": "CC0"}, "odd"])
    assert joined.add_licences(table, numbers) == {1: 3, 2: 1}
    assert joined.licences == [free, {**other, "id": 3}]
    assert joined.add_licences(_table(licenses=None), numbers) == {}


def test_what_two_entries_of_an_image_say() -> None:
    joined, kept = Joined(), {"id": 1, "file_name": "a", "width": 5, "site": "x"}
    joined.join_image(kept, {"id": 9, "file_name": "b", "width": 5, "site": "y", "z": 1}, _table())
    assert kept == {"id": 1, "file_name": "a", "width": 5, "site": "x", "z": 1}
    assert joined.conflicts == {"site of images": 1}
    with pytest.raises(DataError, match="D10"):
        joined.join_image(kept, {"id": 9, "file_name": "b", "width": 6}, _table())


def test_other_tables_are_kept_with_what_differs() -> None:
    same = {"info": {"by": "me"}, "videos": [1], "images": []}
    assert other_tables([_table(**same), _table(**same)]) == (
        {"info": {"by": "me"}, "videos": [1]},
        [],
    )
    assert other_tables([_table(), _table()]) == ({}, [])
    kept, lines = other_tables([_table(**same), _table("b.json", videos=[2], more=3)])
    assert (kept["videos"], kept["more"]) == ([1], 3)
    assert kept["info"]["merged_from"] == [
        {"file": "a.json", "info": {"by": "me"}, "videos": [1]},
        {"file": "b.json", "videos": [2]},
    ]
    (line,) = lines
    assert line.startswith('"videos" differs: that of a.json is kept')


@pytest.mark.parametrize("licences", ["CC0", {"1": "CC0"}, [{"id": 1}, "CC BY"]])
def test_licences_of_another_form_are_kept_too(licences: object) -> None:
    kept, lines = other_tables([_table(licenses=licences), _table("b.json")])
    assert kept["info"]["merged_from"][0] == {"file": "a.json", "licenses": licences}
    assert len(lines) == 1


def test_the_same_object_is_known_again() -> None:
    one = {"id": 1, "image_id": 1, "category_id": 2, "bbox": [0, 0, 1, 1], "area": 1}
    assert annotation_key(one) == annotation_key({**one, "id": 5, "area": 2})
    assert annotation_key(one) != annotation_key({**one, "category_id": 3})

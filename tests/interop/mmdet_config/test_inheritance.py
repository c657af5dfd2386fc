"""How a child configuration changes its base."""

from __future__ import annotations

from typing import Any

import pytest

from relook.errors import DataError
from relook.interop.mmdet_config.inheritance import inherited
from relook.interop.mmdet_config.unreadable import Budget, Unreadable

Values = dict[str, Any]


def _inherited(base: Values, child: Values) -> Values:
    return inherited(base, child, Budget(), "child.py")


@pytest.mark.parametrize(
    ("base", "child", "expected"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}}, {"a": {"x": 1, "y": 3}}),
        ({"a": {"x": 1}}, {"a": {"_delete_": True, "y": 3}}, {"a": {"y": 3}}),
        ({"a": {"x": 1}}, {"a": {"_delete_": False, "y": 3}}, {"a": {"x": 1, "y": 3}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": [1, 2]}, {"a": {"_delete_": True, "y": 3}}, {"a": {"y": 3}}),
        ({"a": {"x": 1}}, {"a": None}, {"a": None}),
        ({}, {"a": {"b": {"_delete_": True, "c": 1}}}, {"a": {"b": {"c": 1}}}),
    ],
)
def test_merging(base: Values, child: Values, expected: Values) -> None:
    before = repr(base), repr(child)
    assert _inherited(base, child) == expected
    assert (repr(base), repr(child)) == before


@pytest.mark.parametrize("base", [None, [1, 2], 3, "text"])
def test_a_mapping_needs_a_mapping_below(base: object) -> None:
    with pytest.raises(DataError, match=r"D14.*_delete_=True"):
        _inherited({"a": base}, {"a": {"0": 1}})


def test_over_an_unknown_value_the_child_is_what_is_known() -> None:
    unknown = Unreadable("a call", "base.py, line 1")
    assert _inherited({"a": unknown}, {"a": {"x": 1}}) == {"a": {"x": 1}}
    assert _inherited({"a": {"x": 1}}, {"a": unknown}) == {"a": unknown}


def test_values_that_contain_themselves_are_refused() -> None:
    child: Values = {}
    child["again"] = child
    with pytest.raises(DataError, match="contain themselves"):
        _inherited({}, child)

"""Bounds on the values that are read."""

from __future__ import annotations

from typing import Any

import pytest

from relook.errors import DataError
from relook.interop.mmdet_config.unreadable import DEEPEST, Budget, Unreadable, plain


def test_a_copy_shares_nothing() -> None:
    inner = {"a": [1, (2, Unreadable("a call", "f.py, line 1"))]}
    copy = plain({"x": inner, "y": inner}, Budget(), "f.py")
    assert copy == {"x": inner, "y": inner}
    copy["x"]["a"].append(3)
    assert copy["y"] == inner == {"a": [1, (2, Unreadable("a call", "f.py, line 1"))]}


def test_values_that_contain_themselves_are_refused() -> None:
    values: dict[str, Any] = {}
    values["again"] = [values]
    with pytest.raises(DataError, match="D14"):
        plain(values, Budget(), "f.py")


def test_values_that_double_are_refused_quickly() -> None:
    values: list[Any] = []
    for _ in range(DEEPEST - 1):
        values = [values, values]
    with pytest.raises(DataError, match="unfolds into too many values"):
        plain(values, Budget(), "f.py")


def test_a_budget_is_spent_to_the_last() -> None:
    budget = Budget(3)
    budget.spend(3, "f.py")
    with pytest.raises(DataError, match="D14"):
        budget.spend(1, "f.py")


def test_it_says_why_and_where() -> None:
    text = str(Unreadable("os.system()", "f.py, line 3"))
    assert text == "os.system() cannot be read without running the file (f.py, line 3)"

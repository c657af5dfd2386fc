"""The account of a conversion: counts with the first place of each."""

from __future__ import annotations

import pytest

from relook.data.formats.records import Account, ConvertOptions
from relook.errors import UsageError


def test_lines_of_an_account() -> None:
    account = Account()
    account.note("classes are numbers")
    account.note("classes are numbers")
    for where in ("a: 1", "a: 2"):
        account.leave_out("point", where)
    account.leave_out("line", "b", count=3)
    account.change("score left out", "c")
    account.declare(["x", "y"])
    account.declare(["y", "z"])
    assert list(account.classes) == ["x", "y", "z"]
    assert account.lines() == [
        "classes are numbers",
        "left out: 2 x point (first: a: 1)",
        "left out: 3 x line (first: b)",
        "changed: 1 x score left out (first: c)",
    ]


def test_options_are_checked() -> None:
    assert ConvertOptions().rectangles == "boxes"
    with pytest.raises(UsageError, match="did you mean 'masks'"):
        ConvertOptions(rectangles="mask")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="the name is empty"):
        ConvertOptions(class_name="")

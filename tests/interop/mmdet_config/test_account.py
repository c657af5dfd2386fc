"""What became of each value."""

from __future__ import annotations

from typing import Any

import pytest

from relook.config.model import ModelConfig
from relook.interop.mmdet_config.account import ABSENT, ANY, Account, is_equal, is_number, shown
from relook.interop.mmdet_config.unreadable import Unreadable

_UNKNOWN = Unreadable("a call", "f.py, line 1")


def _account(**values: Any) -> Account:
    return Account(values, ModelConfig())


def test_paths() -> None:
    account = _account(a={"b": [{"type": "mmdet.models.FPN"}, 2]}, c=None)
    assert account.get("a.b.1") == 2
    assert account.get("a.b.7") is account.get("a.x") is account.get("a.b.1.c") is ABSENT
    assert account.has("a.b") and not account.has("c") and not account.has("d")
    assert account.first("d", "c", "a.b.1") == "a.b.1"
    assert account.kind("a.b.0") == "FPN"
    assert account.kind("a") == account.kind("nothing") == ""


def test_patterns() -> None:
    account = _account(heads=[{"x": 1}, {"y": 2}, {"x": 3}], one={"x": 4})
    assert account.expand("heads.*.x") == ["heads.0.x", "heads.2.x"]
    assert account.expand("one.*.x") == ["one.x"]
    assert account.expand("gone.*.x") == []


@pytest.mark.parametrize("value", ["1", True, [1], float("nan"), float("inf"), _UNKNOWN])
def test_what_is_no_number_is_ignored_with_the_reason(value: Any) -> None:
    account = _account(a=value)
    assert account.number("a") is None
    assert len(account.ignored) == 1 and "a finite number was expected" in account.ignored[0]


def test_other_kinds() -> None:
    account = _account(i=3, f=0.5, b=False, n=[1, 0.5])
    assert (account.integer("i"), account.integer("f")) == (3, None)
    assert (account.flag("b"), account.flag("i")) == (False, None)
    assert (account.numbers("n"), account.numbers("b")) == ((1, 0.5), None)
    assert len(account.ignored) == 3


def test_a_value_is_set_or_ignored() -> None:
    account = _account(good=0.25, bad=7)
    assert account.set("good", "cascade.select.score_threshold", 0.25)
    assert not account.set("bad", "cascade.select.score_threshold", 7)
    assert account.config.cascade.select.score_threshold == 0.25
    assert account.used == ["good = 0.25 -> cascade.select.score_threshold"]
    assert account.ignored[0].startswith(
        "bad = 7: cascade.select.score_threshold: Input should be less"
    )


def test_checks() -> None:
    account = _account(a=1, b=2, c="x.FPN", d=_UNKNOWN, e=object())
    for path, allowed in (("a", (3, 1)), ("b", (3,)), ("c", ("FPN",)), ("d", (1,)), ("e", (ANY,))):
        account.check(path, allowed)
    assert [line[0] for line in account.used] == ["a", "c", "e"]
    assert account.conflicts == ["b = 2: relook has 3"]
    assert account.ignored[0].startswith("d (a call cannot be read")


def test_what_nothing_was_said_of() -> None:
    account = _account(a={"b": 1, "c": {"d": 2, "e": 3}}, f=[{"g": 4}, {"h": 5}], i=[6, 7], j={})
    account.settle("a.c")
    account.use("f.0", "something")
    assert dict(account.unsettled()) == {"a.b": 1, "f.1.h": 5, "i": [6, 7], "j": {}}


def test_lines_do_not_grow_without_bound() -> None:
    account = _account(a="x" * 10_000)
    for i in range(1000):
        account.ignore("a", str(i))
    assert len(account.ignored) <= 201
    assert max(map(len, account.ignored)) < 200


@pytest.mark.parametrize(
    ("value", "expected", "answer"),
    [
        ((4, 8), [4, 8], True),
        ([4, 8], (4,), False),
        (0.1111111111, 1 / 9, True),
        (1, 1.0, True),
        (True, 1, False),
        (0, False, False),
        ("mmdet.FPN", "FPN", True),
        ("FPN", "mmdet.FPN", False),
        (None, None, True),
        (None, 0, False),
        ({"a": 1}, {"a": 1}, True),
    ],
)
def test_equality(value: Any, expected: Any, answer: bool) -> None:
    assert is_equal(value, expected) is answer


def test_numbers() -> None:
    assert is_number(1) and is_number(0.5)
    assert not is_number(True) and not is_number("1") and not is_number(float("inf"))


def test_values_are_shown_shortly() -> None:
    assert len(shown({"key": [["x" * 1000] * 1000] * 1000})) < 300

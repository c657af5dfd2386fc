"""Following the assignments of a file, without running it."""

from __future__ import annotations

from typing import Any

import pytest

from relook.errors import DataError
from relook.interop.mmdet_config.literals import Expressions
from relook.interop.mmdet_config.static_python import LONGEST_SOURCE, Interpreter, parse
from relook.interop.mmdet_config.unreadable import Budget, Unreadable


def _follow(source: str, modules: dict[str, dict[str, Any]] | None = None) -> Interpreter:
    known = modules or {}
    interpreter = Interpreter(Expressions("f.py", Budget()), lambda dots, name: known[name])
    interpreter.run(parse(source, "f.py").body)
    return interpreter


def _names(source: str, modules: dict[str, dict[str, Any]] | None = None) -> dict[str, Any]:
    return _follow(source, modules).names


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a = 1\nb = a + 1", {"a": 1, "b": 2}),
        ("a = b = 2", {"a": 2, "b": 2}),
        ("a: int = 1\nb: int", {"a": 1}),
        ("a = [1]\na += [2]", {"a": [1, 2]}),
        ("a, (b, c) = 1, (2, 3)", {"a": 1, "b": 2, "c": 3}),
        ("'''a text'''\npass\na = 1", {"a": 1}),
        ("a = dict(b=dict(c=1))\na['b']['c'] = 2\na.b.d = 3", {"a": {"b": {"c": 2, "d": 3}}}),
        ("a = [1, 2]\na[1] = 5", {"a": [1, 5]}),
        ("a = dict(b=1)\nc = a\nc['b'] = 2", {"a": {"b": 2}, "c": {"b": 2}}),
        ("a = 1\nb = 2\ndel a", {"b": 2}),
        # As in Python, `update` of a mapping replaces what is in it ...
        ("a = dict(b=dict(c=1))\na.update(b=dict(d=2))", {"a": {"b": {"d": 2}}}),
        ("a = dict(b=1)\na.update(dict(c=2), d=3)", {"a": {"b": 1, "c": 2, "d": 3}}),
    ],
)
def test_assignments(source: str, expected: dict[str, Any]) -> None:
    assert _names(source) == expected


def test_bases_read_as_modules() -> None:
    """... and in files of the newer kind it merges, as the mappings of that library do."""
    modules = {"base": {"model": {"neck": {"type": "FPN", "size": 1}}, "_hidden": 1, "lr": 0.1}}
    source = (
        "from mmdet.models import RFP\n"
        "with read_base():\n    from .base import *\n    from .base import lr as rate, gone\n"
        "model.update(dict(neck=dict(type=RFP)))\nmodel.merge(dict(head=dict(a=1)))\n"
    )
    names = _names(source, modules)
    assert names["model"] == {"neck": {"type": "RFP", "size": 1}, "head": {"a": 1}}
    assert names["rate"] == names["lr"] == 0.1
    assert isinstance(names["gone"], Unreadable)


@pytest.mark.parametrize(
    "source",
    [
        "a = open('x')",
        "for a in [1]: pass",
        "if True:\n    a = 1",
        "while False: a = 1",
        "with open('x') as a: pass",
        "try:\n    a = 1\nfinally: pass",
        "def a(): pass",
        "class a: pass",
        "a = 1\na = run(a)",
        "a = 1\nif a:\n    a = 2",
        "a, b = 1",
        "*a, b = 1, 2",
        "match 1:\n    case a: pass",
        "with read_base():\n    a = 1",
    ],
)
def test_what_is_not_followed_leaves_the_name_unknown(source: str) -> None:
    follower = _follow(source)
    if "match" not in source:
        assert isinstance(follower.names["a"], Unreadable)
    assert follower.expressions.notes


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "os.system('x')",
        "a.update(1)",
        "a[0] = 1",
        "a = [1]\na.update(b=1)",
        "a = [1]\na['b'] = 1",
        "a = (1,)\na[0] = 1",
        "a = {}\na.update(run())",
        "assert False",
        "raise SystemExit",
        "del a['b']",
        "global a",
    ],
)
def test_what_has_no_effect_is_noted(source: str) -> None:
    assert _follow(source).expressions.notes


@pytest.mark.parametrize(
    "source",
    [
        "a = (",
        "a = 1 1",
        "a = \0",
        "-" * 100_000 + "1",
        "(" * 100_000,
        "a = " + "1+" * 100_000 + "1",
        "a" + ".b" * 100_000,
        "a = " + "9" * 10_000,
        "\ud800",
        "x" * (LONGEST_SOURCE + 1),
    ],
)
def test_sources_that_are_refused(source: str) -> None:
    with pytest.raises(DataError, match=r"D14: f\.py"):
        parse(source, "f.py")


def test_a_syntax_error_has_its_line() -> None:
    with pytest.raises(DataError, match=r"f\.py, line 3: not Python syntax"):
        parse("a = 1\n\nb = = 2", "f.py")


def test_odd_escapes_do_not_warn() -> None:
    assert _names(r"a = '\d'") == {"a": r"\d"}

"""What expressions stand for, without running them."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relook.errors import DataError
from relook.interop.mmdet_config.literals import Expressions, described, has_item
from relook.interop.mmdet_config.unreadable import Budget, Unreadable

_NAMES = {"width": 4, "sizes": [1, 2, 3], "part": {"a": {"b": 5}}, "unknown": Unreadable("x", "y")}


def _reader() -> Expressions:
    return Expressions(
        "f.py",
        Budget(),
        bases={"model": {"neck": [{"size": 7}]}, "name": "base"},
        predefined={"fileBasename": "f.py"},
        names=dict(_NAMES),
        imported={"ResNet"},
    )


def _value(source: str) -> Any:
    return _reader().value(ast.parse(source, mode="eval").body)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("dict(a=1, b=dict(c=[2, (3,)]), **part)", {"a": {"b": 5}, "b": {"c": [2, (3,)]}}),
        ("{'a': None, 1: True, **{'b': 2}}", {"a": None, 1: True, "b": 2}),
        ("[*sizes, 4]", [1, 2, 3, 4]),
        ("width * 2 + 1", 9),
        ("-width", -4),
        ("sizes[-1]", 3),
        ("sizes[1:]", [2, 3]),
        ("part['a']['b']", 5),
        ("part.a.b", 5),
        ("f'w{width}_{0.5:.2f}'", "w4_0.50"),
        ("'runs/{{ fileBasename }}/x'", "runs/f.py/x"),
        ("'{{_base_.name}}-2'", "base-2"),
        ("{{ fileBasename }}", "f.py"),
        ("{{_base_.model.neck}}", [{"size": 7}]),
        ("'{{ _base_.model.neck.0.size }}'", 7),
        ("_base_.model.neck[0]['size']", 7),
        ("dict(type=ResNet)", {"type": "ResNet"}),
        ("'{not braces}'", "{not braces}"),
    ],
)
def test_what_is_read(source: str, expected: Any) -> None:
    assert _value(source) == expected


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("open('x')", "open()"),
        ("__import__('os').system('x')", "__import__().system()"),
        ("(lambda: 1)()", "a lambda()"),
        ("[i for i in sizes]", "a comprehension"),
        ("width if 1 else 2", "a choice"),
        ("nothing", "the unknown name nothing"),
        ("ResNet", "the imported name ResNet"),
        ("sizes[7]", "sizes[]"),
        ("sizes.__class__", "sizes.__class__"),
        ("part.update", "part.update"),
        ("'x'.join", "a constant.join"),
        ("9 ** 9 ** 9", "an operation"),
        ("unknown + 1", "an operation"),
        ("f'{sizes}'", "formatted text"),
        ("f'{width!r}'", "formatted text"),
        ("'{{ $HOME }}'", "{{ $HOME }}"),
        ("'{{ _base_.nothing }}'", "_base_.nothing, which no base has,"),
        ("'a{{ _base_.model }}'", "a constant"),
        ("dict([(1, 2)])", "dict()"),
        ("{sizes: 1}", "a mapping with a key that is no text"),
        ("dict(**sizes)", "a mapping with unknown keys"),
        ("{1, 2}", "a set"),
        ("b'bytes'", "a constant"),
        ("sizes[::2]", "sizes[]"),
        ("(x := 1)", "Python's NamedExpr"),
    ],
)
def test_what_is_not(source: str, why: str) -> None:
    assert _value(source) == Unreadable(why, "f.py, line 1")


def test_what_is_not_read_is_noted_with_its_line() -> None:
    reader = _reader()
    value = reader.value(ast.parse("dict(\n  a=1,\n  b=run())", mode="eval").body)
    assert value == {"a": 1, "b": Unreadable("run()", "f.py, line 3")}
    assert reader.notes == ["f.py, line 3: run() cannot be read without running the file"]


def test_notes_do_not_grow_without_bound() -> None:
    reader = _reader()
    for _ in range(1000):
        reader.value(ast.parse("run()", mode="eval").body)
    assert len(reader.notes) <= 201
    assert reader.notes[-1] == "f.py: and more that is not listed"


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(DataError, match="nest deeper"):
        _value("[" * 80 + "]" * 80)


_PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{}"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text("abc_", max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(_PLAIN)
@settings(deadline=None, max_examples=100)
def test_literals_come_back(value: Any) -> None:
    assert _value(repr(value)) == value
    assert repr(_value(repr(value))) == repr(value)


def test_items() -> None:
    assert has_item({"a": 1}, "a") and not has_item({"a": 1}, "b")
    assert has_item([1], -1) and not has_item([1], 1) and not has_item([1], True)
    assert not has_item({"a": 1}, []) and not has_item("text", 0)


def test_descriptions_are_short() -> None:
    assert len(described(ast.parse("a" + ".bcdefghij" * 500, mode="eval").body)) <= 120

"""Mutants are what they say, one change each, and leave alone what only people read."""

from __future__ import annotations

import pytest

from . import run
from .mutate import mutants


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", {"a <= b", "a > b"}),
        ("a == b", {"a != b"}),
        ("a + b", {"a - b"}),
        ("a and b", {"a or b"}),
        ("not a", {"a"}),
        ("-a", {"a"}),
        ("x = 1.5", {"x = 2.5"}),
        ("x = True", {"x = False"}),
        ("x.min()", {"x.max()", "pass"}),
        ("y = max(a, b)", {"y = min(a, b)"}),
        ("y = a if c else b", {"y = a", "y = b"}),
        ("a += b", {"a -= b", "pass"}),
        ("f(a)", {"pass"}),
        ("a[b // c]", {"a[b / c]"}),
    ],
)
def test_changes(source: str, expected: set[str]) -> None:
    assert {mutant.source for mutant in mutants(source)} == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring with 1 < 2."""',
        "def f(a: Annotated[int, Ge(1)]) -> Literal[3]: ...",
        "if a:\n    raise ValueError(1 + 2)",
        "x = f'{a + b}'",
        "@cache(1)\ndef f(): ...",
        "assert a < b",
        "x = 'a' + b",
    ],
)
def test_what_people_read_stays(source: str) -> None:
    assert not list(mutants(source))


def test_lines_and_words() -> None:
    (mutant,) = mutants("a = b\nc = d * e\n")
    assert (mutant.line, mutant.change) == (2, "d * e  ->  d / e")


def test_tests_of_a_module() -> None:
    assert run.tests_of("ops/boxes.py") == ["ops/test_boxes.py"]
    assert "models/cascades/test_steps.py" in run.tests_of("models/cascades/steps.py")
    assert run.tests_of("ops/nothing.py") == []

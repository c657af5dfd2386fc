"""Operators whose results stay small."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from relook.interop.mmdet_config.bounded_arithmetic import (
    NotComputed,
    binary,
    formatted,
    small,
    unary,
)

from ...work import without_hopeless_work


def _binary(expression: str) -> Any:
    node = ast.parse(expression, mode="eval").body
    assert isinstance(node, ast.BinOp)
    left, right = ast.literal_eval(node.left), ast.literal_eval(node.right)
    return binary(node.op, left, right)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 / 8", 0.125),
        ("7 // 2", 3),
        ("7 % 4", 3),
        ("2 ** 10", 1024),
        ("2 ** -1", 0.5),
        ("0.5 * 3", 1.5),
        ("'a' + 'b'", "ab"),
        ("[1] + [2]", [1, 2]),
        ("(1,) + (2,)", (1, 2)),
        ("[0.0] * 4", [0.0] * 4),
        ("3 * 'ab'", "ababab"),
        ("'%s_%02d' % ('x', 3)", "x_03"),
        ("'%.2f%%' % 0.5", "0.50%"),
    ],
)
def test_what_is_computed(expression: str, expected: Any) -> None:
    assert _binary(expression) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "1 / 0",
        "9 ** 387420489",
        "(-8) ** 0.5",
        "10.0 ** 400",
        "'a' * 10 ** 12",
        "'a' * 1000000000000",
        "[1] * 100000000",
        "'%999999999d' % 1",
        "'%s' % [1, 2]",
        "'%(a)s' % {'a': 1}",
        "'%d' % 'a'",
        "'%s %s' % 'a'",
        "[1] + (2,)",
        "1 << 1000000000",
        "1 @ 2",
        "{} + 1",
        "None + 1",
        "b'a' + b'b'",
    ],
)
def test_what_is_not(expression: str) -> None:
    with (
        without_hopeless_work(),
        pytest.raises((NotComputed, ValueError)),  # ValueError: our test's own reading of **
    ):
        _binary(expression)


def test_long_formats_are_refused_before_they_are_made() -> None:
    with pytest.raises(NotComputed):
        binary(ast.Mod(), "%s" * 30_000, ("x" * 60_000,) * 30_000)


def test_numbers_do_not_grow() -> None:
    largest = 1 << 255
    assert binary(ast.Sub(), binary(ast.Mult(), largest, 1), 1) == largest - 1
    with pytest.raises(NotComputed):
        binary(ast.Mult(), largest, 2)


@pytest.mark.parametrize(
    ("sign", "value", "expected"),
    [(ast.USub(), 3, -3), (ast.UAdd(), 0.5, 0.5), (ast.Not(), None, True), (ast.Not(), 1, False)],
)
def test_signs(sign: ast.unaryop, value: Any, expected: Any) -> None:
    assert unary(sign, value) == expected


@pytest.mark.parametrize(
    ("sign", "value"), [(ast.Invert(), 1), (ast.USub(), "a"), (ast.Not(), []), (ast.USub(), None)]
)
def test_signs_of_other_values(sign: ast.unaryop, value: Any) -> None:
    with pytest.raises(NotComputed):
        unary(sign, value)


def test_formats() -> None:
    assert formatted(0.1234, ".2f") == "0.12"
    assert formatted("a", "") == "a"
    for value, spec in ((1, "999999999d"), ("a", "d"), ([1], ""), (None, ""), (1.5, "x")):
        with pytest.raises(NotComputed):
            formatted(value, spec)


@pytest.mark.parametrize("value", ["\ud800", "a" * 70_000, 1 << 300, b"a", 1j, ..., {1}])
def test_what_no_configuration_holds(value: object) -> None:
    with pytest.raises(NotComputed):
        small(value)

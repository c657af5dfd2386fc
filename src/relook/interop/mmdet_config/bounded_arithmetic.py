"""Operators on numbers, text and lists; large results and slow computations are refused."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from typing import Any, Final

LONGEST_TEXT: Final = 1 << 16  # characters
_LARGEST_BITS = 256  # of an integer
_MOST_REPEATED = 1000  # characters or items that a multiplication makes

_BINARY: Final[dict[type[ast.AST], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_UNARY: Final[dict[type[ast.AST], Callable[[Any], Any]]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
}
_FORMATS = re.compile(r"(?:[^%]|%%|%0?\d?(?:\.\d)?[sdif])*", re.DOTALL)
_FORMAT_SPEC = re.compile(r"0?\d?(?:\.\d)?[sdf]?")


class NotComputed(Exception):
    """The operation is not one of those allowed, or its result would be too large."""


def unary(sign: ast.unaryop, value: Any) -> Any:
    """``-value``, ``+value`` of a number or ``not value`` of a plain value.

    Raises:
        NotComputed: for anything else.
    """
    kinds = int | float | None if isinstance(sign, ast.Not) else int | float
    if type(sign) not in _UNARY or not isinstance(value, kinds):
        raise NotComputed
    return small(_UNARY[type(sign)](value))


def binary(sign: ast.operator, left: Any, right: Any) -> Any:
    """``left (sign) right``: arithmetic of numbers, joining and repeating of text and lists,
    and ``%`` formatting of plain values.

    Raises:
        NotComputed: for anything else, for division by zero, and for results too large.
    """
    function = _BINARY.get(type(sign))
    if function is None or not _is_cheap(function, left, right):
        raise NotComputed
    try:
        return small(function(left, right))
    except (ArithmeticError, ValueError, TypeError):
        raise NotComputed from None


def formatted(value: Any, spec: str) -> str:
    """``f"{value:spec}"`` of text or a number, with a width of one digit at most.

    Raises:
        NotComputed: for other values and wider formats.
    """
    if not isinstance(value, str | int | float) or not _FORMAT_SPEC.fullmatch(spec):
        raise NotComputed
    try:
        return format(value, spec)
    except (ValueError, OverflowError):
        raise NotComputed from None


def small(value: Any) -> Any:
    """Return `value` if its size and type are allowed in a configuration.

    Raises:
        NotComputed: they are not.
    """
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise NotComputed from None
        fits = len(value) <= LONGEST_TEXT
    elif isinstance(value, int):
        fits = value.bit_length() <= _LARGEST_BITS
    else:
        fits = value is None or isinstance(value, float | list | tuple)
    if not fits:
        raise NotComputed
    return value


def _is_cheap(function: Callable[..., Any], left: Any, right: Any) -> bool:
    if isinstance(left, int | float) and isinstance(right, int | float):
        if function is not operator.pow or isinstance(left, float) or isinstance(right, float):
            return True
        return abs(right) * max(1, left.bit_length()) <= _LARGEST_BITS
    if function is operator.add:
        return isinstance(left, str | list | tuple) and type(left) is type(right)
    if function is operator.mod:
        return isinstance(left, str) and _is_short_format(left, right)
    if function is operator.mul:
        count, items = (left, right) if isinstance(left, int) else (right, left)
        repeats = isinstance(count, int) and isinstance(items, str | list | tuple)
        return repeats and len(items) * max(0, count) <= _MOST_REPEATED
    return False


def _is_short_format(text: str, values: Any) -> bool:
    arguments = values if isinstance(values, tuple) else (values,)
    if not all(isinstance(a, str | int | float) for a in arguments):
        return False
    length = len(text) + sum(len(a) for a in arguments if isinstance(a, str))
    return length <= LONGEST_TEXT and _FORMATS.fullmatch(text) is not None

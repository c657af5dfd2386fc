"""Values of expressions of Python source, computed from their syntax trees.

Supported are literals, ``dict(...)``, names assigned before, items of containers, bounded
arithmetic and joining of text. Everything else is an `Unreadable` with reason and place.
Nothing is executed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ...errors import DataError
from .bounded_arithmetic import LONGEST_TEXT, NotComputed, binary, formatted, small, unary
from .unreadable import DEEPEST, Budget, Unreadable, too_deep

_MOST_NOTES = 200

# Placeholders in text, as in "runs/{{ fileBasenameNoExtension }}".
_IN_BRACES = re.compile(r"\{\{([^{}]{1,120})\}\}")
_BASE_ITEM = re.compile(r"_base_((?:\.\w+)+)")

_KINDS = {
    "BinOp": "an operation",
    "BoolOp": "an operation",
    "Compare": "a comparison",
    "Constant": "a constant",
    "DictComp": "a comprehension",
    "GeneratorExp": "a comprehension",
    "IfExp": "a choice",
    "JoinedStr": "formatted text",
    "Lambda": "a lambda",
    "ListComp": "a comprehension",
    "Set": "a set",
    "SetComp": "a comprehension",
    "UnaryOp": "an operation",
}


@dataclass(slots=True)
class Expressions:
    """Reader of the expressions of one file, with the names assigned so far.

    `bases` has the values of ``_base_.key``, and `predefined` those of ``{{ name }}``.
    """

    where: str
    budget: Budget
    bases: dict[str, Any] = field(default_factory=dict)
    predefined: dict[str, str] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    _depth: int = 0

    def value(self, node: ast.AST) -> Any:
        """Plain data, or an `Unreadable`; containers are shared with `names`, not copied.

        Raises:
            DataError: D14 for values that expand or nest without bound.
        """
        if self._depth >= DEEPEST:
            raise DataError("D14", too_deep(self.at(node)))
        self._depth += 1
        self.budget.spend(1, self.where)
        try:
            return self._value(node)
        except NotComputed:
            return self.unreadable(node, described(node))
        finally:
            self._depth -= 1

    def _value(self, node: ast.AST) -> Any:
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Dict():
                return self._mapping(node, zip(node.keys, node.values, strict=True))
            case ast.Call(func=ast.Name(id="dict"), args=[]):
                return self._mapping(node, ((_named(k), k.value) for k in node.keywords))
            case ast.List() | ast.Tuple():
                items = self._items(node.elts)
                return items if isinstance(node, ast.List) else tuple(items)
            case ast.Set(elts=[ast.Set(elts=[inner])]):  # {{ _base_.key }} outside of text
                return self._in_braces(node, described(inner))
            case ast.Name():
                return self._name(node)
            case ast.Attribute() | ast.Subscript():
                return self._item(node)
            case ast.UnaryOp():
                return unary(node.op, self._known(node.operand))
            case ast.BinOp():
                return self._binary(node)
            case ast.JoinedStr():
                return self._joined(node)
            case _:
                raise NotComputed

    def _constant(self, node: ast.Constant) -> Any:
        value = small(node.value)
        if not isinstance(value, str) or "{{" not in value:
            return value
        whole = _IN_BRACES.fullmatch(value)
        if whole:
            return self._in_braces(node, whole[1].strip())
        return small(_IN_BRACES.sub(lambda match: self._put_in(node, match[1]), value))

    def _put_in(self, node: ast.AST, name: str) -> str:
        value = self._in_braces(node, name.strip())
        if not isinstance(value, str):
            raise NotComputed
        self.budget.spend(len(value) // 8, self.where)
        return value

    def _in_braces(self, node: ast.AST, name: str) -> Any:
        if name in self.predefined:
            return self.predefined[name]
        match = _BASE_ITEM.fullmatch(name)
        if match is None:
            return self.unreadable(node, f"{{{{ {name} }}}}")
        value: Any = self.bases
        for part in match[1].split(".")[1:]:
            key = int(part) if part.isdecimal() and isinstance(value, list | tuple) else part
            if not has_item(value, key):
                return self.unreadable(node, f"{name}, which no base has,")
            value = value[key]
        return value

    def _mapping(self, node: ast.AST, pairs: Iterable[tuple[ast.expr | None, ast.expr]]) -> Any:
        result: dict[str | int, Any] = {}
        for key_node, value_node in pairs:
            if key_node is None:  # **other
                merged = self.value(value_node)
                if not isinstance(merged, dict):
                    return self.unreadable(node, "a mapping with unknown keys")
                self.budget.spend(len(merged), self.where)
                result |= merged
                continue
            key = self.value(key_node)
            if not isinstance(key, str | int):
                return self.unreadable(node, "a mapping with a key that is no text")
            result[key] = self._typed(key, value_node)
        return result

    def _typed(self, key: str | int, node: ast.expr) -> Any:
        """The value of a key; for ``type=ResNet`` with an imported class, the name of the class."""
        if key == "type" and isinstance(node, ast.Name) and node.id in self.imported:
            return node.id
        return self.value(node)

    def _items(self, nodes: list[ast.expr]) -> list[Any]:
        items: list[Any] = []
        for node in nodes:
            if not isinstance(node, ast.Starred):
                items.append(self.value(node))
                continue
            values = self._known(node.value)
            if not isinstance(values, list | tuple):
                raise NotComputed
            self.budget.spend(len(values), self.where)
            items.extend(values)
        return items

    def _name(self, node: ast.Name) -> Any:
        if node.id in self.names:
            return self.names[node.id]
        if node.id == "_base_":
            return self.bases
        kind = "the imported name" if node.id in self.imported else "the unknown name"
        return self.unreadable(node, f"{kind} {node.id[:60]}")

    def _item(self, node: ast.Attribute | ast.Subscript) -> Any:
        container = self._known(node.value)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            return self._part(container, node.slice)
        key = self.key(node)
        if not has_item(container, key):
            raise NotComputed
        return container[key]

    def _part(self, container: Any, between: ast.Slice) -> Any:
        start = None if between.lower is None else self._known(between.lower)
        stop = None if between.upper is None else self._known(between.upper)
        numbers = all(n is None or isinstance(n, int) for n in (start, stop))
        if not isinstance(container, list | tuple) or not numbers or between.step:
            raise NotComputed
        self.budget.spend(len(container), self.where)
        return container[start:stop]

    def key(self, node: ast.Attribute | ast.Subscript) -> Any:
        """Return the value behind the dot or in the brackets."""
        return node.attr if isinstance(node, ast.Attribute) else self.value(node.slice)

    def _binary(self, node: ast.BinOp) -> Any:
        result = binary(node.op, self._known(node.left), self._known(node.right))
        if isinstance(result, str | list | tuple):
            self.budget.spend(len(result) // 8, self.where)
        return result

    def _joined(self, node: ast.JoinedStr) -> Any:
        text = ""
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                spec = self._known(part.format_spec) if part.format_spec else ""
                if part.conversion != -1 or not isinstance(spec, str):
                    raise NotComputed
                text += formatted(self._known(part.value), spec)
            else:
                text += str(self._known(part))
            if len(text) > LONGEST_TEXT:
                raise NotComputed
        return text

    def _known(self, node: ast.AST) -> Any:
        value = self.value(node)
        if isinstance(value, Unreadable):
            raise NotComputed
        return value

    # Notes

    def note(self, node: ast.AST, text: str) -> None:
        """Note a statement or value that has no effect."""
        if len(self.notes) < _MOST_NOTES:
            self.notes.append(f"{self.at(node)}: {text}")
        elif len(self.notes) == _MOST_NOTES:
            self.notes.append(f"{self.where}: and more that is not listed")

    def unreadable(self, node: ast.AST, why: str) -> Unreadable:
        """Return an unreadable value, and note the reason."""
        result = Unreadable(why, self.at(node))
        self.note(node, f"{why} cannot be read without running the file")
        return result

    def at(self, node: ast.AST) -> str:
        """Return the file and line of `node`."""
        return f"{self.where}, line {getattr(node, 'lineno', '?')}"


def has_item(container: Any, key: Any) -> bool:
    """Return whether ``container[key]`` exists."""
    if isinstance(container, dict):
        return isinstance(key, str | int) and key in container
    if isinstance(container, list | tuple):
        return type(key) is int and -len(container) <= key < len(container)
    return False


def described(node: ast.AST) -> str:
    """Return a short description of an expression or statement: ``os.system()``, ``Lambda``."""
    tail: list[str] = []
    for _ in range(8):
        match node:
            case ast.Attribute():
                tail.append(f".{node.attr}")
                node = node.value
            case ast.Call():
                tail.append("()")
                node = node.func
            case ast.Subscript():
                tail.append("[]")
                node = node.value
            case ast.Expr():
                node = node.value
            case _:
                break
    kind = type(node).__name__
    start = node.id if isinstance(node, ast.Name) else _KINDS.get(kind, f"Python's {kind}")
    return (start + "".join(reversed(tail)))[:120]


def _named(keyword: ast.keyword) -> ast.expr | None:
    return None if keyword.arg is None else ast.copy_location(ast.Constant(keyword.arg), keyword)

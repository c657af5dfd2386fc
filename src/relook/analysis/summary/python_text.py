"""A configuration as Python text that makes it again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...config.base import is_part
from ...config.model import ModelConfig
from .differences import leaves, not_default

_WIDTH: Final = 72  # of a call; its keyword stands before it
_INDENT: Final = "    "


def changed_preset(name: str, changed: Mapping[str, Any]) -> str:
    """Lines in which ``config`` becomes the preset called `name` with the changes `found`."""
    arguments = [f"{'__'.join(path)}={_text(value, 1)}" for path, value in leaves(changed)]
    expression = f"preset({_text(name, 0)})"
    if arguments:
        expression = _call(f"{expression}.with_", arguments, 0)
    return _module(
        expression, [value for _, value in leaves(changed)], ["from relook import preset"]
    )


def constructed(config: ModelConfig) -> str:
    """Lines in which ``config`` is made by constructors, with the fields that are not default."""
    return _module(_text(config, 0), [config], [])


def _module(expression: str, values: Sequence[Any], imports: list[str]) -> str:
    homes: dict[str, set[str]] = {}
    for value in values:
        _collect(value, homes)
    for home, names in sorted(homes.items()):
        line = f"from {home} import {', '.join(sorted(names))}"
        fits = len(line) <= _WIDTH
        imports.append(line if fits else _call(f"from {home} import ", sorted(names), 0))
    return "\n".join([*imports, "", f"config = {expression}", ""])


def _collect(value: Any, homes: dict[str, set[str]]) -> None:
    """Note the classes of all configurations that are written out in `value`, by module."""
    if is_part(value):
        homes.setdefault(type(value).__module__, set()).add(type(value).__name__)
        value = tuple(not_default(value).values())
    if isinstance(value, tuple):
        for item in value:
            _collect(item, homes)


def _text(value: Any, depth: int) -> str:
    if is_part(value):
        arguments = [
            f"{name}={_text(item, depth + 1)}" for name, item in not_default(value).items()
        ]
        return _call(type(value).__name__, arguments, depth)
    if isinstance(value, tuple):
        items = [_text(item, depth + 1) for item in value]
        return f"({items[0]},)" if len(items) == 1 else _call("", items, depth)
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _call(name: str, arguments: Sequence[str], depth: int) -> str:
    flat = f"{name}({', '.join(arguments)})"
    if "\n" not in flat and len(flat) + len(_INDENT) * depth <= _WIDTH:
        return flat
    inner = "".join(f"{_INDENT * (depth + 1)}{argument},\n" for argument in arguments)
    return f"{name}(\n{inner}{_INDENT * depth})"

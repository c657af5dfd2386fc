"""Base of configurations: immutable, closed values, changed by copying, with clear errors."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError

from ..errors import UsageError, brief, did_you_mean


class Config(BaseModel):
    """Base of all configurations: immutable, closed (an unknown key is an error).

    Rules (`structures.rules`) are fields as configurations are. A dataclass does not check its
    fields, so instances are checked as plain data is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", revalidate_instances="always")

    def with_(self, **changes: Any) -> Self:
        """A copy with fields replaced; nested fields by ``a__b=...`` or by a whole config."""
        nested: dict[str, Any] = {}
        for path, value in changes.items():
            assign(nested, path.split("__"), value)
        return overlay(self, nested)


C = TypeVar("C", bound=Config)


def overlay(base: C, changes: Mapping[str, Any]) -> C:
    """`base` with nested `changes` applied.

    A mapping changes only the keys it names; ``null`` switches an optional part off, and a
    mapping for a part that is off, or of another ``kind``, starts from that part's defaults.

    Raises:
        UsageError: U02 for an unknown key (with the closest known one), U03 for a bad value.
    """
    return validated(type(base), _merged(base.model_dump(), changes))


def validated(kind: type[C], values: Mapping[str, Any]) -> C:
    """A configuration from plain data; errors name the key by its path.

    Raises:
        UsageError: U02 for an unknown key, U03 for a value of a wrong type or range.
    """
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        raise _explained(kind, error) from None


def assign(tree: dict[str, Any], path: list[str], value: Any) -> None:
    """Set ``tree[path[0]][path[1]]... = value``, and make missing mappings."""
    *parents, last = path
    for key in parents:
        child = tree.setdefault(key, {})
        if not isinstance(child, dict):
            raise UsageError("U03", f"{'.'.join(path)}: {key} has already been given a value")
        tree = child
    tree[last] = value


def assign_all(tree: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Put `changes` into `tree`; a mapping changes only the keys it names."""
    tree.update(_merged(tree, changes))


def _merged(base: Any, changes: Any) -> Any:
    if isinstance(changes, Config):
        return changes.model_dump()
    if not isinstance(changes, Mapping) or not isinstance(base, Mapping):
        return changes
    if changes.get("kind", base.get("kind")) != base.get("kind"):
        base = {}  # another kind of part starts from its own defaults
    return {**base, **{key: _merged(base.get(key), new) for key, new in changes.items()}}


def fields_of(kind: type) -> dict[str, Any]:
    """The fields of a configuration or rule by name, with the types of their values."""
    if issubclass(kind, Config):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    return _hints(kind)


def is_part(value: Any) -> bool:
    """Return whether a value has fields of its own: a configuration or a rule."""
    return isinstance(value, Config) or dataclasses.is_dataclass(value)


def _hints(rule: type) -> dict[str, Any]:
    hints = get_type_hints(rule)
    return {field.name: hints[field.name] for field in dataclasses.fields(rule)}


_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")  # of a configuration, of a rule


def _explained(kind: type[Config], error: ValidationError) -> UsageError:
    problems = error.errors()
    first = next((p for p in problems if p["type"] in _UNKNOWN), problems[0])
    path, kinds = _located(kind, [str(part) for part in first["loc"]])
    if first["type"] not in _UNKNOWN:
        where = ".".join(path) or kind.__name__
        value_text = f", got {brief(first['input'])}" if path else ""
        return UsageError(
            "U03", f"{where}: {first['msg'].removeprefix('Value error, ')}{value_text}"
        )
    known = [name for k in kinds for name in fields_of(k)]
    return UsageError("U02", f"unknown key {'.'.join(path)}; {did_you_mean(path[-1], known)}")


def _located(kind: type[Config], location: list[str]) -> tuple[list[str], list[type]]:
    """The path to a value, and the configurations or rules that may hold its last part.

    Where a field has several kinds of configurations, `location` has the chosen ``kind`` too.
    """
    path: list[str] = []
    kinds: list[type] = [kind]
    below = kinds
    for part in location:
        chosen = [k for k in below if _kind_of(k) == part]
        if chosen:
            below = chosen
            continue
        path.append(part)
        if not part.isdecimal():  # of a list
            kinds = below
            below = [c for k in kinds if part in fields_of(k) for c in parts_in(k, part)]
    return path, kinds


def _kind_of(kind: type) -> str | None:
    field = kind.model_fields.get("kind") if issubclass(kind, Config) else None
    return None if field is None else field.default


def parts_in(kind: type, field: str) -> list[type]:
    """The configurations and rules that a field may hold."""
    parts: list[type] = []
    pending: list[Any] = [fields_of(kind)[field]]
    while pending:
        hint = pending.pop()
        if isinstance(hint, type) and (issubclass(hint, Config) or dataclasses.is_dataclass(hint)):
            parts.append(hint)
        pending.extend(getattr(hint, "__args__", ()))
    return parts

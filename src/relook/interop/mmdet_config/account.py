"""Account of the values of an MMDetection configuration: used, in conflict or ignored."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ...config.base import assign, overlay
from ...config.model import ModelConfig
from ...errors import UsageError
from .numeric_keys import changes_numbers
from .unreadable import Unreadable

ABSENT: Final = object()
ANY: Final = object()  # every value is allowed: it does not change the computation

_MOST_LINES = 200
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = 4
_SHORT.maxlevel = 2


def shown(value: Any) -> str:
    """Return a short text of a value."""
    return _SHORT.repr(value)


@dataclass(slots=True)
class Account:
    """Values by dotted path, applied to a configuration one by one.

    A path has list positions as numbers. A settled path settles all paths below it.
    """

    values: Mapping[str, Any]
    config: ModelConfig
    recipe: dict[str, Any] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    fields: set[str] = field(default_factory=set)  # of `config`, that some value has set
    differing: list[str] = field(default_factory=list)
    """The conflicts that change what the model predicts."""
    _settled: set[str] = field(default_factory=set)

    def get(self, path: str) -> Any:
        """The value at `path`, `ABSENT` without one."""
        value: Any = self.values
        for part in path.split("."):
            if isinstance(value, Mapping) and part in value:
                value = value[part]
            elif isinstance(value, list | tuple) and part.isdecimal() and int(part) < len(value):
                value = value[int(part)]
            else:
                return ABSENT
        return value

    def has(self, path: str) -> bool:
        """Return whether there is a value other than None at `path`."""
        value = self.get(path)
        return value is not ABSENT and value is not None

    def first(self, *paths: str) -> str | None:
        """The first of `paths` that has a value."""
        return next((path for path in paths if self.has(path)), None)

    def kind(self, path: str) -> str:
        """The class that ``path.type`` names, without its package; empty when not known."""
        value = self.get(f"{path}.type")
        return value.rpartition(".")[2] if isinstance(value, str) else ""

    def expand(self, pattern: str) -> list[str]:
        """The paths that match `pattern`: ``*`` is every item of a list, or one mapping."""
        paths = [""]
        for part in pattern.split("."):
            longer: list[str] = []
            for path in paths:
                if part != "*":
                    longer.append(f"{path}.{part}".lstrip("."))
                    continue
                value = self.get(path)
                if isinstance(value, list | tuple):
                    longer += [f"{path}.{i}" for i in range(len(value))]
                else:
                    longer.append(path)
            paths = longer
        return [path for path in paths if self.get(path) is not ABSENT]

    # Values of a type; a value of another type is ignored, with the reason

    def number(self, path: str) -> float | None:
        """A finite number."""
        value = self.get(path)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return value
        self._unfit(path, "a finite number")
        return None

    def integer(self, path: str) -> int | None:
        """A whole number."""
        value = self.get(path)
        if type(value) is int:
            return value
        self._unfit(path, "a whole number")
        return None

    def flag(self, path: str) -> bool | None:
        """True or False."""
        value = self.get(path)
        if isinstance(value, bool):
            return value
        self._unfit(path, "True or False")
        return None

    def numbers(self, path: str) -> tuple[float, ...] | None:
        """A list of finite numbers."""
        value = self.get(path)
        if isinstance(value, list | tuple) and all(is_number(v) for v in value):
            return tuple(value)
        self._unfit(path, "a list of numbers")
        return None

    def _unfit(self, path: str, expected: str) -> None:
        if self.has(path):
            self.reject(path, f"{expected} was expected")

    # Settling of a path

    def set(self, path: str, ours: str, value: Any) -> bool:
        """Set the field `ours` (dotted, of `ModelConfig`) to the value at `path`."""
        return self.set_all([path], {ours: value})

    def set_all(self, paths: list[str], changes: Mapping[str, Any]) -> bool:
        """Set several fields at once, which are valid only together."""
        nested: dict[str, Any] = {}
        for ours, value in changes.items():
            assign(nested, ours.split("."), value)
        try:
            self.config = overlay(self.config, nested)
        except UsageError as error:
            for path in paths:
                self.reject(path, error.message)
            return False
        self.fields.update(changes)
        for path in paths:
            self.use(path, ", ".join(changes))
        return True

    def train(self, path: str, **fields: Any) -> None:
        """Set fields of the recipe."""
        self.recipe.update(fields)
        self.use(path, ", ".join(f"train.{name}" for name in fields))

    def use(self, path: str, ours: str) -> None:
        """Note that `path` is carried over to `ours`."""
        self._say(self.used, path, f"-> {ours}", " ")

    def check(self, path: str, allowed: tuple[Any, ...]) -> None:
        """Check that the value at `path` is one of `allowed`, which relook always has."""
        value = self.get(path)
        if isinstance(value, Unreadable):
            self.reject(path, f"so it is not known whether it is {_one_of(allowed)}")
        elif ANY in allowed or any(is_equal(value, a) for a in allowed):
            self._say(self.used, path, "as here", ", ")
        else:
            self.conflict(path, f"relook has {_one_of(allowed)}")

    def conflict(self, path: str, why: str) -> None:
        """Note that the value at `path` differs from relook's computation."""
        self._say(self.conflicts, path, why)
        if changes_numbers(path):
            self._say(self.differing, path, why)

    def reject(self, path: str, why: str) -> None:
        """Note that the value at `path` cannot be used: a conflict if it changes predictions."""
        if changes_numbers(path):
            self.conflict(path, why)
        else:
            self.ignore(path, why)

    def ignore(self, path: str, why: str) -> None:
        """Note that `path` has no effect."""
        self._say(self.ignored, path, why)

    def settle(self, path: str) -> None:
        """Mark all paths under `path` as settled."""
        self._settled.add(path)

    def _say(self, lines: list[str], path: str, text: str, joint: str = ": ") -> None:
        self.settle(path)
        value = self.get(path)
        value_text = f" ({value})" if isinstance(value, Unreadable) else ""
        if not value_text and value is not ABSENT:
            value_text = f" = {shown(value)}"
        line = f"{path}{value_text}{joint}{text}"
        if line not in lines and len(lines) < _MOST_LINES:
            lines.append(line)
        elif len(lines) == _MOST_LINES:
            lines.append("and more that is not listed")

    def unsettled(self) -> Iterator[tuple[str, Any]]:
        """Every plain value that is not settled, with its path."""
        yield from self._unsettled(self.values, "")

    def _unsettled(self, value: Any, path: str) -> Iterator[tuple[str, Any]]:
        if path in self._settled:
            return
        if isinstance(value, Mapping) and value:
            for key, item in value.items():
                yield from self._unsettled(item, f"{path}.{key}".lstrip("."))
        elif isinstance(value, list | tuple) and any(isinstance(v, dict) for v in value):
            for i, item in enumerate(value):
                yield from self._unsettled(item, f"{path}.{i}")
        else:
            yield path, value


def is_number(value: Any) -> bool:
    """Return whether `value` is a finite number, and no bool."""
    return isinstance(value, int | float) and type(value) is not bool and math.isfinite(value)


def is_equal(value: Any, expected: Any) -> bool:
    """Return whether values are equal, ignoring list or tuple, and the package of a class name."""
    if is_number(value) and is_number(expected):
        return math.isclose(value, expected, rel_tol=1e-6)
    if isinstance(value, list | tuple) and isinstance(expected, list | tuple):
        pairs = list(zip(value, expected, strict=False))
        return len(value) == len(expected) and all(is_equal(v, e) for v, e in pairs)
    if isinstance(value, str) and isinstance(expected, str):
        return value == expected or value.rpartition(".")[2] == expected
    return type(value) is type(expected) and bool(value == expected)


def _one_of(allowed: tuple[Any, ...]) -> str:
    return " or ".join(shown(a) for a in allowed)

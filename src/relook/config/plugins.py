"""Which code of users a configuration may name, and how a name becomes an object.

A configuration, and so a model file, can name parts that are not relook's. Naming runs nothing: a
package is imported only when the caller allows it by its name, or has handed over the object.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from ..errors import ModelError

_allowed: Final[ContextVar[frozenset[str]]] = ContextVar("allowed", default=frozenset())
_handed_over: Final[dict[str, Any]] = {}


@contextmanager
def allowing(packages: Iterable[str]) -> Iterator[None]:
    """Inside, parts of `packages` (``"my_package"``, with what is in it) may be imported."""
    token = _allowed.set(_allowed.get() | frozenset(packages))
    try:
        yield
    finally:
        _allowed.reset(token)


def allowed() -> tuple[str, ...]:
    """The packages whose parts may be imported here, for a process that does part of the work."""
    return tuple(sorted(_allowed.get()))


def hand_over(factory: Any) -> str:
    """The name of an object, ``"package.module:Name"``, which means it in this process now."""
    name = f"{factory.__module__}:{factory.__qualname__}"
    _handed_over[name] = factory
    return name


def named(target: str) -> Any:
    """The object called `target`, ``"package.module:Name"``.

    Raises:
        ModelError: M08 when its package is not allowed, or it is not there.
    """
    if target in _handed_over:
        return _handed_over[target]
    module, _, name = target.partition(":")
    package = module.partition(".")[0]
    if not any(module == one or module.startswith(f"{one}.") for one in _allowed.get()):
        raise ModelError(
            "M08",
            f"the part {target} is not relook's, and using it runs the code of {module}. If you "
            f"trust that code, allow it: --allow {package}, or allow=[{package!r}] in Python.",
        )
    try:
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise ModelError(
            "M08",
            f"the part {target} is not there ({type(error).__name__}: {error}). Install the "
            "package that has it, or start where it can be imported (PYTHONPATH).",
        ) from error
    return found

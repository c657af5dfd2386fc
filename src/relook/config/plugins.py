"""Users' code that a configuration may name, and its import.

A configuration, and so a model file, can name parts that are not relook's. A name alone runs no
code: a package is imported only when the caller allows it by name, or has passed the object.
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
    """Allow imports of parts of `packages` (``"my_package"``, with submodules) in this context."""
    token = _allowed.set(_allowed.get() | frozenset(packages))
    try:
        yield
    finally:
        _allowed.reset(token)


def allowed() -> tuple[str, ...]:
    """The packages whose parts may be imported in this context; passed on to worker processes."""
    return tuple(sorted(_allowed.get()))


def hand_over(factory: Any) -> str:
    """Register an object; return its name, ``"package.module:Name"``, valid in this process."""
    name = f"{factory.__module__}:{factory.__qualname__}"
    _handed_over[name] = factory
    return name


def named(target: str) -> Any:
    """The object called `target`, ``"package.module:Name"``.

    Raises:
        ModelError: M08 when its package is not allowed, or the object does not exist.
    """
    if target in _handed_over:
        return _handed_over[target]
    module, _, name = target.partition(":")
    package = module.partition(".")[0]
    if not any(
        module == package_name or module.startswith(f"{package_name}.")
        for package_name in _allowed.get()
    ):
        raise ModelError(
            "M08",
            f"the part {target} is not relook's, and using it runs the code of {module}. If you "
            f"trust that code, allow it: --allow {package}, or allow=[{package!r}] in Python.",
        )
    try:
        value = importlib.import_module(module)
        for part in name.split("."):
            value = getattr(value, part)
    except Exception as error:
        raise ModelError(
            "M08",
            f"the part {target} is not there ({type(error).__name__}: {error}). Install the "
            "package that has it, or start where it can be imported (PYTHONPATH).",
        ) from error
    return value

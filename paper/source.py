"""Lines of relook's source, found when the page is built."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Lines:
    """Which lines: those of `target`, ``package.module:Name.method``, without its docstring.

    With `first`, from the one line that has these words; with `last`, up to the next line that has
    those.
    """

    target: str
    first: str = ""
    last: str = ""

    def read(self) -> Excerpt:
        """The lines as they are now.

        Raises:
            LookupError: when the target is gone, or its words are in no line or, the first, in
                several: the page must then be told where the formula went.
        """
        found = inspect.unwrap(resolve(self.target))  # of what decorates it
        lines, start = inspect.getsourcelines(found)
        body = self._only(lines) if self.first else _after_docstring(lines)
        head = [] if self.first else lines[: _signature_end(lines)]
        ends = [i for i in range(body, len(lines)) if self.last in lines[i]]
        if not ends:
            raise LookupError(f"{self.target}: no line with {self.last!r} after the first")
        end = ends[0] + 1 if self.last else len(lines)
        path = Path(inspect.getsourcefile(found) or "").resolve().relative_to(ROOT)
        text = textwrap.dedent("".join([*head, *lines[body:end]])).rstrip()
        return Excerpt(path.as_posix(), start + (body if self.first else 0), text)

    def _only(self, lines: list[str]) -> int:
        found = [i for i, line in enumerate(lines) if self.first in line]
        if len(found) != 1:
            raise LookupError(f"{self.target}: {len(found)} lines with {self.first!r}")
        return found[0]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Source text and where it stands."""

    path: str  # from the root of the repository
    line: int
    text: str


def resolve(target: str) -> Any:
    """The object called ``package.module:Name.method``.

    Raises:
        LookupError: when there is none.
    """
    module, _, name = target.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = inspect.getattr_static(found, part)
    except (ImportError, AttributeError) as error:
        raise LookupError(f"{target} is not there: {error}") from None
    return found.fget if isinstance(found, property) else found


def _signature_end(lines: list[str]) -> int:
    """How many lines there are before the body."""
    return _body(lines)[0].lineno - 1


def _after_docstring(lines: list[str]) -> int:
    body = _body(lines)
    first = body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(body) > 1:
        return first.end_lineno or 0
    return first.lineno - 1


def _body(lines: list[str]) -> list[ast.stmt]:
    tree = ast.parse(textwrap.dedent("".join(lines)))
    function = tree.body[0]
    assert isinstance(function, (ast.FunctionDef, ast.ClassDef))
    return function.body

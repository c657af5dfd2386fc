"""Configuration files of MMDetection 2.x and 3.x, read by their syntax tree, never executed.

Both forms of inheritance are supported: ``_base_`` with its ``_delete_``, and the newer
``with read_base(): from .file import *``. A value that needs the file to be run is an `Unreadable`
in the values, with a note.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ...errors import DataError
from .carrying_over import Carried, carry_over
from .inheritance import inherited
from .literals import Expressions
from .static_python import LONGEST_SOURCE, Interpreter, parse
from .unreadable import Budget, Unreadable, plain

__all__ = ["Carried", "MMDetConfig", "carry_over", "config_from_text", "read_mmdet_config"]

MOST_FILES: Final = 50

_PATH_LINE = re.compile(r"[^\s=()\[\]{}'\"#]+\.py")


@dataclass(frozen=True, slots=True)
class MMDetConfig:
    """Settings of a configuration file and its bases.

    `values` is plain data, with an `Unreadable` where a value needs running code; `files` are all
    files that were read, the file itself first; `notes` has a line for every statement that was
    left out and every value that could not be read, with file and line.
    """

    values: dict[str, Any]
    files: tuple[Path, ...]
    notes: tuple[str, ...]


def read_mmdet_config(path: str | Path) -> MMDetConfig:
    """The configuration at `path`, with its bases.

    Raises:
        DataError: D01 when it or one of its bases is missing, D14 when one is not UTF-8 Python
            text, is too large, nests too deeply, or inherits from itself.
    """
    reader = _Reader()
    values = reader.read(Path(path))
    return MMDetConfig(values, tuple(reader.files), tuple(reader.notes))


def config_from_text(text: str, where: str = "the configuration in the checkpoint") -> MMDetConfig:
    """The configuration in the text of a checkpoint, with its bases.

    The oldest checkpoints have the sources of all bases one after another, each under a line with
    its path; these are merged in that order.

    Raises:
        DataError: D14 when the text is not Python, too long, or refers to other files.
    """
    reader = _Reader()
    values: dict[str, Any] = {}
    parts = _sources(text)
    for number, source in enumerate(parts):
        tree = parse(source, where)
        base_node, statements = _split_base(tree.body)
        if base_node is not None and len(parts) == 1:
            raise DataError(
                "D14",
                f"{where}: it inherits from other files (_base_), which a text does not bring "
                "along. Give the configuration file itself.",
            )
        expressions = Expressions(where, reader.budget, bases=values)
        changes = reader.follow(Interpreter(expressions), statements)
        values = inherited(values, changes, reader.budget, where) if number else changes
    return MMDetConfig(inherited({}, values, reader.budget, where), (), tuple(reader.notes))


@dataclass(slots=True)
class _Reader:
    """Reader of a file and of its bases."""

    budget: Budget = field(default_factory=Budget)
    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _reading: list[Path] = field(default_factory=list)
    _count: int = 0

    def read(self, path: Path) -> dict[str, Any]:
        """The values of the file at `path`, merged with those of its bases."""
        path = _existing(path, "")
        if path in self._reading:
            chain = " -> ".join(p.name for p in [*self._reading, path])
            raise DataError("D14", f"{path}: the configuration inherits from itself: {chain}.")
        self._count += 1
        if self._count > MOST_FILES:
            raise DataError("D14", f"{path}: more than {MOST_FILES} files inherit from each other.")
        if path not in self.files:
            self.files.append(path)
        self._reading.append(path)
        try:
            return self._read(path)
        finally:
            self._reading.pop()

    def follow(self, interpreter: Interpreter, statements: list[ast.stmt]) -> dict[str, Any]:
        """Return the assignments of `statements` as plain data."""
        where = interpreter.expressions.where
        interpreter.run(statements)
        self.notes += interpreter.expressions.notes
        kept = {k: v for k, v in interpreter.names.items() if not k.startswith("__")}
        result: dict[str, Any] = plain(kept, self.budget, where)
        return result

    def _read(self, path: Path) -> dict[str, Any]:
        base_node, statements = _split_base(parse(_source(path), path.name).body)
        predefined = {
            "fileDirname": str(path.parent),
            "fileBasename": path.name,
            "fileBasenameNoExtension": path.stem,
            "fileExtname": path.suffix,
        }
        bases: dict[str, Any] = {}
        if base_node is not None:
            reading = Expressions(path.name, self.budget, predefined=predefined)
            for name in _base_names(reading.value(base_node), path):
                self._add_base(bases, path, name)
        expressions = Expressions(path.name, self.budget, bases, predefined)
        interpreter = Interpreter(expressions, lambda dots, name: self._module(path, dots, name))
        changes = self.follow(interpreter, statements)
        return inherited(bases, changes, self.budget, path.name)

    def _add_base(self, bases: dict[str, Any], path: Path, name: str) -> None:
        values = self.read(_base_file(path, name))
        if twice := sorted(bases.keys() & values.keys()):
            raise DataError(
                "D14",
                f"{path}: two of its bases set {', '.join(twice[:5])}, and it is not clear which "
                "counts; MMDetection refuses that, too.",
            )
        bases.update(values)

    def _module(self, path: Path, dots: int, name: str) -> dict[str, Any]:
        if dots == 0 or not name:
            raise DataError(
                "D01",
                f"{path}: it inherits from the installed package {name or 'it is in'}. Only files "
                "next to it are read: copy that one and name it with a relative import.",
            )
        up = "../" * (dots - 1)
        return self.read(_existing(path.parent / (up + name.replace(".", "/") + ".py"), path.name))


def _sources(text: str) -> list[str]:
    """The text in parts, divided at lines that have only the path of a file.

    Lines keep their number in the whole text.
    """
    parts: list[list[str]] = [[]]
    for number, line in enumerate(text[: LONGEST_SOURCE + 1].splitlines()):
        if _PATH_LINE.fullmatch(line.strip()) and len(parts) < MOST_FILES:
            parts.append(["\n" * number])
        else:
            parts[-1].append(line)
    return ["\n".join(part) for part in parts if any(map(str.strip, part))] or [""]


def _split_base(statements: list[ast.stmt]) -> tuple[ast.expr | None, list[ast.stmt]]:
    """Return the value of ``_base_``, and the other statements."""
    base_node: ast.expr | None = None
    remaining: list[ast.stmt] = []
    for statement in statements:
        match statement:
            case ast.Assign(targets=[ast.Name("_base_")], value=value):
                base_node = value
            case _:
                remaining.append(statement)
    return base_node, remaining


def _base_names(value: Any, path: Path) -> list[str]:
    names = [value] if isinstance(value, str) else value
    if isinstance(names, Unreadable) or not isinstance(names, list | tuple):
        raise DataError("D14", f"{path}: _base_ must be a path or a list of paths; got {value}.")
    for name in names:
        if not isinstance(name, str):
            raise DataError("D14", f"{path}: _base_ must hold paths only; got {name}.")
    return list(names)


def _base_file(path: Path, name: str) -> Path:
    if "::" in name or "://" in name or Path(name).is_absolute():
        raise DataError(
            "D01",
            f"{path}: its base {name!r} is not given by a relative path. Only files near it are "
            "read: copy that one next to it and change _base_. A checkpoint of MMDetection carries "
            "the merged text of its configuration: import it without --config.",
        )
    return _existing(path.parent / name, path.name)


def _existing(path: Path, asked_by: str) -> Path:
    """The absolute path of a Python file that exists."""
    asker = f" (a base of {asked_by})" if asked_by else ""
    try:
        exists = path.is_file()
        result = path.resolve()
    except (OSError, RuntimeError, ValueError):
        exists = False
    if not exists:
        raise DataError("D01", f"{str(path)!r}{asker}: no such configuration file.")
    if result.suffix != ".py":
        raise DataError(
            "D14", f"{path}{asker}: only configurations in Python syntax (.py) are read."
        )
    return result


def _source(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_SOURCE + 1)
        if len(content) > LONGEST_SOURCE:
            raise DataError("D14", f"{path}: larger than {LONGEST_SOURCE} bytes; no config is.")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise DataError("D01", f"{path}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError as error:
        raise DataError("D14", f"{path}: not UTF-8 text (byte {error.start}).") from None

"""Interpreter of the assignments of Python source by its syntax tree; nothing is executed.

Its work is bounded: a file can neither run code, nor take long, nor fill the memory.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ...errors import DataError
from .inheritance import inherited
from .literals import Expressions, described, has_item
from .unreadable import Unreadable

LONGEST_SOURCE: Final = 1 << 20  # characters

Modules = Callable[[int, str], dict[str, Any]]
"""(number of dots, name) of a relative import -> the assignments of that module."""


def parse(source: str, where: str) -> ast.Module:
    """The syntax tree of `source`.

    Raises:
        DataError: D14 for text that is not Python, or too long or deeply nested to be read.
    """
    if len(source) > LONGEST_SOURCE:
        raise DataError("D14", f"{where}: longer than {LONGEST_SOURCE} bytes; no configuration is.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # for example of wrong escapes in strings
            return ast.parse(source)
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        raise DataError("D14", f"{where}{line}: not Python syntax ({error.msg}).") from None
    except ValueError as error:
        raise DataError("D14", f"{where}: not Python syntax ({error}).") from None
    except (RecursionError, MemoryError):
        raise DataError("D14", f"{where}: nested too deeply to be read.") from None


@dataclass(slots=True)
class Interpreter:
    """Interpreter of the statements of one file; the assigned names are in `expressions`.

    `modules` reads the imports under ``with read_base():``; without it they are left out.
    """

    expressions: Expressions
    modules: Modules | None = None
    _updates_in_depth: bool = False  # in files with read_base(), `update` merges

    @property
    def names(self) -> dict[str, Any]:
        """Return the names assigned so far."""
        return self.expressions.names

    def run(self, statements: list[ast.stmt]) -> None:
        """Interpret `statements` in order.

        Raises:
            DataError: D14 for values that expand or nest without bound; else as `modules`.
        """
        for statement in statements:
            self._follow(statement)

    def _follow(self, statement: ast.stmt) -> None:
        value = self.expressions.value
        match statement:
            case ast.Assign():
                assigned = value(statement.value)
                for target in statement.targets:
                    self._assign(target, assigned)
            case ast.AnnAssign(value=ast.expr() as given):
                self._assign(statement.target, value(given))
            case ast.AugAssign():
                pair = ast.BinOp(statement.target, statement.op, statement.value)
                self._assign(statement.target, value(ast.copy_location(pair, statement)))
            case ast.Expr(value=ast.Constant()) | ast.Pass() | ast.AnnAssign(value=None):
                pass
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr="update" | "merge")) as call):
                self._update(call)
            case ast.Delete(targets=[ast.Name(id=name)]) if name in self.names:
                del self.names[name]
            case ast.With(items=[ast.withitem(context_expr=ast.Call(func=ast.Name("read_base")))]):
                self._updates_in_depth = True
                for inner in statement.body:
                    self._read_base(inner)
            case ast.Import() | ast.ImportFrom():
                self._leave_out_import(statement)
            case _:
                self._leave_out(statement)

    def _read_base(self, statement: ast.stmt) -> None:
        if not isinstance(statement, ast.ImportFrom) or self.modules is None:
            self._leave_out(statement)
            return
        assigned = self.modules(statement.level, statement.module or "")
        for alias in statement.names:
            if alias.name == "*":
                self.names.update({k: v for k, v in assigned.items() if not k.startswith("_")})
            elif alias.name in assigned:
                self.names[alias.asname or alias.name] = assigned[alias.name]
            else:
                missing = f"{alias.name}, which {statement.module} does not assign,"
                unknown = self.expressions.unreadable(statement, missing)
                self.names[alias.asname or alias.name] = unknown

    def _leave_out_import(self, statement: ast.Import | ast.ImportFrom) -> None:
        names = [alias.asname or alias.name for alias in statement.names]
        for name in names:
            self.names.pop(name, None)
        self.expressions.imported.update(names)
        self.expressions.note(statement, f"the import of {', '.join(names)[:200]} was left out")

    def _leave_out(self, statement: ast.stmt) -> None:
        """Mark all names that the statement may assign as unknown."""
        unknown = self.expressions.unreadable(statement, described(statement))
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
                self.names[node.id] = unknown
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self.names[node.name] = unknown

    def _assign(self, target: ast.expr, value: Any) -> None:
        match target:
            case ast.Name():
                self.names[target.id] = value
            case ast.Tuple() | ast.List():
                self._unpack(target, value)
            case ast.Attribute() | ast.Subscript():
                container = self.expressions.value(target.value)
                key = self.expressions.key(target)
                new = isinstance(container, dict) and isinstance(key, str | int)
                if new or (isinstance(container, list) and has_item(container, key)):
                    container[key] = value
                else:
                    self._note_left_out(target)
            case _:
                self._note_left_out(target)

    def _unpack(self, target: ast.Tuple | ast.List, value: Any) -> None:
        parts = value
        if not isinstance(value, list | tuple) or len(value) != len(target.elts):
            unknown = self.expressions.unreadable(target, "the unpacking of a value")
            parts = [unknown] * len(target.elts)
        for inner, part in zip(target.elts, parts, strict=True):
            if isinstance(inner, ast.Starred):
                inner, part = inner.value, self.expressions.unreadable(inner, "unpacking with *")
            self._assign(inner, part)

    def _update(self, call: ast.Call) -> None:
        assert isinstance(call.func, ast.Attribute)
        target = self.expressions.value(call.func.value)
        keywords = ast.Call(ast.Name("dict", ast.Load()), [], call.keywords)
        arguments = [*call.args, ast.copy_location(keywords, call)]
        changes = [self.expressions.value(node) for node in arguments]
        if isinstance(target, Unreadable) or not all(isinstance(c, dict) for c in changes):
            self._note_left_out(call)
            return
        if not isinstance(target, dict):
            self._note_left_out(call)
            return
        where, budget = self.expressions.at(call), self.expressions.budget
        for change in changes:
            budget.spend(len(change), where)
            if self._updates_in_depth:
                change = inherited(target, change, budget, where)
            target.update(change)

    def _note_left_out(self, node: ast.AST) -> None:
        self.expressions.note(node, f"{described(node)} was left out: its effect is not known")

"""The modules of relook that predict from an ONNX file, found by following imports.

They are all that `ROOTS` reach, also by imports inside of functions, and that can be imported
without `HEAVY` packages. The walk reads the sources and imports nothing. Imports for type checkers
(``if TYPE_CHECKING``) do not count.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

SOURCES: Final = Path(__file__).resolve().parents[1] / "src"
ROOTS: Final = (
    "relook",
    "relook.__main__",
    "relook.api",
    "relook.cli.onnx_app",
    "relook.export.session",
    "relook.inference.batch.run",
    "relook.inference.predictor",
    "relook.inference.writers.single",
)
HEAVY: Final = frozenset(
    ["torch", "torchvision", "lightning", "safetensors", "onnx", "onnxscript", "hotcoco"]
)
LEFT_OUT: Final = ("relook.interop", "relook.cli.app")
"""Rooms that are reached, and that have nothing to do with ONNX files."""


def chosen(roots: tuple[str, ...] = ROOTS) -> set[str]:
    """Names of the modules, packages that they are in among them."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in found or name.startswith(LEFT_OUT) or reached(name) & HEAVY:
            continue
        found.add(name)
        waiting += sorted(set(imports(name, inside=True)) & set(modules()))
    parents = {parent for name in found for parent in _parents(name)}
    return found | parents


def required(names: set[str]) -> set[str]:
    """Packages of others that modules of these `names` import when they are imported."""
    return _packages(names, inside=False)


def possible(names: set[str]) -> set[str]:
    """Packages of others that modules of these `names` import in functions only."""
    return _packages(names, inside=True) - required(names)


def _packages(names: set[str], *, inside: bool) -> set[str]:
    found = {other.split(".")[0] for name in names for other in imports(name, inside=inside)}
    return found - set(sys.stdlib_module_names) - {"relook"}


@cache
def reached(name: str) -> frozenset[str]:
    """Modules, and packages of others, that an import of the module `name` imports."""
    found: set[str] = set()
    waiting = [name, *_parents(name)]
    while waiting:
        module = waiting.pop()
        if module in found:
            continue
        found.add(module)
        if module in modules():
            others = imports(module, inside=False)
            waiting += [*others, *(parent for other in others for parent in _parents(other))]
    return frozenset(module if module in modules() else module.split(".")[0] for module in found)


@cache
def modules() -> dict[str, Path]:
    """Name -> file of every module."""
    found = {}
    for path in SOURCES.rglob("*.py"):
        parts = list(path.relative_to(SOURCES).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(name: str, *, inside: bool) -> tuple[str, ...]:
    """Modules that the module `name` imports, with `inside` also in its functions."""
    path = modules()[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return tuple(_imported(_tree(path), package, inside))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _imported(node: ast.AST, package: str, inside: bool) -> Iterator[str]:
    children = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not inside:
        return
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        children = list(node.orelse)
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, *([base] if base else [])])
        for alias in node.names:
            yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in modules() else base
    for child in children:
        yield from _imported(child, package, inside)


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]

"""Write the pages of names: signatures and docstrings, read from the source.

`reference_page` has what `relook.__all__` lists, and the other functions and classes that the pages
in `docs/` name by their full path; `settings_page` has every field of a configuration. Signatures
are taken from the source text, so that they are the same with every version of Python and PyTorch.
`scripts/write_documents.py` writes both pages.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from functools import reduce
from importlib import import_module
from typing import Any

import relook
from relook.config.base import fields_of, parts_in
from relook.config.model import ModelConfig
from relook.training.recipe import Recipe

# What values mean that are neither functions nor classes, and so have no docstring.
MEANINGS = {
    "relook.PRESETS": "Every named [model](models.md#architectures): its configuration, one line"
    " about it, and what was published.",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def reference_page(pages: Iterable[str]) -> str:
    """The page of public names as Markdown; `pages` are the texts that may name others."""
    others = named_in(pages)
    parts = [
        "# Reference",
        "Signatures and docstrings, written from the source by `scripts/write_documents.py`."
        " [The Python interface](python.md) explains how the names work together, and"
        " [settings](settings.md) lists the fields of configurations.",
        "## The public interface",
        "These are the names in `relook.__all__`. They are stable: what changes in them stands in"
        " the changelog.",
    ]
    for name in relook.__all__:
        if name != "__version__":
            parts += entry(f"relook.{name}", getattr(relook, name))
    parts += [
        "`relook.__version__` is the version, a text.",
        "## Other names in the documentation",
        "The other pages name these functions and classes by their full path. They are not part of"
        " the stable interface: a new version may move or change them.",
    ]
    for name, thing in others.items():
        parts += entry(name, thing)
    return "\n\n".join(parts) + "\n"


def settings_page() -> str:
    """The page of settings as Markdown: the fields of a model and of a training."""
    parts = [
        "# Settings",
        "Every field of a model and of a training with its default, written from the source by"
        " `scripts/write_documents.py`. A field is changed with `--set` on the command line, in a"
        " YAML file (`--config`), or with `with_` in Python:",
        "```sh\nrelook train --model htc-tiny --set model.pyramid.channels=128"
        " --set train.epochs=20 --train-json train.json --images images/\n```",
        "A preset has values of its own; `relook show NAME --as yaml --full` prints all of them.",
    ]
    for root, kind, title in (("model", ModelConfig, "Model"), ("train", Recipe, "Training")):
        parts.append(f"## {title}")
        for path, config in configurations(root, kind):
            parts += [
                f"### {path}: {config.__name__}",
                markdown(inspect.getdoc(config) or ""),
                code("\n".join(fields(config))),
            ]
    return "\n\n".join(part for part in parts if part) + "\n"


def configurations(path: str, kind: type) -> Iterator[tuple[str, type]]:
    """`kind` and all configurations and rules below it, each once, with the path of the first
    place."""
    seen: set[type] = set()
    pending = [(path, kind)]
    while pending:
        path, kind = pending.pop(0)
        if kind in seen:
            continue
        seen.add(kind)
        yield path, kind
        for field in fields_of(kind):
            pending += [(f"{path}.{field}", one) for one in reversed(parts_in(kind, field))]


def named_in(pages: Iterable[str]) -> dict[str, Any]:
    """Functions and classes that `pages` name by their full path, sorted by that path."""
    names = {name for page in pages for name in re.findall(r"\brelook(?:\.\w+){2,}", page)}
    found = {name: thing for name in sorted(names) if (thing := _resolved(name)) is not None}
    public = [getattr(relook, name) for name in relook.__all__]
    return {
        name: thing
        for name, thing in found.items()
        if (inspect.isclass(thing) or inspect.isfunction(thing))
        and not any(thing is one for one in public)
    }


def _resolved(name: str) -> Any:
    """What a dotted name is: None for a module and for a name that is not there."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        try:
            module = import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        try:
            return reduce(getattr, parts[end:], module)
        except AttributeError:
            return None
    return None


def entry(name: str, thing: Any) -> list[str]:
    """Heading, signature and docstring of a public name, with the methods of a class."""
    parts = [f"### {name}"]
    if inspect.isclass(thing):
        return parts + _class(name, thing)
    if inspect.isroutine(thing):
        return [
            *parts,
            code(signature(definition(thing), source(thing))),
            markdown(inspect.getdoc(thing) or ""),
        ]
    return [*parts, code(_constant(name)), MEANINGS[name]]


def _class(name: str, kind: type) -> list[str]:
    """Fields and constructor as a block, the docstring, then each public method with its own."""
    node = definition(kind)
    rows = fields(kind)
    for method in _methods(node):
        if method.name == "__init__":
            rows += signature(method, source(kind)).splitlines()
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    head = f"class {node.name}" + (f"({bases})" if bases else "") + (":" if rows else "")
    parts = [code("\n".join([head, *(f"    {row}" for row in rows)]))]
    parts.append(markdown(inspect.getdoc(kind) or ""))
    for method, text in _public_methods(kind):
        parts += [f"#### {name.rpartition('.')[2]}.{method.name}", code(signature(method, text))]
        parts.append(markdown(ast.get_docstring(method) or ""))
    return [part for part in parts if part]


def _public_methods(kind: type) -> Iterator[tuple[Function, str]]:
    """Public methods and properties of a class and of its bases in relook, each once, and the
    text in which each stands."""
    seen = set()
    for owner in kind.__mro__:
        if owner.__module__.startswith("relook."):
            for method in _methods(definition(owner)):
                if not method.name.startswith("_") and method.name not in seen:
                    seen.add(method.name)
                    yield method, source(owner)


def _methods(node: ast.ClassDef) -> Iterator[Function]:
    """Functions of a class as they are called: no overloads, no setters."""
    for method in node.body:
        if isinstance(method, Function):
            marks = {ast.unparse(mark) for mark in method.decorator_list}
            if "overload" not in marks and not any(mark.endswith(".setter") for mark in marks):
                yield method


def _constant(name: str) -> str:
    """Annotation of a public value, from the module that defines it."""
    short = name.rpartition(".")[2]
    text = inspect.getsource(relook)
    (home,) = re.findall(rf"^ +from (\S+) import {short} as {short}$", text, re.MULTILINE)
    for node in ast.parse(inspect.getsource(import_module(home, "relook"))).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == short:
            return f"{short}: {ast.unparse(node.annotation)}"
    raise ValueError(f"{name} has no annotation")


def definition(thing: Any) -> Any:
    """The syntax tree of a function or class."""
    return ast.parse(source(thing)).body[0]


def source(thing: Any) -> str:
    """The text that defines a function or class, without indentation."""
    return textwrap.dedent(inspect.getsource(inspect.unwrap(thing)))


def signature(node: Function, text: str) -> str:
    """The head of a function as it is written in `text`, up to its body."""
    first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
    lines = text.splitlines()[first - 1 : node.body[0].lineno - 1]
    return textwrap.dedent("\n".join(lines)).rstrip().removesuffix(":")


def fields(kind: type) -> list[str]:
    """Lines that declare the public fields of a class and of its bases in relook, each field once,
    with what is said about it."""
    found: dict[str, list[str]] = {}
    for owner in reversed(kind.__mro__):
        if owner.__module__.startswith("relook."):
            found |= _own_fields(definition(owner), source(owner).splitlines())
    return [line for lines in found.values() for line in lines]


def _own_fields(node: ast.ClassDef, lines: list[str]) -> dict[str, list[str]]:
    out = {}
    for statement, after in zip(node.body, [*node.body[1:], None], strict=True):
        if not isinstance(statement, ast.AnnAssign):
            continue
        name = ast.unparse(statement.target)
        if name.startswith("_") or ast.unparse(statement.annotation).startswith("ClassVar"):
            continue
        text = "\n".join(lines[statement.lineno - 1 : statement.end_lineno])
        out[name] = textwrap.dedent(text).splitlines()
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            said = inspect.cleandoc(str(after.value.value))
            out[name] += [f"# {line}".rstrip() for line in said.splitlines()]
    return out


def code(text: str) -> str:
    """`text` as a block of Python."""
    return f"```python\n{text}\n```"


def markdown(docstring: str) -> str:
    """A docstring as Markdown: sections such as "Raises:" become lists."""
    out: list[str] = []
    for block in docstring.split("\n\n"):
        head, _, rest = block.partition("\n")
        if re.fullmatch(r"[A-Z]\w+:", head) and rest.startswith("    "):
            items = re.split(r"\n(?=\S)", textwrap.dedent(rest))
            out += [head, "\n".join(_item(one) for one in items)]
        elif block.startswith("    "):
            out.append(f"```text\n{textwrap.dedent(block)}\n```")
        else:
            out.append(_escaped(re.sub(r"::$", ":", block)))
    return "\n\n".join(out)


def _item(text: str) -> str:
    name, colon, meaning = " ".join(text.split()).partition(": ")
    return f"- `{name}`: {_escaped(meaning)}" if colon else f"- {_escaped(name)}"


def _escaped(text: str) -> str:
    """`text` with what Markdown would take for markup escaped, outside of code."""
    pieces = re.split(r"(``.*?``|`[^`]*`)", text, flags=re.DOTALL)
    return "".join(
        piece if i % 2 else re.sub(r"([*<\[])", r"\\\1", piece) for i, piece in enumerate(pieces)
    )

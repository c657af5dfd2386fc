"""Small changes of Python source, each of which a test should notice: mutants.

Operators, constants, names of opposite functions and statements are changed, one at a time. What
only people read stays as it is: docstrings, messages, annotations.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import Final, NamedTuple

_COMPARED: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_COMPUTED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_OPPOSITE: Final = {
    "min": "max",
    "max": "min",
    "minimum": "maximum",
    "maximum": "minimum",
    "amin": "amax",
    "amax": "amin",
    "floor": "ceil",
    "ceil": "floor",
    "round": "floor",
    "any": "all",
    "all": "any",
    "argmin": "argmax",
    "argmax": "argmin",
    "sum": "mean",
    "mean": "sum",
    "exp": "log",
    "zeros": "ones",
    "ones": "zeros",
    "zeros_like": "ones_like",
    "ones_like": "zeros_like",
}


class Mutant(NamedTuple):
    """One change: where it is, what it says, and the whole source with it."""

    line: int
    change: str  # "a < b -> a <= b"
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Yield every mutant of `source`, in the order of its lines."""
    tree = ast.parse(source)
    places = list(_places(tree))
    for number, node in enumerate(places):
        for variant in range(len(_variants(node))):
            changed = copy.deepcopy(tree)
            place = list(_places(changed))[number]
            before = _text(place)
            _apply(changed, place, variant)
            after = ast.unparse(ast.fix_missing_locations(changed))
            if after != ast.unparse(tree):
                said = _variants(node)[variant]
                yield Mutant(getattr(node, "lineno", 0), f"{before}  ->  {said}", after)


def _places(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes that compute something, without what only people and type checkers read."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom | ast.Assert):
            continue
        if _variants(node):
            yield node
        skipped: set[int] = set()
        for name in ("annotation", "returns", "decorator_list", "bases", "keywords"):
            value = getattr(node, name, None)
            if name == "keywords" and not isinstance(node, ast.ClassDef):
                continue
            values = value if isinstance(value, list) else [value]
            skipped |= {id(one) for one in values if one is not None}
        children = [c for c in ast.iter_child_nodes(node) if id(c) not in skipped]
        pending.extend(reversed(children))


def _variants(node: ast.AST) -> list[str]:
    """What a node can become, in words."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in _COMPARED:
            return [_text(_compared(node, kind)) for kind in _COMPARED[type(op)]]
        case ast.BinOp(op=op) if type(op) in _COMPUTED and not _is_text(node):
            other = ast.BinOp(node.left, _COMPUTED[type(op)](), node.right)
            return [_text(other)]
        case ast.AugAssign(op=op) if type(op) in _COMPUTED:
            return [_text(ast.AugAssign(node.target, _COMPUTED[type(op)](), node.value)), "pass"]
        case ast.BoolOp(op=ast.And()):
            return [_text(ast.BoolOp(ast.Or(), node.values))]
        case ast.BoolOp(op=ast.Or()):
            return [_text(ast.BoolOp(ast.And(), node.values))]
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            return [_text(node.operand)]
        case ast.IfExp():
            return [_text(node.body), _text(node.orelse)]
        case ast.Expr(value=ast.Call()):
            return ["pass"]
    return _other_values(node)


def _other_values(node: ast.AST) -> list[str]:
    match node:
        case ast.Constant(value=bool() as value):
            return [str(not value)]
        case ast.Constant(value=int() | float() as value):
            return [repr(value + 1)]
        case ast.Attribute(attr=name) if name in _OPPOSITE:
            return [_text(ast.Attribute(node.value, _OPPOSITE[name], node.ctx))]
        case ast.Name(id=name, ctx=ast.Load()) if name in ("min", "max", "any", "all"):
            return [_OPPOSITE[name]]
    return []


def _compared(node: ast.Compare, kind: type[ast.cmpop]) -> ast.Compare:
    return ast.Compare(node.left, [kind()], node.comparators)


def _is_text(node: ast.BinOp) -> bool:
    sides = (node.left, node.right)
    return any(
        isinstance(side, ast.JoinedStr)
        or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in sides
    )


def _text(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 70 else f"{text[:67]}..."


def _apply(tree: ast.AST, place: ast.AST, variant: int) -> None:
    match place:
        case ast.Compare(ops=[op]):
            place.ops = [_COMPARED[type(op)][variant]()]
        case ast.BinOp(op=op):
            place.op = _COMPUTED[type(op)]()
        case ast.AugAssign(op=op) if variant == 0:
            place.op = _COMPUTED[type(op)]()
        case ast.BoolOp(op=op):
            place.op = ast.Or() if isinstance(op, ast.And) else ast.And()
        case ast.UnaryOp():
            _replace(tree, place, place.operand)
        case ast.Constant(value=bool() as value):
            place.value = not value
        case ast.Constant(value=int() | float() as value):
            place.value = value + 1
        case ast.Attribute(attr=name):
            place.attr = _OPPOSITE[name]
        case ast.Name(id=name):
            place.id = _OPPOSITE[name]
        case ast.IfExp():
            _replace(tree, place, place.body if variant == 0 else place.orelse)
        case _:
            _replace(tree, place, ast.Pass())


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list):
                value[:] = [new if one is old else one for one in value]

"""What feeds what in a network that runs: watched calls as nodes, and the edges between them.

Edges are found in PyTorch's own record of the run, which it keeps for gradients, and by the
identity of tensors where there is none. Shapes are enough: it also works on the meta device.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

Shape = tuple[int, ...]
Name = str | Callable[[Sequence[Any]], str]


@dataclass(eq=False, slots=True)
class Node:
    """Something that was given, ran, or came out."""

    name: str
    kind: str  # input, call, operation or output
    shape: Shape = ()  # of its last tensor
    sources: list[Node] = field(default_factory=list)


class Tracer:
    """Collects `nodes` in the order in which they ran.

    `operations` are PyTorch's names of operations that become nodes when they lie on the way, each
    with the name that is shown. Calls in `merged` that feed each other are one node.
    """

    def __init__(
        self, operations: Mapping[str, str] | None = None, merged: Collection[str] = ()
    ) -> None:
        self.nodes: list[Node] = []
        self._operations = operations or {}
        self._merged = merged
        self._made_by: dict[Any, list[Node]] = {}  # by the function that made a tensor
        self._leaves: dict[int, tuple[Tensor, Node]] = {}  # tensors that no function made
        self._open = contextlib.ExitStack()

    def given(self, name: str, *tensors: Tensor) -> None:
        """Tensors that the run starts from, as one node."""
        node = self._new(name, "input", tensors[-1])
        for one in tensors:
            self._keep(one, node)

    def watch(self, module: nn.Module, name: str) -> None:
        """Make every run of `module` a node."""

        def heard(_: nn.Module, given: Any, by_name: Any, out: Any) -> None:
            self._ran(name, (given, by_name), out)

        handle = module.register_forward_hook(heard, with_kwargs=True)
        self._open.callback(handle.remove)

    def watch_call(self, owner: Any, attribute: str, name: Name) -> None:
        """Make every call of ``owner.attribute`` a node; `name` may depend on the arguments.

        A call whose name is empty is none.
        """
        plain = getattr(owner, attribute)

        def watched(*given: Any, **by_name: Any) -> Any:
            out = plain(*given, **by_name)
            self._ran(name if isinstance(name, str) else name(given), (given, by_name), out)
            return out

        self._open.enter_context(mock.patch.object(owner, attribute, watched))

    def result(self, name: str, tensor: Tensor) -> Node:
        """What came out."""
        node = self._new(name, "output", tensor)
        node.sources = self._sources([tensor])
        return node

    def __enter__(self) -> Tracer:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _ran(self, name: str, given: Any, out: Any) -> None:
        outs = list(tensors_in(out))
        if not outs or not name:
            return
        sources = self._sources(tensors_in(given))
        same = [one for one in sources if one.name == name] if name in self._merged else []
        node = same[0] if same else self._new(name, "call", outs[-1])
        node.shape = tuple(outs[-1].shape)
        node.sources += [one for one in sources if one not in node.sources and one is not node]
        for one in outs:
            self._keep(one, node)

    def _new(self, name: str, kind: str, tensor: Tensor) -> Node:
        node = Node(name, kind, tuple(tensor.shape))
        self.nodes.append(node)
        return node

    def _keep(self, tensor: Tensor, node: Node) -> None:
        if tensor.grad_fn is not None:
            self._made_by[tensor.grad_fn] = [node]
            return
        if tensor.is_floating_point():
            tensor.requires_grad_()
        self._leaves[id(tensor)] = tensor, node

    def _sources(self, tensors: Iterator[Tensor] | list[Tensor]) -> list[Node]:
        found: dict[Node, None] = {}
        for one in tensors:
            if id(one) in self._leaves:
                found[self._leaves[id(one)][1]] = None
            elif one.grad_fn is not None:
                found |= dict.fromkeys(self._behind(one.grad_fn))
        return list(found)

    def _behind(self, function: Any) -> list[Node]:
        """The nodes that feed what `function` made."""
        if function in self._made_by:
            return self._made_by[function]
        variable = getattr(function, "variable", None)
        if variable is not None:
            return [self._leaves[id(variable)][1]] if id(variable) in self._leaves else []
        found: dict[Node, None] = {}
        for before, _ in function.next_functions:
            if before is not None:
                found |= dict.fromkeys(self._behind(before))
        nodes = list(found)
        shown = self._operations.get(function.name())
        if shown is not None and nodes:
            shapes = [one.shape for one in nodes]
            node = Node(shown, "operation", max(shapes, key=lambda shape: shape[-2:]), nodes)
            self.nodes.append(node)
            nodes = [node]
        self._made_by[function] = nodes
        return nodes


def tensors_in(values: Any) -> Iterator[Tensor]:
    """All tensors in a nesting of lists, mappings and values with fields."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, Mapping):
        yield from tensors_in(list(values.values()))
    elif isinstance(values, (list, tuple)):
        for one in values:
            yield from tensors_in(one)
    elif dataclasses.is_dataclass(values) and not isinstance(values, type):
        yield from tensors_in([getattr(values, one.name) for one in dataclasses.fields(values)])


def meta(*shape: int) -> Tensor:
    """A tensor that has a shape and no numbers."""
    return torch.empty(shape, device="meta")

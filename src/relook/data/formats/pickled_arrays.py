"""An npy file with a dictionary in it, whose pickle is interpreted and never run.

`numpy.save` of a dictionary is a header and a pickle. The instructions of the pickle are split by
the standard library (`pickletools`) and executed here on plain values: numbers, texts, lists,
dictionaries, and arrays of numbers. Nothing is imported. Objects of all other kinds become
`Opaque`, and are not made.
"""

from __future__ import annotations

import io
import math
import pickletools
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from ...errors import DataError

_MAGIC: Final = b"\x93NUMPY"
_MOST: Final = 2_000_000  # instructions
_KINDS: Final = frozenset("uifb")
_RECONSTRUCT: Final = frozenset(
    {"numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"}
)
_DTYPE: Final = "numpy dtype"


class Opaque:
    """An object that is not made, by the name of its kind."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Array(Opaque):
    """An array before and after its content comes."""

    value: Any = None


def read_pickled_npy(data: bytes, label: str) -> Any:
    """The value that `numpy.save` pickled into the npy file `data`.

    Raises:
        DataError: D03 for what is no such file, is cut off, or has more instructions than one.
    """
    try:
        if not data.startswith(_MAGIC):
            raise ValueError("it does not start as an npy file")
        stream = io.BytesIO(data)
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            _, _, dtype = np.lib.format.read_array_header_1_0(stream)
        else:
            _, _, dtype = np.lib.format.read_array_header_2_0(stream)
        if dtype != np.dtype(object):
            raise ValueError("it holds numbers, not a dictionary")
        value = _Machine().run(stream)
        while isinstance(value, list) and len(value) == 1:  # the array of one object
            value = value[0]
        return _plain(value)
    except Exception as error:  # noqa: BLE001 - on hostile bytes, numpy raises anything
        reason = f"{str(error)[:160] or type(error).__name__}"
        raise DataError(
            "D03", f"{label} is no file that can be read: {reason}. Save it again."
        ) from None


def _plain(value: Any) -> Any:
    """A dictionary with arrays in place of their holders, one level deep."""
    if isinstance(value, dict):
        return {key: _plain_array(item) for key, item in value.items()}
    return _plain_array(value)


def _plain_array(value: Any) -> Any:
    return value.value if isinstance(value, _Array) else value


class _Machine:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self, stream: io.BytesIO) -> Any:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if count >= _MOST:
                raise ValueError(f"its pickle has more than {_MOST:,} instructions")
            if opcode.name == "STOP":
                break
            action = _ACTIONS.get(opcode.name)
            if action is None:
                raise ValueError(f"its pickle has the instruction {opcode.name}")
            action(self, argument)
        value = self.stack.pop()
        return value.value if isinstance(value, _Array) else value

    def mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def marked(self) -> list[Any]:
        items, self.stack = self.stack, self.marks.pop()
        return items

    def pushed(self, count: int) -> list[Any]:
        items = self.stack[len(self.stack) - count :]
        if len(items) < count:
            raise ValueError("its pickle takes values that are not there")
        del self.stack[len(self.stack) - count :]
        return items

    def extend(self, items: list[Any]) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(items)

    def fill(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, dict):
            for key, value in zip(items[::2], items[1::2], strict=True):
                if isinstance(key, str | int | float):
                    target[key] = value

    def name(self) -> None:
        module, name = self.pushed(2)
        self.stack.append(Opaque(f"{module!s:.100} {name!s:.100}"))

    def call(self) -> None:
        callee, arguments = self.pushed(2)
        name = callee.name if isinstance(callee, Opaque) else ""
        if name in _RECONSTRUCT:
            self.stack.append(_Array("array"))
        elif name == _DTYPE and isinstance(arguments, tuple) and isinstance(arguments[0], str):
            self.stack.append(_Kind(arguments[0]))
        else:
            self.stack.append(Opaque(name))

    def build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, _Array) and isinstance(state, tuple) and len(state) == 5:
            target.value = _array(*state[1:])
        elif isinstance(target, _Kind) and isinstance(state, tuple) and len(state) > 1:
            target.order = ">" if state[1] == ">" else "<"


class _Kind(Opaque):
    """A type of numbers: its code, such as u2, and the order of its bytes."""

    order = "<"


def _array(shape: Any, kind: Any, is_fortran: Any, content: Any) -> Any:
    """An array of numbers, or the list of the objects of one; None for other kinds."""
    if isinstance(content, list):
        return content
    if not isinstance(kind, _Kind) or len(kind.name) > 3 or kind.name[:1] not in _KINDS:
        return None
    if not isinstance(content, bytes) or not isinstance(shape, tuple) or len(shape) > 8:
        return None
    if not all(type(side) is int and 0 <= side < 2**31 for side in shape):
        raise ValueError("an array has a shape that no array has")
    dtype = np.dtype(kind.order + kind.name)
    if math.prod(shape) * dtype.itemsize != len(content):
        raise ValueError("an array has not as many values as its shape")
    values = np.frombuffer(content, dtype).astype(dtype.newbyteorder("="))
    return values.reshape(shape[::-1]).T if is_fortran else values.reshape(shape)


def _push(machine: _Machine, value: Any) -> None:
    machine.stack.append(value)


def _tuple(count: int) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: _push(machine, tuple(machine.pushed(count)))


def _constant(value: Callable[[], Any]) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: machine.stack.append(value())


def _pairs(items: list[Any]) -> dict[Any, Any]:
    pairs = zip(items[::2], items[1::2], strict=True)
    return {key: value for key, value in pairs if isinstance(key, str | int | float)}


_PUSHED: Final = (
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
)
_ACTIONS: Final[dict[str, Callable[[_Machine, Any], Any]]] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda *_: None),
    **dict.fromkeys(_PUSHED, _push),
    "NONE": _constant(lambda: None),
    "NEWTRUE": _constant(lambda: True),
    "NEWFALSE": _constant(lambda: False),
    "EMPTY_TUPLE": _constant(tuple),
    "EMPTY_LIST": _constant(list),
    "EMPTY_SET": _constant(list),
    "EMPTY_DICT": _constant(dict),
    "MARK": lambda machine, _: machine.mark(),
    "POP": lambda machine, _: machine.stack.pop() if machine.stack else machine.marked(),
    "POP_MARK": lambda machine, _: machine.marked(),
    "DUP": lambda machine, _: machine.stack.append(machine.stack[-1]),
    **dict.fromkeys(
        ("GET", "BINGET", "LONG_BINGET"),
        lambda machine, index: machine.stack.append(machine.memo[int(index)]),
    ),
    **dict.fromkeys(
        ("PUT", "BINPUT", "LONG_BINPUT"),
        lambda machine, index: machine.memo.update({int(index): machine.stack[-1]}),
    ),
    "MEMOIZE": lambda machine, _: machine.memo.update({len(machine.memo): machine.stack[-1]}),
    "TUPLE": lambda machine, _: _push(machine, tuple(machine.marked())),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "LIST": lambda machine, _: _push(machine, machine.marked()),
    "DICT": lambda machine, _: _push(machine, _pairs(machine.marked())),
    "APPEND": lambda machine, _: machine.extend(machine.pushed(1)),
    "APPENDS": lambda machine, _: machine.extend(machine.marked()),
    "ADDITEMS": lambda machine, _: machine.extend(machine.marked()),
    "SETITEM": lambda machine, _: machine.fill(machine.pushed(2)),
    "SETITEMS": lambda machine, _: machine.fill(machine.marked()),
    "GLOBAL": lambda machine, name: machine.stack.append(Opaque(str(name)[:200])),
    "STACK_GLOBAL": lambda machine, _: machine.name(),
    "REDUCE": lambda machine, _: machine.call(),
    "NEWOBJ": lambda machine, _: machine.call(),
    "BUILD": lambda machine, _: machine.build(),
}

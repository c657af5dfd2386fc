"""A reader of pickles that cannot run code: an interpreter of their instructions.

The standard library's `pickletools` splits a pickle into instructions and checks every length;
this file executes them with a stack of its own. A name is looked up in `stand_ins.ALLOWED` only.

Python's own unpickler reserves gigabytes for a large memo index. That of
`torch.load(weights_only=True)` was tried with these stand-ins, under PyTorch 2.15. Its memory is
not limited by the size of the file: 35 bytes make a `bytearray` of 2 GB, because its own names come
before registered ones; a file of 0.3 MB copies one list into dictionaries of more than 1.5 GB; the
hash of a nested key in one of 0.9 MB crashes the process. It also reads protocol 2 only.
"""

from __future__ import annotations

import pickletools
import struct
import warnings
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any, Final

from .stand_ins import ALLOWED, Allowed, ForbiddenObject, Holder, StorageOutline, key_of, shown

MAX_INSTRUCTIONS: Final = 1_000_000  # an R101 with its optimizer and logs needs about 250 000
_MAX_COPIED: Final = 256 * 2**20  # bytes, about; calls copy their arguments, and can repeat


class DamagedPickle(Exception):
    """A pickle that is invalid or too large; the argument is the reason."""


@dataclass(slots=True)
class Unpickled:
    """Content of a pickle, with outlines in place of tensors."""

    value: Any = None
    storages: dict[str, StorageOutline] = field(default_factory=dict)


def unpickle(stream: IO[bytes]) -> Unpickled:
    """Read one pickle from `stream`, up to its end mark.

    Raises:
        ForbiddenObject: it names an object that is not in `ALLOWED`.
        DamagedPickle: it is cut off, invalid, or has more instructions than any checkpoint.
    """
    machine = _Machine()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of backslashes in names; none is in `ALLOWED`
            machine.run(stream)
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        OverflowError,
        struct.error,
    ) as error:
        raise DamagedPickle(f"its pickle is invalid ({str(error)[:300]})") from error
    return machine.result


class _Machine:
    def __init__(self) -> None:
        self.result = Unpickled()
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # the stacks under each mark
        self.memo: dict[int, Any] = {}
        self.copied = 0

    def run(self, stream: IO[bytes]) -> None:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if count >= MAX_INSTRUCTIONS:
                raise DamagedPickle(f"its pickle has more than {MAX_INSTRUCTIONS} instructions")
            self.step(opcode.name, argument)

    def step(self, name: str, argument: Any) -> None:
        if name not in _ACTIONS:
            raise ForbiddenObject(f"the pickle instruction {name}")
        _ACTIONS[name](self, argument)

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def mark(self, _: Any) -> None:
        self.below.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.below.pop()
        return items

    def stop(self, _: Any) -> None:
        self.result.value = self.stack.pop()

    def get(self, index: Any) -> None:
        self.push(self.memo[int(index)])

    def put(self, index: Any) -> None:
        self.memo[int(index)] = self.stack[-1]

    def tuple_of(self, count: int) -> None:
        items = tuple(self.stack[-count:])
        if len(items) < count:
            raise IndexError("a tuple takes more values than there are")
        self.stack[-count:] = [items]

    def marked_dict(self, _: Any) -> None:
        items = self.pop_mark()
        self.push({})
        self.fill(items)

    def extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise TypeError("a value that is no list is appended to")
        self.stack[-1].extend(items)

    def set_item(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.fill([key, value])

    def fill(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) not in {dict, OrderedDict, Holder}:
            raise TypeError("a value that is no dictionary is filled")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[key_of(key)] = value

    def stacked_name(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(module, str) or not isinstance(name, str):
            raise ForbiddenObject(f"the name {shown(module)} {shown(name)}")
        self.push(self.find(f"{module} {name}"))

    def find(self, name: str) -> Allowed:
        if name not in ALLOWED:
            raise ForbiddenObject(shown(name))
        return ALLOWED[name]

    def call(self, callee: Any, arguments: Any) -> None:
        if not isinstance(callee, Allowed) or type(arguments) is not tuple:
            raise TypeError("a value that is no object is called")
        self.charge(arguments)
        if callee.make is None:
            raise TypeError(f"{shown(callee.name)} is called")
        self.push(callee.make(*arguments))

    def charge(self, arguments: tuple[Any, ...]) -> None:
        for argument in arguments:
            if isinstance(argument, str | bytes):
                self.copied += len(argument)
            elif isinstance(argument, list | tuple | dict):
                self.copied += 100 * len(argument)
        self.copied += 100 * len(arguments)
        if self.copied > _MAX_COPIED:
            raise DamagedPickle("its pickle hands more to calls than any checkpoint")

    def reduce(self, _: Any) -> None:
        arguments, callee = self.stack.pop(), self.stack.pop()
        self.call(callee, arguments)

    def instance(self, name: str) -> None:
        arguments = tuple(self.pop_mark())
        self.call(self.find(name), arguments)

    def marked_object(self, _: Any) -> None:
        callee, *arguments = self.pop_mark()
        self.call(callee, tuple(arguments))

    def new_with_names(self, _: Any) -> None:
        names = self.stack.pop()
        if names != {}:
            raise TypeError("an object is made with named arguments")
        self.reduce(None)

    def build(self, _: Any) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        self.charge(state if isinstance(state, tuple) else (state,))
        if isinstance(target, Holder):
            target.build(state)
        elif type(target) is not OrderedDict:  # the attributes of a state dict are versions
            raise TypeError(f"attributes are set on a {type(target).__name__}")

    def storage(self, _: Any) -> None:
        kind, storage_type, key, _location, count, *view = self.stack.pop()
        if isinstance(kind, bytes):
            kind = kind.decode("ascii")
        if kind != "storage" or not isinstance(storage_type, Allowed) or not storage_type.dtype:
            raise ForbiddenObject(f"the persistent object {shown(kind)}")
        if type(count) is not int or count < 0 or type(key) is not str or any(view):
            raise ValueError("a storage is not described in a known way")
        outline = StorageOutline(key, storage_type.dtype, count)
        if self.result.storages.setdefault(key, outline) != outline:
            raise ValueError(f"storage {shown(key)} is described in two ways")
        self.push(outline)

    def extension(self, code: Any) -> None:
        raise ForbiddenObject(f"the registered extension {code}")


_CONSTANTS: Final = (
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
)
_ACTIONS: Final[dict[str, Callable[[_Machine, Any], object]]] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda *_: None),  # version, and size of a chunk
    "STOP": _Machine.stop,
    # the stack and the memo
    **dict.fromkeys(_CONSTANTS, _Machine.push),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "MARK": _Machine.mark,
    "POP": lambda machine, _: machine.stack.pop() if machine.stack else machine.pop_mark(),
    "POP_MARK": lambda machine, _: machine.pop_mark(),
    "DUP": lambda machine, _: machine.push(machine.stack[-1]),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.put),
    "MEMOIZE": lambda machine, _: machine.put(len(machine.memo)),
    # containers; a set becomes a list or a tuple, because it would hash its elements
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_SET": lambda machine, _: machine.push([]),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_mark())),
    "FROZENSET": lambda machine, _: machine.push(tuple(machine.pop_mark())),
    "LIST": lambda machine, _: machine.push(machine.pop_mark()),
    "DICT": _Machine.marked_dict,
    "APPEND": lambda machine, _: machine.extend([machine.stack.pop()]),
    "APPENDS": lambda machine, _: machine.extend(machine.pop_mark()),
    "ADDITEMS": lambda machine, _: machine.extend(machine.pop_mark()),
    "SETITEM": _Machine.set_item,
    "SETITEMS": lambda machine, _: machine.fill(machine.pop_mark()),
    # names and calls
    "GLOBAL": lambda machine, name: machine.push(machine.find(name)),
    "STACK_GLOBAL": _Machine.stacked_name,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.reduce,
    "NEWOBJ_EX": _Machine.new_with_names,
    "INST": _Machine.instance,
    "OBJ": _Machine.marked_object,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.storage,
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _Machine.extension),
}

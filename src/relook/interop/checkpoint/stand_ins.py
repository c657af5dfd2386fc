"""The only names that a checkpoint may contain, and their values, which run no code.

A pickle names objects by module and name, and calls them. Names are not looked up in modules: a
name is in `ALLOWED`, exactly as written, or it is refused. The values of `ALLOWED` are functions of
this file. Tensors become outlines with the place of their numbers in the file, which take no
memory for them; objects of MMCV and MMEngine become empty holders.
"""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch


class ForbiddenObject(Exception):
    """A pickle names an object that is not in `ALLOWED`; the argument is its name."""


@dataclass(frozen=True, slots=True)
class StorageOutline:
    """A run of `count` numbers in the file, under the name `key`."""

    key: str
    dtype: torch.dtype
    count: int

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self.count * self.dtype.itemsize


@dataclass(frozen=True, slots=True)
class TensorOutline:
    """A tensor that has not been read: the place of its numbers in a storage."""

    storage: StorageOutline
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Allowed:
    """Value of a name in a pickle; `make` is called in its place, None where calls are refused."""

    name: str
    make: Callable[..., Any] | None = None
    dtype: torch.dtype | None = None  # of a kind of storage


class Holder(dict[Any, Any]):
    """Placeholder of an object of a foreign library: its attributes or entries, no behaviour."""

    def build(self, state: Any) -> None:
        """Copy the named attributes of a pickled object."""
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict) and part is not self:
                self.update(part)


class NumpyType(Holder):
    """A plain numeric element type of NumPy."""

    def __init__(self, code: Any, *_: Any) -> None:
        super().__init__()
        if not isinstance(code, str) or not _NUMERIC.fullmatch(code):
            raise ForbiddenObject(f"numpy.dtype({shown(code)!r})")
        self.dtype: np.dtype[Any] = np.dtype(code)

    def build(self, state: Any) -> None:
        """Set the order of bytes; fields and subarrays are refused."""
        if any(part is not None for part in state[2:5]):
            raise ForbiddenObject("numpy.dtype with fields")
        self.dtype = self.dtype.newbyteorder(state[1])


class NumpyArray(Holder):
    """An array of NumPy; `build` sets its content."""

    def __init__(self) -> None:
        super().__init__()
        self.array: np.ndarray[Any, Any] = np.zeros(0)

    def build(self, state: Any) -> None:
        """Set shape, type and bytes, which must fit each other."""
        _, shape, kind, by_columns, data = state
        content = _numbers(kind, data)
        if not _are_counts(shape) or math.prod(shape) != content.size:
            raise ValueError("an array of NumPy has another shape than content")
        self.array = content.reshape(shape, order="F" if by_columns else "C")


_NUMERIC: Final = re.compile(r"[<>=|]?(b1|[iu][1248]|f[248]|c8|c16)")
_LONGEST_NAME: Final = 120  # of a name in a message
_LONGEST_KEY: Final = 16  # of a tuple; each text in it has at most `_LONGEST_NAME` characters
_MAX_DIMENSIONS: Final = 64  # as NumPy and PyTorch have it
_LARGEST_COUNT: Final = 2**59  # numbers; their bytes still fit into 63 bits


def shown(value: Any) -> str:
    """`value` for a message: short, readable, and without the content of containers.

    Lists that contain each other have a text without end.
    """
    text = value if isinstance(value, str) else str(value) if type(value) is int else None
    if text is None:
        return f"a {type(value).__name__}"
    readable = "".join(c if c.isprintable() else "?" for c in text[:_LONGEST_NAME])
    return readable.replace(" ", ".", 1)


def key_of(value: Any) -> Any:
    """Return `value` if it is safe as the key of a dictionary: its hash is fast, not recursive.

    Raises:
        TypeError: it is not.
    """
    parts = value if type(value) is tuple else (value,)
    if len(parts) > _LONGEST_KEY or not all(_is_simple(part) for part in parts):
        raise TypeError("a dictionary has a key that is neither text nor a number")
    if parts is value and any(isinstance(p, str | bytes) and len(p) > _LONGEST_NAME for p in parts):
        raise TypeError("a dictionary has a key of long texts")
    return value


def _is_simple(value: Any) -> bool:
    if isinstance(value, int):  # the hash of a large number is slow
        return value.bit_length() <= 64
    return value is None or isinstance(value, str | float | bytes)


def _are_counts(numbers: Any) -> bool:
    """Return whether `numbers` can be a shape or strides, with a product of usual size."""
    return len(numbers) <= _MAX_DIMENSIONS and all(
        type(n) is int and 0 <= n < _LARGEST_COUNT for n in numbers
    )


def _numbers(kind: Any, data: Any) -> np.ndarray[Any, Any]:
    if not isinstance(kind, NumpyType):
        raise TypeError("an array of NumPy has no element type")
    if isinstance(data, str):  # as Python 2 wrote bytes
        data = data.encode("latin-1")
    return np.frombuffer(data, kind.dtype)


def _scalar(kind: Any, data: Any) -> Any:
    (value,) = _numbers(kind, data)
    return value.item()


def _reconstruct(kind: Any, *_: Any) -> NumpyArray:
    if kind is not ALLOWED["numpy ndarray"]:
        raise TypeError("only arrays of NumPy are made like that")
    return NumpyArray()


def _ordered(pairs: Any = ()) -> OrderedDict[Any, Any]:
    return OrderedDict((key_of(key), value) for key, value in pairs)


def _encode(text: Any, encoding: Any) -> bytes:
    is_latin1 = isinstance(encoding, str) and encoding in {"latin1", "latin-1"}
    if not is_latin1 or not isinstance(text, str):
        raise ValueError("bytes are encoded in an unknown way")
    return text.encode("latin-1")


def _items(items: Any = ()) -> list[Any] | tuple[Any, ...]:
    """Return the list or tuple that a set is made of; a set would hash its elements."""
    if not isinstance(items, list | tuple):
        raise TypeError("a set is not made of a list")
    return items


def _empty_bytes() -> bytes:
    return b""


def _attribute(owner: Any, name: Any) -> Holder:
    """Placeholder of a method of a holder, which old logs store beside their numbers."""
    if not isinstance(owner, Allowed) or owner.make is not _holder or not isinstance(name, str):
        raise ForbiddenObject("getattr")
    return Holder()


def _reconstructor(kind: Any, _base: Any, state: Any) -> Holder:
    if not isinstance(kind, Allowed) or kind.make is not _holder:
        raise ForbiddenObject("copyreg._reconstructor")
    return Holder(state if isinstance(state, dict) else {})


def _holder(*_: Any) -> Holder:
    return Holder()


def _mapping(*_: Any) -> dict[Any, Any]:
    return {}


def _path(*parts: Any) -> str:
    if not all(isinstance(part, str) for part in parts):
        raise TypeError("a path is not made of text")
    return "/".join(parts).replace("//", "/", 1)


def _tensor(storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> TensorOutline:
    if not isinstance(storage, StorageOutline):
        raise TypeError("a tensor has no storage")
    counts = all(_are_counts(numbers) for numbers in ((offset,), shape, stride))
    if not counts or len(shape) != len(stride):
        raise ValueError("a tensor has sizes or strides that are no counts")
    count = math.prod(shape)
    if not count and math.prod(max(n, 1) for n in shape) >= _LARGEST_COUNT:
        raise ValueError("a tensor has no counts: the product of its sizes is too large")
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
    if count and (count > storage.count or last >= storage.count):
        listed = ", ".join(map(str, shape[:8]))
        raise ValueError(f"a tensor of shape ({listed}) has no room in its {storage.count} numbers")
    return TensorOutline(storage, offset, tuple(shape), tuple(stride))


def _parameter(tensor: Any, *_: Any) -> TensorOutline:
    if not isinstance(tensor, TensorOutline):
        raise TypeError("a parameter has no tensor")
    return tensor


_STORAGES: Final = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_BUILTINS: Final = ("__builtin__", "builtins")  # as Python 2 and 3 call them
_TYPES: Final = (  # never called
    *("bool", "dict", "float", "int", "list", "object", "str", "tuple"),
    *("long", "unicode"),  # as Python 2 calls the types of whole numbers and of text
)
_MADE: Final[Mapping[str, Callable[..., Any] | None]] = {
    "collections OrderedDict": _ordered,
    "torch._utils _rebuild_tensor_v2": _tensor,
    "torch._utils _rebuild_tensor": _tensor,
    "torch._utils _rebuild_parameter": _parameter,
    "_codecs encode": _encode,
    "argparse Namespace": _holder,
    "collections Counter": _mapping,
    "collections defaultdict": _mapping,
    "datetime datetime": _holder,
    "logging getLogger": _holder,
    "numpy dtype": NumpyType,
    "numpy ndarray": None,
    "pathlib PosixPath": _path,
    "pathlib WindowsPath": _path,
    "torch Size": _items,
    "torch device": _holder,
    "numpy.core.multiarray _reconstruct": _reconstruct,
    "numpy._core.multiarray _reconstruct": _reconstruct,
    "numpy.core.multiarray scalar": _scalar,
    "numpy._core.multiarray scalar": _scalar,
    "copy_reg _reconstructor": _reconstructor,
    "copyreg _reconstructor": _reconstructor,
    **{f"{module} bytes": _empty_bytes for module in _BUILTINS},
    **{f"{module} getattr": _attribute for module in _BUILTINS},
    **{f"{module} {name}": _items for module in _BUILTINS for name in ("set", "frozenset")},
    **{f"{module} {name}": None for module in _BUILTINS for name in _TYPES},
    # of MMCV, MMEngine and what they stand on
    "addict Dict": _holder,
    "addict.addict Dict": _holder,
    "mmcv.runner.log_buffer LogBuffer": _holder,
    "mmcv.utils.config Config": _holder,
    "mmcv.utils.config ConfigDict": _holder,
    "mmengine.config.config Config": _holder,
    "mmengine.config.config ConfigDict": _holder,
    "mmengine.logging.history_buffer HistoryBuffer": _holder,
    "mmengine.logging.message_hub MessageHub": _holder,
}

ALLOWED: Final[Mapping[str, Allowed]] = {
    **{name: Allowed(name, make) for name, make in _MADE.items()},
    **{f"torch {name}": Allowed(f"torch {name}", dtype=kind) for name, kind in _STORAGES.items()},
}
"""By module and name, with a space between them."""

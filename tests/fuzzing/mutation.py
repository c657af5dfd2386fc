"""Mutations of inputs: of their bytes, and of the structure that a kind of file has.

A mutation takes bytes and a generator of random numbers and returns other bytes. Where an input
does not have the structure that a mutation needs, its bytes are changed instead.
"""

from __future__ import annotations

import copy
import json
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any, Final

Mutation = Callable[[bytes, random.Random], bytes]

_INTEGERS: Final = (0, 1, 2, 255, 256, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64)
_TEXTS: Final = (
    "",
    " ",
    "\0",
    "../../../x",
    "a" * 5000,
    "\ud800",
    "\x1b[31m",
    "=1+1",
    "-1",
    "nan",
    "1e999",
    "2001-99-99",
    "é\u202e",
    "kind",
)
VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    -(2**63) - 1,
    2**64,
    10**400,
    0.5,
    -0.0,
    1e308,
    1e-308,
    float("nan"),
    float("inf"),
    *_TEXTS,
    [],
    {},
    [[]],
    [None],
    {"": None},
    [0] * 300,
    [[0, 0, 1, 0, 1, 1]],
    {"size": [4, 4], "counts": [16]},
    {"size": [4, 4], "counts": "a"},
    {"size": [2**31, 2**31], "counts": [1]},
)


def of_bytes(data: bytes, chance: random.Random) -> bytes:
    """Flip, cut, repeat, insert or overwrite some bytes."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        place = chance.randrange(len(changed) + 1)
        if chance.random() < 0.4:
            place = min(place, chance.randrange(64))  # headers are at the beginning
        match chance.randrange(7):
            case 0 if place < len(changed):
                changed[place] ^= 1 << chance.randrange(8)
            case 1 if place < len(changed):
                changed[place] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
            case 2:
                del changed[place : place + chance.choice((1, 2, 4, 16, 1 << chance.randrange(14)))]
            case 3:
                part = changed[place : place + chance.choice((1, 4, 16, 256))]
                changed[place:place] = part * chance.choice((1, 1, 2, 50))
            case 4:
                changed[place:place] = chance.randbytes(chance.choice((1, 2, 4, 8)))
            case 5:
                size, order = chance.choice((2, 4, 8)), chance.choice(("little", "big"))
                number = chance.choice(_INTEGERS) % (1 << 8 * size)
                changed[place : place + size] = number.to_bytes(size, order)
            case _:
                del changed[place:]
    return bytes(changed)


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every value in a tree of dictionaries and lists."""
    found: list[tuple[Any, Any]] = []
    pending = [tree]
    while pending:
        node = pending.pop()
        keys = node.keys() if isinstance(node, dict) else range(len(node))
        for key in keys:
            found.append((node, key))
            if isinstance(node[key], dict | list):
                pending.append(node[key])
    return found


def changed_tree(tree: Any, chance: random.Random) -> Any:
    """A copy of `tree` in which a few values are replaced, removed, doubled or exchanged."""
    tree = copy.deepcopy(tree)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        places = _places(tree) if isinstance(tree, dict | list) else []
        if not places or chance.random() < 0.01:
            return chance.choice(VALUES)
        node, key = chance.choice(places)
        match chance.randrange(8):
            case 0 | 1 | 2:
                node[key] = copy.deepcopy(chance.choice(VALUES))
            case 3:
                del node[key]
            case 4:
                other, name = chance.choice(places)
                node[key] = copy.deepcopy(other[name])
            case 5 if isinstance(node, list):
                node.insert(key, copy.deepcopy(node[key]))
            case 5:
                node[chance.choice([str(key).upper(), "", "x" * 300, str(key) + " "])] = node[key]
            case 6:
                node[key] = _other_number(node[key], chance)
            case _:
                node[key] = chance.choice(([node[key]], {"x": node[key]}, str(node[key])))
    return tree


def _other_number(value: Any, chance: random.Random) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return chance.choice(VALUES)
    return chance.choice((value + 1, value - 1, -value, value * 2**32, value + 0.5, str(value)))


def of_json(data: bytes, chance: random.Random) -> bytes:
    """Change values of a json document; seldom nest it deeply, or write it in another encoding."""
    try:
        tree = json.loads(data)
    except ValueError:
        return of_bytes(data, chance)
    text = json.dumps(changed_tree(tree, chance))
    match chance.randrange(60):
        case 0:
            text = text.replace("1", "[" * 50_000, 1)
        case 1:
            text = text.replace("1", "9" * 6000, 1)
        case 2:
            return text.encode("utf-16")
        case 3:
            return b"\xef\xbb\xbf" + text.encode()
    return text.encode("utf-8", "surrogatepass")


def of_json_lines(data: bytes, chance: random.Random) -> bytes:
    """Change one line of a file that has a json document in every line."""
    lines = data.split(b"\n")
    place = chance.randrange(len(lines))
    lines[place] = of_json(lines[place], chance) if lines[place] else b"[]"
    return b"\n".join(lines)


_YAML: Final = (
    "!!int x",
    '!!int ""',
    "!!bool x",
    "!!float x",
    "!!timestamp x",
    "!!binary x",
    "!!set {a, b}",
    "!!omap [a]",
    "!!pairs [a: 1]",
    "!!python/object/apply:os.system [echo]",
    "!!python/name:os.system",
    "2001-99-99",
    "2001-01-01",
    "2001-01-01 99:99:99",
    "2001-12-14t21:59:43.10-99:00",
    "9" * 5000,
    "0x",
    "0b",
    "0o9",
    "1:99:99",
    "1:" * 400 + "1",
    ".inf",
    "-.inf",
    ".nan",
    "~",
    "&a [*a]",
    "&a {b: *a}",
    "*missing",
    "{<<: [1]}",
    "{<<: {a: 1}}",
    "{[1]: 2}",
    "{{a: 1}: 2}",
    "? [a]\n: b",
    "[" * 3000,
    "{a: " * 1000,
    "|\n  x",
    "--- 1\n--- 2",
    "%TAG ! x",
    "\t",
    "\x07",
    "'",
    "[x, x]",
    "[&a0 [x,x,x,x,x,x,x,x,x,x], &a1 [*a0,*a0,*a0,*a0,*a0,*a0,*a0,*a0,*a0,*a0], "
    "&a2 [*a1,*a1,*a1,*a1,*a1,*a1,*a1,*a1,*a1,*a1], &a3 [*a2,*a2,*a2,*a2,*a2,*a2,*a2,*a2,*a2,*a2], "
    "&a4 [*a3,*a3,*a3,*a3,*a3,*a3,*a3,*a3,*a3,*a3], &a5 [*a4,*a4,*a4,*a4,*a4,*a4,*a4,*a4,*a4,*a4]]",
)


def of_yaml(data: bytes, chance: random.Random) -> bytes:
    """Put values that YAML has words for in the place of others."""
    words = data.decode("utf-8", "replace").split(" ")
    for _ in range(chance.choice((1, 1, 2))):
        value = chance.choice(_YAML)
        if chance.random() < 0.2:
            value = json.dumps(chance.choice(VALUES))
        place = chance.randrange(len(words))
        tail = "\n" if words[place].endswith("\n") else ""
        if "\n" in words[place][:-1]:  # the end of one line, the beginning of the next
            words[place] = value + "\n" + words[place].split("\n", 1)[1]
        else:
            words[place] = value + tail
    text = " ".join(words).encode("utf-8", "surrogatepass")
    return of_bytes(text, chance) if chance.random() < 0.1 else text


_PYTHON: Final = (
    "9**9**9",
    "[0]*10**9",
    "'x'*10**9",
    "1<<10**9",
    "-" * 3000 + "1",
    "(" * 150 + ")" * 150,
    "[" * 90 + "]" * 90,
    "[x for x in range(10**9)]",
    "__import__('os').system('x')",
    "open('x').read()",
    "dict(a=1, **{'a': 2})",
    "{**{}, 'a': 1}",
    "f'{1:>99999999}'",
    "'%99999999d' % 1",
    "'{:>99999999}'.format(1)",
    "0.1 / 0",
    "1 % 0",
    "1e999",
    "float('nan')",
    "{}.get('x')",
    "lambda: 0",
    "(yield)",
    "await x",
    "x := 1",
    "...",
    "b'x'",
    "1j",
    "{1, 2}",
    "{[]: 1}",
    "{(1, 2): 3}",
    "dict([(1, 2)])",
    "_base_",
    "{{ _base_.model }}",
    "{{ fileDirname }}",
    "model",
    "model['backbone']['depth']",
    "dict(_delete_=True)",
    "dict(_delete_=[])",
    "None",
    "True",
    "-1",
    "''",
    "'\\ud800'",
    "'\\x1b[31m'",
    "2**64",
    "10**400",
)


def of_python(data: bytes, chance: random.Random) -> bytes:
    """Put expressions in the place of words of a Python text."""
    words = data.decode("utf-8", "replace").split(" ")
    place = chance.randrange(len(words))
    name, equals, _ = words[place].partition("=")
    value = chance.choice(_PYTHON)
    words[place] = f"{name}={value}," if equals and name else value
    if chance.random() < 0.2:
        words.insert(chance.randrange(len(words)), f"\n{chance.choice(('a', 'model'))} = {value}\n")
    text = " ".join(words).encode("utf-8", "surrogatepass")
    return of_bytes(text, chance) if chance.random() < 0.2 else text


def of_png(data: bytes, chance: random.Random) -> bytes:
    """Change one part of a PNG, and give it the right checksum."""
    parts = []
    place = 8
    while place + 8 <= len(data):
        (size,) = struct.unpack(">I", data[place : place + 4])
        parts.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + size]))
        place += 12 + size
    if not parts:
        return of_bytes(data, chance)
    row = chance.randrange(len(parts))
    kind, content = parts[row]
    if kind == b"IDAT" and chance.random() < 0.7:
        try:
            content = zlib.compress(of_bytes(zlib.decompress(content), chance))
        except zlib.error:
            content = of_bytes(content, chance)
    else:
        content = of_bytes(content, chance)
    if chance.random() < 0.1:
        kind = chance.choice((b"PLTE", b"tRNS", b"eXIf", b"acTL", b"fcTL", b"iCCP", b"gAMA"))
    parts[row] = kind, content
    return data[:8] + b"".join(
        struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in parts
    )


_TIFF_TAGS: Final = (
    *(254, 256, 257, 258, 259, 262, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325),
    *(330, 338, 339, 347, 34665, 50839),
)


def of_tiff(data: bytes, chance: random.Random) -> bytes:
    """Change the type, the count or the value of an entry of the first directory of a TIFF."""
    changed = bytearray(data)
    order = "<" if data[:2] == b"II" else ">"
    try:
        (place,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, place)
        entry = place + 2 + 12 * chance.randrange(max(count, 1))
        match chance.randrange(4):
            case 0:
                struct.pack_into(order + "H", changed, entry, chance.choice(_TIFF_TAGS))
            case 1:
                struct.pack_into(order + "H", changed, entry + 2, chance.randrange(20))
            case 2:
                value = chance.choice((*_INTEGERS[:9], chance.randrange(2**16)))
                struct.pack_into(order + "I", changed, entry + 4, value)
            case _:
                value = chance.choice((*_INTEGERS[:9], chance.randrange(2**16)))
                struct.pack_into(order + "I", changed, entry + 8, value)
    except struct.error:
        return of_bytes(data, chance)
    return bytes(changed)

"""Mutations of weights: pickles by their instructions, archives of them, safetensors."""

from __future__ import annotations

import io
import json
import pickle
import pickletools
import random
import struct
import zipfile
import zlib
from typing import Final

from .mutation import changed_tree, of_bytes

_INTEGERS: Final = (0, -1, 1, 2**31, 2**62, 2**63 - 1, -(2**63), 2**63, 2**64, 10**30)
_NAMES: Final = (
    b"cbuiltins\nbytearray\n",
    b"cbuiltins\neval\n",
    b"cos\nsystem\n",
    b"c_codecs\nencode\n",
    b"ccollections\nOrderedDict\n",
    b"ccollections\ndefaultdict\n",
    b"cnumpy\ndtype\n",
    b"cnumpy.core.multiarray\n_reconstruct\n",
    b"cnumpy.core.multiarray\nscalar\n",
    b"cnumpy\nndarray\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch._utils\n_rebuild_parameter\n",
    b"ctorch\nFloatStorage\n",
    b"ctorch\nSize\n",
    b"ccollections\nCounter\n",
    b"cpathlib\nPosixPath\n",
    b"cbuiltins\nset\n",
    b"cbuiltins\ngetattr\n",
    b"ccopyreg\n_reconstructor\n",
)
_INSTRUCTIONS: Final = (
    *(b"(", b"0", b"1", b"2", b"N", b"R", b"b", b"e", b"a", b"s", b"u", b"t", b"l", b"d", b"o"),
    *(b"]", b"}", b")", b"\x85", b"\x86", b"\x87", b"\x88", b"\x89", b"\x81", b"\x92", b"\x93"),
    *(b"\x94", b"\x8f", b"\x90", b"\x91", b"Q", b"h\0", b"q\xff", b"r\xff\xff\xff\x7f", b"h\x01"),
    *(b"X\x02\0\0\0\xc4\x80", b"X\0\0\0\0", b"X\x06\0\0\0latin1", b"C\x04abcd", b"U\x03<f4"),
    *(b"G\x7f\xf0\0\0\0\0\0\0", b"\x82\x01", b"I01\n", b"Lx\n", b"V\\ud800\n"),
)


def _integer(value: int) -> bytes:
    """Instruction that pushes an integer."""
    content = pickle.encode_long(value)
    return b"\x8a" + bytes([len(content)]) + content


def of_pickle(data: bytes, chance: random.Random) -> bytes:
    """Replace, remove, double or insert instructions of a pickle."""
    try:
        places = [place for _, _, place in pickletools.genops(data)]
    except Exception:  # noqa: BLE001 - it was changed before, or is none
        return of_bytes(data, chance)
    end = places[-1] + 1  # what follows is not of this pickle
    parts = [data[a:b] for a, b in zip(places, [*places[1:], end], strict=True)]
    for _ in range(chance.choice((1, 1, 2, 4))):
        place = chance.randrange(len(parts))
        new = chance.choice((*_INSTRUCTIONS, *_NAMES))
        match chance.randrange(6):
            case 0:
                parts[place] = new
            case 1:
                parts.insert(place, new)
            case 2:
                parts[place] = b""
            case 3:
                parts.insert(place, parts[chance.randrange(len(parts))])
            case 4:
                numbers = [i for i, part in enumerate(parts) if part[:1] in b"JKM\x8a" and part]
                if numbers:
                    parts[chance.choice(numbers)] = _integer(chance.choice(_INTEGERS))
            case _:
                parts[place] = of_bytes(parts[place], chance)
    return b"".join(parts) + data[end:]


def of_zip(data: bytes, chance: random.Random) -> bytes:
    """Write the members of an archive again, with changes in a member or in the directory."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]
    except Exception:  # noqa: BLE001 - it was changed before
        return of_bytes(data, chance)
    if not members:
        return of_bytes(data, chance)
    place = chance.randrange(len(members))
    name, content = members[place]
    match chance.randrange(8):
        case 0 | 1 | 2 | 3:
            pickles = [i for i, (n, _) in enumerate(members) if n.endswith("data.pkl")]
            place = pickles[0] if pickles else place
            name, content = members[place]
            members[place] = name, (of_pickle if pickles else of_bytes)(content, chance)
        case 4:
            members[place] = name, of_bytes(content, chance)
        case 5:
            other = chance.choice((name.upper(), name, "x/" + name, name + "\0y", "../" + name))
            members.insert(chance.randrange(len(members) + 1), (other, content))
        case 6:
            del members[place]
        case _:
            members[place] = of_bytes(name.encode(), chance).decode("latin-1"), content
    written = archive_of(members)
    return of_bytes(written, chance) if chance.random() < 0.2 else written


def archive_of(members: list[tuple[str, bytes]]) -> bytes:
    """An archive of stored members, whatever their names."""
    body, directory = b"", b""
    for name, content in members:
        raw = name.encode("utf-8", "replace")[:60_000]
        sizes = zlib.crc32(content), len(content), len(content)
        header = struct.pack("<3H3I2H", 0, 0, 0, *sizes, len(raw), 0)
        directory += struct.pack("<4s3H", b"PK\1\2", 20, 20, 0) + header
        directory += struct.pack("<3H2I", 0, 0, 0, 0, len(body)) + raw
        body += struct.pack("<4s2H", b"PK\3\4", 20, 0) + header
        body += raw + content
    end = (b"PK\5\6", 0, 0, len(members), len(members), len(directory), len(body), 0)
    return body + directory + struct.pack("<4s4H2IH", *end)


def of_legacy(data: bytes, chance: random.Random) -> bytes:
    """Change one of the pickles with which a file of PyTorch before 1.6 begins."""
    starts, place = [], 0
    try:
        for _ in range(5):
            starts.append(place)
            place += [p for _, _, p in pickletools.genops(data[place:])][-1] + 1
    except Exception:  # noqa: BLE001 - it was changed before
        return of_bytes(data, chance)
    start = chance.choice((starts[3], starts[3], starts[3], chance.choice(starts)))
    return data[:start] + of_pickle(data[start:], chance)


def of_safetensors(data: bytes, chance: random.Random) -> bytes:
    """Change the header of a file of safetensors, also within the json texts of its metadata."""
    try:
        (size,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + size])
    except (ValueError, struct.error):
        return of_bytes(data, chance)
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    if isinstance(metadata, dict) and metadata and chance.random() < 0.8:
        key = chance.choice(list(metadata))
        try:
            metadata[key] = json.dumps(changed_tree(json.loads(metadata[key]), chance))
        except (TypeError, ValueError):
            metadata[key] = str(chance.choice(_INTEGERS))
    else:
        header = changed_tree(header, chance)
    try:
        text = json.dumps(header).encode()
    except ValueError:  # more digits than Python writes
        return of_bytes(data, chance)
    return struct.pack("<Q", len(text)) + text + data[8 + size :]

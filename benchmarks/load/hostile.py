"""Requests of people who mean harm, and the statuses that answer them."""

from __future__ import annotations

import http.client
import random
import socket
import struct
import time
import zlib
from collections.abc import Callable
from typing import Final

from .images import Known

Address = tuple[str, int]
_WAIT: Final = 60.0  # seconds
_BUSY: Final = 429


def _post(
    address: Address, body: bytes, headers: dict[str, str], path: str = "/predict"
) -> int | None:
    connection = http.client.HTTPConnection(*address, timeout=_WAIT)
    try:
        connection.request("POST", path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def _raw(address: Address, data: bytes) -> int | None:
    """The status that answers raw bytes; None where the connection is only closed."""
    with socket.create_connection(address, timeout=_WAIT) as line:
        line.sendall(data)
        answer = line.recv(4096)
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else None


def _oversized(address: Address, _: Known) -> int | None:
    head = f"POST /predict HTTP/1.1\r\nHost: {address[0]}\r\nContent-Type: image/png\r\n"
    return _raw(address, f"{head}Content-Length: 99000000000\r\n\r\n".encode())


def _endless(address: Address, _: Known) -> int | None:
    """Chunks without an end, until the server has enough or closes the line."""
    head = f"POST /predict HTTP/1.1\r\nHost: {address[0]}\r\nContent-Type: image/png\r\n"
    with socket.create_connection(address, timeout=_WAIT) as line:
        line.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        chunk = b"10000\r\n" + b"\0" * 0x10000 + b"\r\n"
        try:
            for _number in range(10_000):
                line.sendall(chunk)
        except OSError:
            pass  # the answer may be lost with the line
        try:
            answer = line.recv(4096)
        except OSError:
            return None
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else None


def _bomb(address: Address, _: Known) -> int | None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 9_000_000))
    content = b"\x89PNG\r\n\x1a\n" + data + chunk(b"IEND", b"")
    return _post(address, content, {"Content-Type": "image/png"})


def _half(address: Address, known: Known) -> int | None:
    content = known.content[: len(known.content) // 2]
    return _post(address, content, {"Content-Type": known.media})


def _text(address: Address, _: Known) -> int | None:
    return _post(address, b"<script>alert(1)</script>", {"Content-Type": "image/png"})


def _no_image(address: Address, _: Known) -> int | None:
    return _post(address, b'{"images": "/etc/passwd"}', {"Content-Type": "application/json"})


def _other_host(address: Address, known: Known) -> int | None:
    headers = {"Host": "evil.example", "Content-Type": known.media}
    return _post(address, known.content, headers)


def _other_site(address: Address, known: Known) -> int | None:
    headers = {"Origin": "https://evil.example", "Content-Type": known.media}
    return _post(address, known.content, headers)


def _path(address: Address, _: Known) -> int | None:
    return _raw(address, f"GET /../../etc/passwd HTTP/1.1\r\nHost: {address[0]}\r\n\r\n".encode())


def _garbage(address: Address, _: Known) -> int | None:
    return _raw(address, random.Random(0).randbytes(500) + b"\r\n\r\n")


def _option(address: Address, known: Known) -> int | None:
    return _post(address, known.content, {"Content-Type": known.media}, "/predict?tile=-1e9")


def _fields(address: Address, _: Known) -> int | None:
    part = b'--x\r\nContent-Disposition: form-data; name="score"\r\n\r\n1\r\n'
    return _post(
        address, part * 3000 + b"--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}
    )


def _leaves_while_sending(address: Address, known: Known) -> int | None:
    with socket.create_connection(address, timeout=_WAIT) as line:
        line.sendall(_head(address, known) + known.content[:100])
        time.sleep(0.05)
    return None


def _leaves_before_the_answer(address: Address, known: Known) -> int | None:
    with socket.create_connection(address, timeout=_WAIT) as line:
        line.sendall(_head(address, known) + known.content)
    return None


def _head(address: Address, known: Known) -> bytes:
    return (
        f"POST /predict HTTP/1.1\r\nHost: {address[0]}\r\nContent-Type: {known.media}\r\n"
        f"Content-Length: {len(known.content)}\r\n\r\n"
    ).encode()


ATTACKS: Final[tuple[tuple[str, Callable[[Address, Known], int | None], set[int | None]], ...]] = (
    ("a length of 99 GB", _oversized, {413}),
    ("chunks without end", _endless, {413, None}),
    ("a bomb", _bomb, {413, 422}),
    ("half an image", _half, {422, 200}),  # half a JPEG or TIFF may still be decoded
    ("text as image", _text, {422}),
    ("json", _no_image, {415}),
    ("another host", _other_host, {421}),
    ("another site", _other_site, {403}),
    ("a path", _path, {404}),
    ("garbage", _garbage, {400}),
    ("a wrong option", _option, {422}),
    ("3,000 fields", _fields, {400}),
    ("left while sending", _leaves_while_sending, {None}),
    ("left before the answer", _leaves_before_the_answer, {None}),
)
"""Name, request, and the statuses that may answer it beside 429."""


def attack(address: Address, known: Known, chance: random.Random) -> tuple[int | None, str]:
    """Send one hostile request; return its status, and what is wrong with that, or nothing."""
    name, send, expected = chance.choice(ATTACKS)
    status = send(address, known)
    wrong = "" if status in expected | {_BUSY} else f"{name} was answered with {status}"
    return status, wrong

"""Sockets, addresses and signals; benchmarks/load.py has a server that really runs."""

from __future__ import annotations

import asyncio
import os
import signal
import socket

import pytest
import uvicorn

from relook.app.guards import Gate
from relook.app.running import _Server, address_of, is_loopback, listen
from relook.errors import RelookError


def test_a_free_port_is_found_and_said() -> None:
    with listen(port=0) as listener:
        port = listener.getsockname()[1]
        assert port > 0 and address_of(listener) == f"http://127.0.0.1:{port}"
        with pytest.raises(
            RelookError, match=f"R04: the server cannot listen at 127.*{port}.*--po"
        ):
            listen(port=port)
    with listen(port=port) as again:  # free once more
        assert again.getsockname()[1] == port


def test_an_address_that_is_not_here_is_told() -> None:
    for host in ("203.0.113.9", "no-such-host.invalid"):
        with pytest.raises(RelookError, match="R04: the server cannot listen"):
            listen(host, 0)


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_addresses_of_ipv6_are_in_brackets() -> None:
    class Six:
        def getsockname(self) -> tuple[str, int, int, int]:
            return "::1", 8117, 0, 0

    assert address_of(Six()) == "http://[::1]:8117"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "is_here"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("", False),
        ("::", False),
        ("127.evil.example", False),
        ("192.168.1.2", False),
    ],
)
def test_loopback_is_known(host: str, is_here: bool) -> None:
    assert is_loopback(host) is is_here


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def told(gate: Gate) -> list[int]:
    return []


@pytest.fixture
def server(gate: Gate, told: list[int]) -> _Server:
    return _Server(uvicorn.Config("none"), gate, lambda: None, told.append)


def test_the_first_signal_lets_what_was_begun_finish(
    server: _Server, gate: Gate, told: list[int]
) -> None:
    gate.begun = 2
    assert not asyncio.run(server.on_tick(1))
    server.handle_exit(signal.SIGTERM, None)
    assert not gate.is_open and not asyncio.run(server.on_tick(2))
    gate.begun = 1
    assert not asyncio.run(server.on_tick(3)) and told == [2]
    gate.begun = 0
    assert asyncio.run(server.on_tick(4))


def test_the_second_signal_ends_at_once(server: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    server.handle_exit(signal.SIGINT, None)
    assert codes == []
    server.handle_exit(signal.SIGINT, None)
    assert codes == [130]

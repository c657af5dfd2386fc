"""A server that runs: its socket, its address, and how it stops."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI

from ..errors import RelookError
from .guards import Gate

PORT: Final = 8117
LOOPBACK: Final = "127.0.0.1"
_BACKLOG: Final = 128
_LAST: Final = 30.0  # seconds for a batch that nobody waits for


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str = LOOPBACK, port: int = PORT) -> socket.socket:
    """A socket that listens at an address; port 0 chooses a free one.

    Raises:
        RelookError: R04 for an address that is taken or not one of this machine.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
        except BaseException:
            listener.close()
            raise
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RelookError(
            "R04",
            f"the server cannot listen at {host}, port {port}: {reason}. Choose another port "
            "(--port 0 finds a free one), or an address of this machine.",
        ) from None
    return listener


def address_of(listener: socket.socket) -> str:
    """The address of a server for people: ``http://127.0.0.1:8117``."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(
    app: FastAPI,
    listener: socket.socket,
    *,
    on_start: Callable[[str], None] = lambda _: None,
    on_stop: Callable[[int], None] = lambda _: None,
) -> None:
    """Answer requests until the process is told to stop by SIGTERM or SIGINT.

    What was begun is then finished, new requests get 503, and `on_stop` is told how many there
    are. A second signal ends the process at once. `on_start` is given the address.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="on",
        server_header=False,
        proxy_headers=False,
        http="h11",
        ws="none",
        timeout_keep_alive=20,
    )
    server = _Server(config, app.state.gate, lambda: on_start(address_of(listener)), on_stop)
    server.run(sockets=[listener])
    app.state.work.join(_LAST)  # what was given up still runs; a process must not end inside


class _Server(uvicorn.Server):
    """Closes the gate at the first signal, and ends once all that was begun is answered."""

    def __init__(
        self,
        config: uvicorn.Config,
        gate: Gate,
        on_start: Callable[[], None],
        on_stop: Callable[[int], None],
    ) -> None:
        super().__init__(config)
        self._gate, self._on_start, self._on_stop = gate, on_start, on_stop
        self._is_told = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        await super().startup(sockets)
        self._on_start()

    async def on_tick(self, counter: int) -> bool:
        """Return whether to end: ten times a second."""
        if not self._gate.is_open and not self._is_told:
            self._is_told = True
            self._on_stop(self._gate.begun)
        return self._gate.is_done or await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; the second time, end at once."""
        if self._gate.is_open:
            self._gate.close()
        else:
            os._exit(128 + sig)

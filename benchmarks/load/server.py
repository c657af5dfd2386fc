"""The server under load: a process of the command line."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .hostile import Address

_READY: Final = 120.0  # seconds until it must answer
_HOST: Final = "127.0.0.1"


class Served:
    """A process of ``relook serve``.

    Args:
        model: What it serves.
        options: Of the command.
        log: File for what it says.
    """

    def __init__(self, model: str, options: Sequence[str], log: Path) -> None:
        with socket.socket() as probe:
            probe.bind((_HOST, 0))
            self.address: Address = (_HOST, probe.getsockname()[1])
        self._command = [sys.executable, "-m", "relook", "serve", model, *options]
        self._command += ["--port", str(self.address[1])]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it; return the seconds until it takes predictions."""
        began = time.monotonic()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=dict(os.environ)
            )
        while time.monotonic() - began < _READY:
            if self._process.poll() is not None:
                break
            if self.get("/health/ready") is not None:
                return time.monotonic() - began
            time.sleep(0.05)
        raise RuntimeError(f"the server did not start:\n{self.log()[-3000:]}")

    def get(self, path: str) -> str | None:
        """The text at a path; None where there is none."""
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            text = answer.read().decode()
            return text if answer.status == 200 else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def number(self, name: str) -> float:
        """The sum of a number in the metrics; 0 where it is not there."""
        text = self.get("/metrics") or ""
        found = re.findall(rf"^{name}(?:\{{.*\}})? ([0-9.e+-]+)$", text, re.MULTILINE)
        return sum(map(float, found))

    def end(self, signal: int) -> tuple[int, float]:
        """Send a signal; return the exit code and the seconds until the end."""
        assert self._process is not None
        began = time.monotonic()
        self._process.send_signal(signal)
        code = self._process.wait(timeout=_READY)
        return code, time.monotonic() - began

    def close(self) -> None:
        """Kill it, if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def log(self) -> str:
        """What it said."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

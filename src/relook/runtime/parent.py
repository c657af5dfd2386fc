"""A process that ends when the one that started it has ended, however that happened."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Final

VARIABLE: Final = "RELOOK_STARTED_BY"
"""The id of the process that started this one and waits for it."""
GRACE: Final = 30.0  # seconds to end by itself, as after SIGTERM
_POLL: Final = 1.0


def end_with_parent(
    *, poll: float = _POLL, grace: float = GRACE, end: Callable[[int], None] = os._exit
) -> threading.Thread | None:
    """Watch the process that `VARIABLE` names; when it is no longer the parent of this one, send
    SIGTERM to this process, and `grace` seconds later end it.

    Returns the watching thread, and None where the variable is not set or names another process.
    """
    number = os.environ.get(VARIABLE, "")
    if not number.isdecimal():
        return None
    parent = int(number)

    def watch() -> None:
        pause = threading.Event()
        while os.getppid() == parent:
            pause.wait(poll)
        os.kill(os.getpid(), signal.SIGTERM)
        pause.wait(grace)
        end(128 + signal.SIGTERM)

    thread = threading.Thread(target=watch, name="parent", daemon=True)
    thread.start()
    return thread

"""A block in which OpenCV prints nothing by itself, where relook says it in an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from cv2.utils import logging

_lock = Lock()
_inside = 0  # blocks that are entered and not left, of all threads
_level = 0  # that was set before the first of them


@contextmanager
def no_opencv_logs() -> Iterator[None]:
    """Let OpenCV print nothing to standard error within the block.

    The level belongs to the whole process: it is what it was before when the last thread leaves.
    """
    global _inside, _level
    with _lock:
        if _inside == 0:
            _level = logging.getLogLevel()
            logging.setLogLevel(logging.LOG_LEVEL_SILENT)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                logging.setLogLevel(_level)

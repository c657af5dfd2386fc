"""Bounds on work. Counts are exact on every machine; no test measures speed.

Speed is measured in `benchmarks/`, beside a peer in the same run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

HOPELESS: Final = 60.0  # seconds of the processor


def calls_of(function: Callable[[], object]) -> int:
    """Count the calls of Python and C functions that `function` makes."""
    count = 0

    def noted(_: FrameType, event: str, __: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(noted)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


@contextmanager
def without_hopeless_work() -> Iterator[None]:
    """Fail when the block takes a minute of the processor.

    For input that makes a naive reader work for many minutes, and a careful one for less than a
    second. The limit is far from both, so that the load of a machine does not matter.
    """
    began = time.process_time()
    yield
    assert time.process_time() - began < HOPELESS

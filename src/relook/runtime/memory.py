"""Settings of the memory allocator of the process, and of its garbage collector.

Maps of a large image take tens of megabytes each, and glibc returns blocks of that size to the
system as soon as they are freed. The next layer gets new pages, which the system has to clear; on
many machines this takes longer than the layer's computation.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from functools import cache

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4  # of mallopt(3)
_KEPT, _STEP = 1 << 30, 64 << 20  # bytes


@contextlib.contextmanager
def collection_paused() -> Iterator[None]:
    """Do without the garbage collector in a block that makes millions of objects that stay.

    Each run of the collector would look at all of them again: reading a large json file takes a
    fifth longer with it, and importing PyTorch a tenth.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@cache
def keep_freed() -> bool:
    """Keep up to 1 GiB of freed memory in this process for its next blocks; call once.

    Return whether this is set: with glibc, if the environment has no settings of the allocator
    (``MALLOC_...`` or ``GLIBC_TUNABLES``) and no other allocator is loaded.
    """
    chosen = [n for n in os.environ if n.startswith("MALLOC_") or n in _OTHERS]
    if chosen or not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    settings = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _KEPT), (_TOP_PAD, _STEP))
    done = [
        mallopt(name, value) == 1 for name, value in settings
    ]  # all of them, also after a failure
    return all(done)


_OTHERS = ("GLIBC_TUNABLES", "LD_PRELOAD")

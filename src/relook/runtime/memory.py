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
from pathlib import Path

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


def available() -> int:
    """Bytes of memory that this process may still take, as far as the system says it.

    On Linux what is free or can be freed, in the control group too. Elsewhere half of the
    machine's memory, or 4 GiB where nothing says how much there is.
    """
    found = [_listed("/proc/meminfo", "MemAvailable:", 1024)]
    groups = Path("/sys/fs/cgroup")
    most, used = (_listed(groups / name, "", 1) for name in ("memory.max", "memory.current"))
    found.append(None if most is None or used is None else max(most - used, 0))
    known = [number for number in found if number is not None]
    if known:
        return min(known)
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):
        return 4 << 30


def _listed(path: str | Path, start: str, unit: int) -> int | None:
    """The number in the line of a file of the system that has this `start`, times `unit`."""
    try:
        lines = Path(path).read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return None
    words = [line.removeprefix(start).split() for line in lines if line.startswith(start)]
    is_number = bool(words and words[0] and words[0][0].isdecimal())
    return int(words[0][0]) * unit if is_number else None


_OTHERS = ("GLIBC_TUNABLES", "LD_PRELOAD")

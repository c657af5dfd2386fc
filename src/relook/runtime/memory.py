"""Settings of the memory allocator of the process, and of its garbage collector.

Maps of a large image take tens of megabytes each, and glibc returns blocks of that size to the
system as soon as they are freed. The next layer gets new pages, which the system has to clear; on
many machines this takes longer than the layer's computation. The few blocks above 32 MiB are
returned all the same: where they were freed the next one often does not fit, which adds up.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import mmap
import os
import sys
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Final

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -2, -3, -8  # of mallopt(3)
_DONT_NEED: Final = 4  # of madvise(2)
_OTHERS: Final = ("GLIBC_TUNABLES", "LD_PRELOAD")  # what chooses an allocator, or its settings
_KEPT, _STEP = 1 << 30, 64 << 20  # bytes
_LARGE = 32 << 20  # the largest value that glibc takes
MOST_KEPT: Final = 320 << 20  # bytes of freed memory between two images
_keeps = threading.Event()  # freed memory is kept


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
    """Keep up to 1 GiB of freed memory in this process for its next blocks, until `return_freed`;
    call once.

    Return whether this is set: with glibc, if the environment has no settings of the allocator
    (``MALLOC_...`` or ``GLIBC_TUNABLES``) and no other allocator is loaded.
    """
    done = _arranged((_MMAP_THRESHOLD, _LARGE), (_TRIM_THRESHOLD, _KEPT), (_TOP_PAD, _STEP))
    if done:
        _keeps.set()
    return done


@cache
def one_arena() -> bool:
    """Let all threads of this process take their memory from one arena; call before any begins.

    glibc gives threads arenas of their own, made of heaps of 64 MiB. A map of tens of megabytes
    seldom fits where one of another size was freed, so that a thread that predicts images of mixed
    sizes begins heap after heap, and what one thread has freed is of no use to the others.

    Return whether this is set, under the same conditions as `keep_freed`.
    """
    return _arranged((_ARENA_MAX, 1))


def _arranged(*settings: tuple[int, int]) -> bool:
    """Set options of mallopt(3), all of them also after a failure; return whether all are set."""
    if any(name.startswith("MALLOC_") or name in _OTHERS for name in os.environ):
        return False
    mallopt = _libc("mallopt")
    if mallopt is None:
        return False
    done = [mallopt(name, value) == 1 for name, value in settings]
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


class _Usage(ctypes.Structure):
    """Result of mallinfo2(3)."""

    _fields_: ClassVar = [
        ("others", ctypes.c_size_t * 8),
        ("fordblks", ctypes.c_size_t),
        ("keepcost", ctypes.c_size_t),
    ]


def freed() -> int:
    """Bytes that were freed and are kept for the next blocks; 0 where it is not known."""
    usage = _libc("mallinfo2")
    if usage is None:
        return 0
    usage.restype = _Usage
    return int(usage().fordblks)


def return_freed() -> None:
    """Return the memory that `keep_freed` keeps to the system, if it is more than `MOST_KEPT`.

    Called between parts of the work whose blocks have other sizes: what one part has freed is
    then of little use to the next one. What is returned costs the next blocks some time.
    """
    trim = _libc("malloc_trim") if _keeps.is_set() else None
    if trim is not None and freed() > MOST_KEPT:
        trim(ctypes.c_size_t(0))


def release_mapped(address: int, size: int) -> None:
    """Let go the pages of `size` bytes from `address` of a mapped file that were read.

    They are read from the file again when they are used again. On other systems than Linux they
    stay until the file is closed.
    """
    page = mmap.PAGESIZE
    first, last = -(-address // page) * page, (address + size) // page * page
    advise = _libc("madvise")
    if advise is not None and last > first:
        advise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), _DONT_NEED)


@cache
def _libc(name: str) -> Any:
    """The function of the system's C library, None where there is none."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        return getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return None

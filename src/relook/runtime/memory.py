"""Settings of the memory allocator of the process.

Maps of a large image take tens of megabytes each, and glibc hands blocks of that size back to the
system as soon as they are freed: the next layer gets new pages, which have to be found and
cleared again, in many machines for longer than the layer computes.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4  # of mallopt(3)
_KEPT, _STEP = 1 << 30, 64 << 20  # bytes


@cache
def keep_freed() -> bool:
    """Let this process keep up to 1 GiB that it has freed for its next blocks; once.

    True where that could be arranged: with glibc, if the environment does not say how memory is
    to be handled (``MALLOC_...`` or ``GLIBC_TUNABLES``) and no other allocator is loaded.
    """
    chosen = [n for n in os.environ if n.startswith("MALLOC_") or n in _OTHERS]
    if chosen or not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    settings = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _KEPT), (_TOP_PAD, _STEP))
    done = [mallopt(name, value) == 1 for name, value in settings]  # each of them, also after a no
    return all(done)


_OTHERS = ("GLIBC_TUNABLES", "LD_PRELOAD")

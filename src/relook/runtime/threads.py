"""Threads that the computations of this process may use."""

from __future__ import annotations

import os
import sys


def usable_threads() -> int:
    """Number of threads for one computation: PyTorch's, where it is imported; else that of
    ``OMP_NUM_THREADS``, or one for each core that this process may use."""
    torch = sys.modules.get("torch")
    if torch is not None:
        return int(torch.get_num_threads())
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdecimal() and int(wanted):
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

"""A process that measures one contender: `python -m benchmarks.speed.worker NAME FOLDER THREADS`.

It loads the relook that PYTHONPATH leads to, reads requests from its input, one JSON object a
line, and answers each with one line. A request names a case of `cases.CASES` and its arguments;
``"memory": true`` asks for the peak of resident memory beside it.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

IMPORTED = "imported"  # resident bytes once everything is imported


def resident(field: str = "VmRSS") -> int:
    """Bytes of resident memory: now (VmRSS) or at the peak since `reset_peak` (VmHWM)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {field}")


def reset_peak() -> None:
    """Let the peak start anew."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def main(name: str, folder: str, threads: int) -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what anything prints goes to the error stream
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    import torch

    from . import former_layout

    former_layout.install()

    from .cases import CASES
    from .contender import Contender

    torch.set_num_threads(threads)
    contender = Contender(name, Path(folder))
    with contender.mode():
        contender.warm_imports()
        start = resident()
        for line in sys.stdin:
            request: dict[str, Any] = json.loads(line)
            case, memory = CASES[request.pop("case")], request.pop("memory", False)
            try:
                gc.collect()
                if memory:
                    reset_peak()
                answer = case(contender, **request)
                if memory:
                    peak = resident("VmHWM")
                    answer["memory"] = {IMPORTED: start, "peak": peak, "weights": contender.bytes()}
            except Exception:  # noqa: BLE001 - the coordinator raises it again
                answer = {"error": traceback.format_exc()}
            answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

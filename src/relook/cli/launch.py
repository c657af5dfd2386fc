"""Several processes of one command on this machine, started, watched and ended together.

Each runs the same command line again and gets its number in the variables of torchrun, so that a
command runs in the same way under both. Standard error is that of the first process. The output of
the others is kept, and printed where one of them is the reason for the end.

PyTorch's elastic launcher was tried and is not used. It ends all processes by SIGTERM as soon as
one has failed, so that they cannot finish their work. Where a process that only lost the others
ends first, the exit code and the message of the failed one are lost. A second Ctrl-C does not
reach the processes either.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final

import typer

from ..errors import UsageError
from ..runtime.edition import check_whole
from ..runtime.parent import VARIABLE
from .errors import LOST_OTHERS
from .terminal import say

GRACE: Final = 20.0  # seconds that processes have to end after a failure
STOP_GRACE: Final = 120.0  # after a signal: a training ends its step and saves its state
_POLL = 0.1
_SIGNALS = [signal.SIGINT, signal.SIGTERM]


def share_work(devices: int | None, nodes: int | None) -> None:
    """Start `devices` processes of this command and leave with their exit code.

    Returns where this process is to do the work: where it was started by this function, by
    torchrun or by srun, and where one process is enough.

    Raises:
        UsageError: U04 when the numbers differ from those of the launcher of this process, or
            when several machines are requested without a launcher.
        typer.Exit: After the processes have ended.
    """
    if devices is None and nodes is None:
        return
    from ..runtime.cluster import find_place
    from ..runtime.parent import end_with_parent

    place = find_place(os.environ)
    if place.world_size > 1:
        end_with_parent()
        if place.devices != (devices or place.devices) or place.nodes != (nodes or place.nodes):
            raise UsageError(
                "U04",
                f"--devices {devices} --nodes {nodes}, but this process was started as one of "
                f"{place.devices} on each of {place.nodes} machines. Leave both options out.",
            )
        return
    if (nodes or 1) > 1:
        raise UsageError(
            "U04",
            f"--nodes {nodes}: relook cannot start processes on other machines. Run the same "
            "command on each with torchrun, or with srun (docs/clusters.md).",
        )
    if (devices or 1) > 1:
        check_whole(f"--devices {devices}")
        command = [sys.executable, "-m", "relook", *sys.argv[1:]]
        raise typer.Exit(run_processes(command, devices or 1))


def run_processes(command: Sequence[str], count: int) -> int:
    """Run `command` in `count` processes; return 0 when all have ended without an error.

    When one fails, or when this process gets a signal, the others have `GRACE` seconds to end. The
    exit code is that of the first process that failed for a reason of its own.
    """
    processes: list[subprocess.Popen[bytes]] = []

    def forward_signal(number: int, _frame: FrameType | None) -> None:
        stopped.append(number)
        for process in processes:
            if process.poll() is None:
                process.send_signal(number)

    stopped: list[int] = []
    before: dict[signal.Signals, Any] = {s: signal.signal(s, forward_signal) for s in _SIGNALS}
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number}.txt" for number in range(1, count)]
        try:
            address = _environment(count)
            for rank, file in enumerate([None, *files]):
                processes.append(_start(command, address | _numbers(rank), file))
            _wait(processes, stopped)
            for number, process in enumerate(processes, start=1):
                if (process.poll() or 0) < 0 and not stopped:
                    say(f"process {number} of {count} {_ended_by(process)}", err=True)
        finally:
            _end(processes)
            for number, handler in before.items():
                signal.signal(number, handler)
        codes = [process.returncode for process in processes]
        for number, (file, code) in enumerate(zip(files, codes[1:], strict=True), start=2):
            if _failed_itself(code) and not _failed_itself(codes[0]):
                text = file.read_text(encoding="utf-8", errors="replace")
                say(f"process {number} of {count}:\n{text}", err=True, nl=False)
    return _exit_code(codes)


def _environment(count: int) -> dict[str, str]:
    """Variables of all processes: their meeting address, and the number of cores for each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    cores = getattr(os, "process_cpu_count", os.cpu_count)() or 1
    return {
        "OMP_NUM_THREADS": str(max(cores // count, 1)),
        **os.environ,  # keeps a number of threads that the user has set
        VARIABLE: str(os.getpid()),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
    }


def _numbers(rank: int) -> dict[str, str]:
    return {"RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0"}


def _start(
    command: Sequence[str], environment: dict[str, str], says: Path | None
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own; Ctrl-C then reaches it only through this one."""
    if says is None:
        return subprocess.Popen(command, env=environment, start_new_session=True)
    with says.open("wb") as file:
        return subprocess.Popen(
            command, env=environment, start_new_session=True, stdout=file, stderr=file
        )


def _wait(processes: Sequence[subprocess.Popen[bytes]], stopped: Sequence[int]) -> None:
    """Wait until all have ended, or until `GRACE` is over after a failure or a signal."""
    deadline = None
    while None in (codes := [process.poll() for process in processes]):
        if deadline is None and (any(codes) or stopped):
            deadline = time.monotonic() + (STOP_GRACE if stopped else GRACE)
        if deadline is not None and time.monotonic() > deadline:
            return
        time.sleep(_POLL)


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()


def _ended_by(process: subprocess.Popen[bytes]) -> str:
    name = signal.Signals(-process.returncode).name
    short = ", as the system does when memory is short" if name == "SIGKILL" else ""
    return f"was ended from outside by {name}{short}"


def _failed_itself(code: int) -> bool:
    """Return whether a process that ended with `code` failed for a reason of its own."""
    return code > 0 and code != LOST_OTHERS


def _exit_code(codes: Sequence[int]) -> int:
    failed = [code for code in codes if _failed_itself(code)]
    if failed:
        return failed[0]
    killed = [128 - code if code < 0 else code for code in codes if code]
    return killed[0] if killed else 0

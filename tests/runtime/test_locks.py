"""One process a folder; the locks of dead ones are taken over."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from relook.errors import RelookError
from relook.runtime.locks import LOCK, FolderLock, started


def owner(**changes: Any) -> str:
    import socket

    here = {"host": socket.gethostname(), "pid": os.getpid(), "started": started(os.getpid())}
    return json.dumps({**here, "token": "7", **changes})


def test_a_second_process_is_refused_and_told_who_is_at_work(tmp_path: Path) -> None:
    said: list[str] = []
    with FolderLock(tmp_path, said.append):
        words = rf"in use by process {os.getpid()} on "
        with pytest.raises(RelookError, match=words) as caught, FolderLock(tmp_path, said.append):
            pass
        assert caught.value.code == "R07"
        assert (tmp_path / LOCK).is_file()
    assert list(tmp_path.iterdir()) == [] and not said


@pytest.mark.parametrize(
    "text",
    [{"pid": 2**22 + 7}, {"started": "another time"}, {"pid": "x"}, "", "[1]", "\x00{"],
    ids=repr,
)
def test_the_lock_of_a_process_that_has_ended_is_taken_over(
    tmp_path: Path, text: str | dict[str, Any]
) -> None:
    (tmp_path / LOCK).write_text(text if isinstance(text, str) else owner(**text))
    said: list[str] = []
    with FolderLock(tmp_path, said.append):
        assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
    assert "the lock of a process that has ended" in said[0]
    assert list(tmp_path.iterdir()) == []


def test_a_process_of_another_host_is_alive_while_its_lock_changes(tmp_path: Path) -> None:
    lock = tmp_path / LOCK
    lock.write_text(owner(host="elsewhere", pid=3))
    said: list[str] = []
    ended = threading.Event()

    def live() -> None:
        while not ended.wait(0.02):
            os.utime(lock, ns=(0, time.monotonic_ns()))  # whatever its clock says

    thread = threading.Thread(target=live)
    thread.start()
    with (
        pytest.raises(RelookError, match="in use by process 3 on elsewhere"),
        FolderLock(tmp_path, said.append, watch=5),
    ):
        pass
    ended.set()
    thread.join()
    with FolderLock(tmp_path, said.append, watch=0.1, beat=0.01):
        before = lock.stat().st_mtime_ns
        time.sleep(0.1)
        assert lock.stat().st_mtime_ns != before
    assert "waiting up to 0 s for a sign of life" in said[1]
    assert "process 3 on elsewhere) is taken over" in said[2]


def test_of_several_that_take_over_one_succeeds(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text(owner(pid=2**22 + 7))
    got: list[int] = []
    start, leave = threading.Barrier(8), threading.Barrier(9)

    def work(number: int) -> None:
        start.wait()
        try:
            with FolderLock(tmp_path, lambda _: None):
                got.append(number)
                leave.wait(60)
        except RelookError:
            leave.wait(60)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    leave.wait(60)
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_a_folder_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RelookError) as caught, FolderLock(tmp_path / "file", lambda _: None):
        pass
    assert caught.value.code == "R02"


def test_processes_are_known_by_their_start() -> None:
    assert started(os.getpid()) == started(os.getpid()) is not None
    assert started(1) != started(os.getpid())
    assert started(2**22 + 7) is None

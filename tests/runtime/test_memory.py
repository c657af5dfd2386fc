"""Keeping freed memory, in processes of its own: the setting cannot be taken back."""

from __future__ import annotations

import gc
import json
import mmap
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relook.runtime import memory


def test_the_garbage_collector_is_paused_for_a_block() -> None:
    assert gc.isenabled()
    with memory.collection_paused():
        assert not gc.isenabled()
        with memory.collection_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_free_memory_is_what_the_system_says(tmp_path: Path) -> None:
    assert 2**20 < memory.available() < 2**50
    file = tmp_path / "meminfo"
    file.write_text("MemTotal: 9 kB\nMemAvailable:   7 kB\n")
    assert memory._listed(file, "MemAvailable:", 1024) == 7168
    file.write_text("max\n")  # of a control group without a limit
    assert memory._listed(file, "", 1) is None
    assert memory._listed(tmp_path / "none", "", 1) is None


def test_where_nothing_says_it_half_of_the_machine_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_listed", lambda *_: None)
    pages = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2**20}
    monkeypatch.setattr(os, "sysconf", pages.__getitem__)
    assert memory.available() == 2**31
    monkeypatch.delattr(os, "sysconf")
    assert memory.available() == 2**32


GLIBC = platform.libc_ver()[0] == "glibc"
ASK = """
import json
from relook.runtime.memory import keep_freed

print(json.dumps([keep_freed(), keep_freed()]))
"""
COUNT_FAULTS = """
import ctypes, resource, sys
from relook.runtime.memory import keep_freed

if sys.argv[1] == "keep":
    assert keep_freed()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
for i in range(9):
    if i == 1:  # the first block is new either way
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = ctypes.c_void_p(libc.malloc(ctypes.c_size_t(24 << 20)))
    ctypes.memset(block, 1, 24 << 20)
    libc.free(block)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def run(program: str, *arguments: str, **environment: str) -> Any:
    """What `program` prints, in a process in which nothing says how memory is handled."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MALLOC_") and name not in ("GLIBC_TUNABLES", "LD_PRELOAD")
    }
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=clean | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.skipif(not GLIBC, reason="needs glibc")
def test_with_glibc_it_is_arranged_once() -> None:
    assert run(ASK) == [True, True]


@pytest.mark.skipif(not GLIBC, reason="needs glibc")
def test_freed_blocks_are_used_again() -> None:
    pages = 8 * (24 << 20) // 4096
    assert run(COUNT_FAULTS, "not") > 0.1 * pages  # fewer where the system hands out huge pages
    assert run(COUNT_FAULTS, "keep") < 0.01 * pages


SHARE = """
import ctypes, json, sys, threading
from relook.runtime import memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

assert memory.keep_freed()
if sys.argv[1] == "one":
    assert memory.one_arena()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
size, end = 24 << 20, threading.Event()

def work(done):
    block = ctypes.c_void_p(libc.malloc(ctypes.c_size_t(size)))
    ctypes.memset(block, 1, size)
    libc.free(block)
    done.set()
    end.wait()

before = resident()
for _ in range(6):  # one after the other, and all stay
    done = threading.Event()
    threading.Thread(target=work, args=(done,)).start()
    done.wait()
print(json.dumps((resident() - before) / size))
end.set()
"""


@pytest.mark.skipif(not GLIBC, reason="needs glibc")
def test_threads_use_what_others_have_freed_where_they_share_an_arena() -> None:
    assert run(SHARE, "many") > 5
    assert run(SHARE, "one") < 1.5


RETURN = """
import ctypes, json, sys
from relook.runtime import memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

if sys.argv[1] == "keep":
    assert memory.keep_freed()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
size, small = 30 << 20, 1 << 20
sizes = []
for count in (1, 12):
    blocks = [ctypes.c_void_p(libc.malloc(ctypes.c_size_t(s))) for s in [size, small] * count]
    for block in blocks[::2]:
        ctypes.memset(block, 1, size)
    for block in blocks[::2]:
        libc.free(block)
    before = resident()
    memory.return_freed()
    sizes.append((before - resident()) >> 20)
print(json.dumps([memory.freed() > 0, *sizes]))
"""


@pytest.mark.skipif(not GLIBC, reason="needs glibc")
def test_more_than_the_most_is_returned() -> None:
    known, one, several = run(RETURN, "keep")
    assert known and abs(one) < 8 and several > 300
    assert max(map(abs, run(RETURN, "not")[1:])) < 8  # nothing is kept, so nothing is returned


@pytest.mark.skipif(not GLIBC, reason="needs glibc")
def test_pages_of_a_mapped_file_are_let_go_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 4096)
    mapped = np.memmap(path, mode="r")
    total = int(mapped.sum())
    address = mapped.ctypes.data

    def resident() -> int:
        text = Path("/proc/self/smaps").read_text()
        part = text[text.index(str(path)) :]
        return int(part[part.index("Rss:") + 4 :].split()[0]) << 10

    assert resident() == mapped.nbytes
    memory.release_mapped(address + 1, mapped.nbytes - 2)
    assert 0 < resident() <= 2 * mmap.PAGESIZE
    assert int(mapped.sum()) == total
    memory.release_mapped(address, 5)  # not a whole page


@pytest.mark.parametrize(
    ("name", "value"),
    [("MALLOC_ARENA_MAX", "2"), ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=7")],
)
def test_an_environment_that_says_otherwise_is_left_alone(name: str, value: str) -> None:
    assert run(ASK, **{name: value}) == [False, False]


def test_elsewhere_nothing_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: object) -> Any:
        raise OSError("no library")

    ask = memory.keep_freed.__wrapped__
    monkeypatch.setattr(memory, "_libc", memory._libc.__wrapped__)
    monkeypatch.setattr(memory.ctypes, "CDLL", missing)
    assert ask() is False
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    assert ask() is False
    assert memory.freed() == 0
    memory.return_freed()
    memory.release_mapped(0, 10 * mmap.PAGESIZE)

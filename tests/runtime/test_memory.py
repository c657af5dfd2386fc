"""Keeping freed memory, in processes of its own: the setting cannot be taken back."""

from __future__ import annotations

import gc
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

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
    block = ctypes.c_void_p(libc.malloc(ctypes.c_size_t(48 << 20)))
    ctypes.memset(block, 1, 48 << 20)
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
    pages = 8 * (48 << 20) // 4096
    assert run(COUNT_FAULTS, "not") > 0.1 * pages  # fewer where the system hands out huge pages
    assert run(COUNT_FAULTS, "keep") < 0.01 * pages


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
    monkeypatch.setattr(memory.ctypes, "CDLL", missing)
    assert ask() is False
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    assert ask() is False

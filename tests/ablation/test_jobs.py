"""Jobs: done once, one a core, ended with the process that started them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from relook.ablation.jobs import (
    ANY_CORE,
    WHOLE_MACHINE,
    Core,
    Numbers,
    is_done,
    numbers,
    run_all,
    run_one,
)
from relook.errors import RelookError

# What a job's process does here: it says its folder, core and threads, or fails by its name.
CHILD = """
import json, os, pathlib, sys
place, core = pathlib.Path(sys.argv[1]), sys.argv[2]
print("one line")
print("no good" if place.name == "bad" else "fine")
found = {"core": core, "threads": os.environ.get("OMP_NUM_THREADS"), "pid": os.getpid()}
if place.name != "silent":
    (place / "numbers.json").write_text(json.dumps(found))
sys.exit(3 if place.name == "bad" else 0)
"""


@dataclass(frozen=True)
class Job:
    name: str
    value: int = 7


def _run(jobs: list[Job], folder: Path, cores: list[Core]) -> list[tuple[str, Numbers]]:
    told: list[tuple[str, Numbers]] = []
    run_all(
        jobs, folder, cores, [sys.executable, "-c", CHILD], lambda j, n: told.append((j.name, n))
    )
    return told


def test_every_job_is_done_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    jobs = [Job("a"), Job("b"), Job("c")]
    told = _run(jobs[:1], tmp_path, [WHOLE_MACHINE])
    assert told[0][1]["core"] == "all" and told[0][1]["threads"] == "5"
    assert is_done(tmp_path, jobs[0]) and not is_done(tmp_path, jobs[1])
    first = numbers(tmp_path, jobs[0])
    told = _run(jobs, tmp_path, [0, 1])
    assert sorted(name for name, _ in told) == ["b", "c"]
    assert {found["core"] for _, found in told} == {"0", "1"}
    assert {found["threads"] for _, found in told} == {"1"}
    assert numbers(tmp_path, jobs[0]) == first
    assert _run(jobs, tmp_path, [0]) == []


def test_several_share_the_cores_with_a_thread_each(tmp_path: Path) -> None:
    told = _run([Job("a"), Job("b"), Job("c")], tmp_path, [ANY_CORE, ANY_CORE])
    assert sorted(name for name, _ in told) == ["a", "b", "c"]
    assert {(found["core"], found["threads"]) for _, found in told} == {("any", "1")}


def test_a_failure_is_named_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(RelookError, match=r"R05.*bad failed: no good See .*bad/said.txt"):
        _run([Job("bad"), Job("never")], tmp_path, [0])
    assert not (tmp_path / "never").exists()


def test_a_job_finds_its_values_and_leaves_its_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relook.ablation.jobs._end_with_parent", lambda: None)
    (tmp_path / "job.json").write_text('{"name": "a", "value": 9}')
    run_one(tmp_path, "all", Job, lambda job, place: {"value": job.value, "at": place.name})
    assert numbers(tmp_path.parent, Job(tmp_path.name)) == {"value": 9, "at": tmp_path.name}


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no binding to cores here")
def test_only_a_job_with_a_core_of_its_own_is_bound_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relook.ablation.jobs._end_with_parent", lambda: None)
    bound: list[set[int]] = []
    monkeypatch.setattr("os.sched_setaffinity", lambda _, cores: bound.append(cores))
    (tmp_path / "job.json").write_text('{"name": "a"}')
    for core in (WHOLE_MACHINE, ANY_CORE, "3"):
        run_one(tmp_path, core, Job, lambda job, place: {})
    assert bound == [{3}]


def test_a_job_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text('{"name": "a"}')
    script = (
        "import sys, time; from pathlib import Path; from relook.ablation.jobs import run_one; "
        "run_one(Path(sys.argv[1]), 'all', dict, "
        "lambda job, place: (place / 'started').touch() or time.sleep(60))"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE)
    while not (tmp_path / "started").exists():
        assert child.poll() is None
        time.sleep(0.05)
    assert child.stdin is not None
    child.stdin.close()  # as the system does when the parent is gone, however it went
    assert child.wait(timeout=60) == 1
    assert not (tmp_path / "numbers.json").exists()

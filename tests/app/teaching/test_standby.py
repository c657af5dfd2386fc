"""The process that waits for a training; a short program stands in for the training."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from relook.app.teaching import standby as module
from relook.app.teaching.standby import Standby, read_folder

PROGRAM = """
import sys
from pathlib import Path
from relook.app.teaching.standby import read_folder
how = sys.argv[1]
folder = read_folder(sys.stdin.buffer) if how == "-" else Path(how)
if folder is not None:
    print("learned", how == "-")
    sys.stderr.write("and said so\\n")
"""


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of the processes that are started."""
    given: list[list[str]] = []
    popen = subprocess.Popen

    def start(command: list[str], **options: Any) -> Any:
        given.append(command)
        return popen([sys.executable, "-c", PROGRAM, command[-1]], **options)

    monkeypatch.setattr(module.subprocess, "Popen", start)
    return given


@pytest.fixture
def standby() -> Iterator[Standby]:
    standby = Standby()
    yield standby
    standby.close()


def words(folder: Path) -> str:
    return (folder / "log.txt").read_text()


def test_a_training_begins_in_the_process_that_waits(
    standby: Standby, commands: list[list[str]], tmp_path: Path
) -> None:
    folder = tmp_path / "ä b"
    folder.mkdir()
    standby.prepare()
    standby.prepare()
    assert [command[1:] for command in commands] == [["-m", "relook.app.teaching.lesson", "-"]]
    process = standby.start(folder)
    assert process.wait(60) == 0
    assert "learned True" in words(folder) and "and said so" in words(folder)
    assert len(commands) == 1


def test_without_one_a_new_process_trains(
    standby: Standby, commands: list[list[str]], tmp_path: Path
) -> None:
    process = standby.start(tmp_path)
    assert process.wait(60) == 0
    assert "learned False" in words(tmp_path)
    assert commands[0][-1] == str(tmp_path)


def test_one_that_has_ended_is_replaced(
    standby: Standby, commands: list[list[str]], tmp_path: Path
) -> None:
    standby.prepare()
    assert standby._process is not None
    standby._process.kill()
    standby._process.wait()
    standby.prepare()
    assert len(commands) == 2
    standby._process.kill()
    standby._process.wait()
    assert standby.start(tmp_path).wait(60) == 0
    assert "learned False" in words(tmp_path)


def test_an_unused_one_ends(commands: list[list[str]]) -> None:
    """After some time, and with the app."""
    short = Standby(seconds=0.05)
    short.prepare()
    process = short._process
    assert process is not None and process.wait(60) != 0
    other = Standby()
    other.prepare()
    process = other._process
    other.close()
    assert process is not None and process.poll() is not None
    other.close()


def test_no_folder_is_no_training() -> None:
    assert read_folder(io.BytesIO(b"")) is None


def test_the_output_is_the_log_from_then_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    kept = [os.dup(number) for number in (1, 2)]
    try:
        folder = read_folder(io.BytesIO(os.fsencode(tmp_path) + b"\n"))
        os.write(1, b"told")
    finally:
        for number, old in zip((1, 2), kept, strict=True):
            os.dup2(old, number)
            os.close(old)
    assert folder == tmp_path and words(tmp_path) == "told"
    assert capfd.readouterr().out == ""

"""Several processes of one command: how they are started, watched and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from relook.cli import launch
from relook.cli.errors import LOST_OTHERS
from relook.cli.launch import run_processes, share_work
from relook.errors import UsageError

Run = Callable[..., Result]


def program(text: str) -> list[str]:
    return [sys.executable, "-c", f"import os, sys, time\nrank = int(os.environ['RANK'])\n{text}"]


def test_each_process_is_told_its_place_and_its_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    monkeypatch.setattr(os, "process_cpu_count", lambda: 6, raising=False)
    ranks, worlds = ["RANK", "LOCAL_RANK"], ["WORLD_SIZE", "LOCAL_WORLD_SIZE"]
    names = [*ranks, *worlds, "OMP_NUM_THREADS", "MASTER_ADDR"]
    text = (
        f"open(rf'{tmp_path}/{{rank}}', 'w').write("
        f"' '.join(os.environ[n] for n in {names}) + ' ' + os.environ['MASTER_PORT'])"
    )
    assert run_processes(program(text), 3) == 0
    told = [(tmp_path / str(rank)).read_text().rsplit(" ", 1) for rank in range(3)]
    assert [words for words, _ in told] == [f"{r} {r} 3 3 2 127.0.0.1" for r in range(3)]
    assert len({port for _, port in told}) == 1


def test_who_fails_first_is_heard_and_gives_the_exit_code(
    capfd: pytest.CaptureFixture[str],
) -> None:
    text = f"print('the disk is full' * rank, file=sys.stderr); sys.exit([{LOST_OTHERS}, 3][rank])"
    assert run_processes(program(text), 2) == 3
    assert "process 2 of 2:\nthe disk is full" in capfd.readouterr().err


def test_what_all_say_is_heard_once(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_processes(program("print('diverged', file=sys.stderr); sys.exit(1)"), 2) == 1
    assert capfd.readouterr().err == "diverged\n"


def test_the_others_are_ended_when_they_do_not_end(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launch, "GRACE", 0.3)
    began = time.monotonic()
    assert run_processes(program("os.kill(os.getpid(), 9) if rank else time.sleep(600)"), 2) == 137
    assert time.monotonic() - began < 300  # the other one sleeps for 600 s
    assert "process 2 of 2 was ended from outside by SIGKILL" in capfd.readouterr().err


def test_ctrl_c_reaches_every_process_once(tmp_path: Path) -> None:
    text = f"""
try:
    open(rf'{tmp_path}/ready{{rank}}', 'w').close()
    time.sleep(60)
except KeyboardInterrupt:
    open(rf'{tmp_path}/{{rank}}', 'a').write('stopped')
    sys.exit(130)
"""

    def interrupt() -> None:
        while len(list(tmp_path.glob("ready*"))) < 2:
            time.sleep(0.05)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    handler = signal.getsignal(signal.SIGINT)
    thread.start()
    assert run_processes(program(text), 2) == 130
    thread.join()
    assert [(tmp_path / str(rank)).read_text() for rank in (0, 1)] == ["stopped"] * 2
    assert signal.getsignal(signal.SIGINT) is handler


def test_one_process_works_where_it_is() -> None:
    share_work(None, None)
    share_work(1, None)
    share_work(1, 1)


def test_other_machines_need_a_launcher() -> None:
    with pytest.raises(UsageError, match="torchrun") as caught:
        share_work(2, 2)
    assert caught.value.code == "U04"


def test_a_process_that_was_started_starts_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    place = {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    for name, value in {**place, "MASTER_ADDR": "here", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    share_work(2, None)
    share_work(2, 1)
    with pytest.raises(UsageError, match="one of 2 on each of 1"):
        share_work(3, None)


@pytest.mark.slow
def test_an_image_that_one_process_cannot_read_ends_the_training(
    annotations: Path, pictures: Path, tmp_path: Path
) -> None:
    """Its message is shown and its exit code is that of the command, although it is not first."""
    for file in pictures.rglob("*.*"):
        file.write_bytes(file.read_bytes()[:100])
    options = ["--set", "train.workers=0", "--set", "train.augment.crop=[64,64]"]
    command = [sys.executable, "-m", "relook", "train", "--model", "htc-tiny", "--devices", "2"]
    command += ["--train-json", annotations, "--images", pictures, "--batch", "2", *options]
    done = subprocess.run(
        [str(word) for word in [*command, "--out", tmp_path / "run"]],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 3, done.stderr
    assert done.stderr.count("data error D02") == 1
    assert "Traceback" not in done.stderr

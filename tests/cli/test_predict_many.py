"""Runs of ``relook predict`` that are stopped, gone on with, and shared, on real images."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner, Result

from relook.errors import RelookError
from relook.inference.batch.journal import FOLDER
from relook.inference.batch.writer import Writer

Run = Callable[..., Result]

IMAGES = Path(__file__).resolve().parents[2] / "datasets" / "nuclei" / "images"
OPTIONS = ["--model", "nuclei", "--size", "192", "192", "--save", "overlay,coco,masks"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten images of nuclei, two of them of one name, and one that cannot be read."""
    folder = tmp_path_factory.mktemp("nuclei")
    for number, path in enumerate(sorted(IMAGES.glob("*.jpg"))[:10]):
        name = f"{number}.jpg" if number < 9 else "more/3.jpg"
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(path, folder / name)
    (folder / "5.jpg").write_bytes((folder / "5.jpg").read_bytes()[:900])
    return folder


@pytest.fixture(scope="module")
def whole(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one process that nobody stops leaves."""
    from relook.cli.app import app

    out = tmp_path_factory.mktemp("whole")
    torch.set_num_threads(1)  # as in the processes that are compared with it
    arguments = ["predict", str(photos), *OPTIONS, "--out", str(out)]
    assert CliRunner().invoke(app, arguments).exit_code == 3
    found = contents(out)
    assert len(found) == 9 * 3 + 1
    return found


def contents(folder: Path) -> dict[str, bytes]:
    """The files of results by name; those of the journal left out."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and FOLDER not in path.parts
    }


def start(launcher: list[str], photos: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    command = [*launcher, "relook", "predict", str(photos), *OPTIONS, "--out", str(out), *more]
    return subprocess.Popen(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_lines(out: Path, number: int) -> None:
    """Until so many images are in the journal."""
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        if sum(p.read_bytes().count(b"\n") for p in (out / FOLDER).glob("*.jsonl")) >= number:
            return
        time.sleep(0.01)
    raise AssertionError("nothing was done in minutes")


def in_process(relook: Run, photos: Path, out: Path, *more: str) -> Result:
    return relook("predict", photos, *OPTIONS, "--out", out, *more)


def test_a_killed_run_goes_on(
    relook: Run, photos: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    process = start([sys.executable, "-m"], photos, tmp_path)
    wait_for_lines(tmp_path, 3)
    process.kill()
    process.communicate()
    assert not (tmp_path / "predictions.json").exists()
    (tmp_path / "overlay" / ".9.jpg.0123abcd.tmp").write_bytes(b"half a picture")
    journal = tmp_path / FOLDER / "0.jsonl"
    before = [
        json.loads(line.partition(b" ")[2])["name"]
        for line in journal.read_bytes().splitlines()[:3]
    ]
    times = {name: (tmp_path / "overlay" / f"{name}.jpg").stat().st_mtime_ns for name in before}
    with journal.open("ab") as file:
        file.write(b'{"source": "cut')
    result = in_process(relook, photos, tmp_path, "--resume")
    assert result.exit_code == 3
    assert "of them kept" in result.stderr
    assert contents(tmp_path) == whole
    for name, written in times.items():
        assert (tmp_path / "overlay" / f"{name}.jpg").stat().st_mtime_ns == written


def test_what_is_no_longer_whole_is_done_again(
    relook: Run, photos: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    """The unreadable image keeps the journal alive; repaired, it alone is done."""
    images = tmp_path / "images"
    out = tmp_path / "out"
    shutil.copytree(photos, images)
    in_process(relook, images, out)
    (out / "masks" / "2.png").unlink()
    shutil.copy(sorted(IMAGES.glob("*.jpg"))[5], images / "5.jpg")
    other = (images / "1.jpg").read_bytes()
    (images / "0.jpg").write_bytes(other)
    result = in_process(relook, images, out, "--resume")
    assert result.exit_code == 0
    assert "(7 of them kept)" in result.stderr
    assert not (out / FOLDER).exists()
    found = contents(out)
    assert found["overlay/0.jpg"] == found["overlay/1.jpg"] == whole["overlay/1.jpg"]
    assert found["masks/2.png"] == whole["masks/2.png"]
    assert len(json.loads(found["predictions.json"])["images"]) == 10
    again = in_process(relook, images, out, "--resume")  # nothing is left to go on with
    assert "kept" not in again.stderr
    assert contents(out) == found


def test_another_model_or_option_is_refused(
    relook: Run, run_folder: Path, photos: Path, tmp_path: Path
) -> None:
    one = photos / "5.jpg"  # cannot be read: the journal stays
    assert in_process(relook, one, tmp_path).exit_code == 3
    for change in (["--max-dets", "5"], ["--score", "0.9"], ["--model", str(run_folder)]):
        result = in_process(relook, one, tmp_path, "--resume", *change)
        assert result.exit_code == 2
        assert "U04: --resume" in result.stderr
    result = in_process(relook, one, tmp_path, "--resume", "--batch", "2")
    assert result.exit_code == 3
    assert "starting over" in in_process(relook, one, tmp_path).stderr


def test_torchrun_shares_the_images(photos: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m"]
    process = start(torchrun, photos, tmp_path)
    _, said = process.communicate(timeout=200)
    assert process.returncode == 1  # torchrun's own word for a process that ends with 3
    assert said.count("data error D02") == 1
    assert "in 9 images" in said
    assert contents(tmp_path) == whole
    done = [len(p.read_bytes().splitlines()) for p in (tmp_path / FOLDER).glob("*.jsonl")]
    assert sum(done) == 10
    assert len(done) == 2


def test_ctrl_c_reaches_all_processes(
    relook: Run, photos: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    process = start([sys.executable, "-m"], photos, tmp_path, "--devices", "2")
    wait_for_lines(tmp_path, 1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=200)
    assert process.returncode == 130, said
    assert "R01: interrupted after" in said
    assert "Traceback" not in said
    kept = json.loads((tmp_path / "predictions.json").read_text())["images"]
    assert 1 <= len(kept) < 9
    assert in_process(relook, photos, tmp_path, "--resume").exit_code == 3
    assert contents(tmp_path) == whole


def test_a_full_disk_stops_the_run_and_keeps_what_is_done(
    relook: Run, photos: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write = Writer.write

    def failing(self: Writer, result: Any, name: str) -> dict[str, Any]:
        if name == "2":
            raise RelookError("R02", "no space left")
        return write(self, result, name)

    monkeypatch.setattr(Writer, "write", failing)
    result = in_process(relook, photos, tmp_path)
    assert result.exit_code == 1
    assert "R02: no space left" in result.stderr
    kept = json.loads((tmp_path / "predictions.json").read_text())["images"]
    names = [Path(image["file_name"]).name for image in kept]
    assert names[:2] == ["0.jpg", "1.jpg"]
    assert set(names[2:]) <= {"3.jpg"}  # was waiting to be written


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (["--devices", "2", "--json"], "--json"),
        (["--devices", "2", "--device", "cuda:0"], "GPU of its own"),
        (["--resume", "--save", ""], "nothing is saved"),
    ],
)
def test_what_several_processes_cannot_do(
    relook: Run, photos: Path, tmp_path: Path, change: list[str], named: str
) -> None:
    result = in_process(relook, photos, tmp_path, *change)
    assert result.exit_code == 2
    assert "U04" in result.stderr
    assert named in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--simplify", "1"], "--simplify changes nothing of what is saved (coco, overlay)"),
        (["--json", "--pixel-size", "1um"], "--pixel-size changes nothing"),
        (["--save", "csv", "--labels", "off"], "--labels changes nothing of what is saved (csv)"),
    ],
)
def test_options_of_files_that_are_not_saved(
    relook: Run, run_folder: Path, pictures: Path, options: list[str], words: str
) -> None:
    result = relook("predict", pictures, "-m", run_folder, *options)
    assert result.exit_code == 2
    assert f"U04: {words}" in " ".join(result.stderr.split())

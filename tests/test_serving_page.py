"""The examples of docs/serving.md are run against a server; the unit of systemd is read."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from relook.app.models import ModelShelf
from relook.app.running import address_of, listen, serve
from relook.app.server import make_server

from .narrow_models import FEW_TO_DETECT, narrow_config, predictor_of

PAGE = (Path(__file__).parents[1] / "docs" / "serving.md").read_text()
WRITTEN = "http://127.0.0.1:8117"
NEEDS_CURL = pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server in a thread, as `relook serve` runs it."""
    shelf = ModelShelf()
    config = narrow_config(num_classes=2, **FEW_TO_DETECT).with_(input__size=(96, 96))
    shelf.add("nuclei", predictor_of(config, shown_from=0.3))
    app, started = make_server(shelf), threading.Event()
    listener = listen(port=0)
    thread = threading.Thread(
        target=serve, args=(app, listener), kwargs={"on_start": lambda _: started.set()}
    )
    where = address_of(listener)
    thread.start()
    assert started.wait(60)
    yield where
    app.state.gate.close()
    thread.join(60)
    assert not thread.is_alive()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png"):
        Image.effect_noise((96, 64), 60).convert("RGB").save(tmp_path / name)
    return tmp_path


def ran(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@NEEDS_CURL
def test_the_examples_of_curl(address: str, folder: Path) -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines() if WRITTEN in line]
    commands = [line for line in lines if line.startswith("curl") and "token" not in line]
    outputs = [
        ran(["sh", "-c", line.replace("curl ", "curl -sS ", 1).replace(WRITTEN, address)], folder)
        for line in commands
    ]
    assert len(commands) == 3
    (result,) = json.loads(outputs[0])["results"]
    assert result["source"] == "a.png" and result["objects"]
    assert {line.split(",")[0] for line in outputs[1].splitlines()} <= {"image", "a.png", "b.png"}
    with Image.open(folder / "drawn.png") as drawn:
        assert drawn.format == "PNG"


def test_the_example_of_python(
    address: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = blocks("python")
    exec(compile(example.replace(WRITTEN, address), "serving.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert lines and all(re.fullmatch(r"(nut|bolt) 0\.\d+ \d+", line) for line in lines)


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node")
def test_the_example_of_javascript(address: str, folder: Path) -> None:
    (example,) = blocks("js")
    (folder / "ask.mjs").write_text(example.replace(WRITTEN, address))
    version = int(ran(["node", "--version"], folder).lstrip("v").split(".")[0])
    if version < 20:
        pytest.skip(f"Node {version}")
    assert re.fullmatch(r"\d+ objects\n", ran(["node", "ask.mjs"], folder))


@NEEDS_CURL
def test_large_bodies_are_answered_before_they_are_sent(address: str, folder: Path) -> None:
    with (folder / "large").open("wb") as file:
        file.truncate(70_000_000)
    command = ["curl", "-sS", "-H", "Content-Type: image/png", "--data-binary", "@large"]
    answer = json.loads(ran([*command, f"{address}/predict"], folder))
    assert answer["code"] == "R08" and "larger than 64 MB" in answer["what"]


def test_the_unit_starts_the_command(folder: Path) -> None:
    (unit,) = blocks("ini")
    (command,) = re.findall(r"^ExecStart=\S*/relook (.*)$", unit, re.MULTILINE)
    from typer.main import get_command

    from relook.cli.app import app

    words = command.split()
    parsed = get_command(app).commands[words[0]]  # type: ignore[attr-defined]
    context = parsed.make_context("serve", words[1:])
    assert context.params["models"] == ["nuclei"]
    assert str(context.params["token_file"]).endswith("/token")
    assert "TimeoutStopSec" in unit


def test_a_client_that_sends_all_before_it_reads_gets_its_answer(address: str) -> None:
    """An answer that comes early must not break the line of such a client."""
    host, port = address.removeprefix("http://").split(":")
    for headers, status in (
        ({"Host": "evil.example"}, 421),
        ({"Content-Type": "text/html"}, 415),
        ({"Content-Type": "image/png"}, 422),
    ):
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        connection.request("POST", "/predict", b"x" * 20_000_000, headers)
        assert connection.getresponse().status == status
        connection.close()

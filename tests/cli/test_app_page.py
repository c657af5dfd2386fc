"""`relook app`, up to the server, which is a stand-in."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from typer.testing import CliRunner

from relook.app import running
from relook.cli.app import app
from relook.runtime.locks import LOCK

RUN = CliRunner()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What each server says of its project."""
    projects: list[dict[str, Any]] = []

    def serve(made: Any, listener: Any, **told: Any) -> None:
        told["on_start"](running.address_of(listener))
        with TestClient(made, base_url="http://localhost") as client:
            projects.append(client.get("/api/project").json())
            assert client.get("/").status_code == 200
        told["on_stop"](0)

    monkeypatch.setattr(running, "serve", serve)
    return projects


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(folder / "a.png")
    (folder / "notes.md").write_text("none")
    return folder


def test_a_folder_is_opened_and_let_go(
    folder: Path, served: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    result = RUN.invoke(app, ["app", str(folder), "--port", "0", "--class", "dust"])
    assert result.exit_code == 0, result.output
    (project,) = served
    assert project["folder"] == str(folder)
    assert project["classes"] == ["nucleus", "dust"]
    assert project["models"] == ["nuclei"]
    assert "left out: 1 .md" in result.output
    (address,) = opened
    assert address.startswith("http://127.0.0.1:") and address in result.output
    assert not (folder / ".relook" / LOCK).exists()


def test_without_a_folder_images_come_by_the_page(
    tmp_path: Path, served: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["app", "--port", "0", "--no-open", "--model", "mine=nuclei", "--work", "here"]
    result = RUN.invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert served[0]["folder"] is None
    assert served[0]["models"] == ["mine"]
    assert served[0]["annotations"] == str(tmp_path / "here/images/relook-corrections.json")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["none"], 3, "D01"),
        (["--model", "nothing"], 2, "U01"),
        (["--class", " "], 2, "a name of one line"),
    ],
)
def test_errors(arguments: list[str], code: int, words: str, tmp_path: Path) -> None:
    options = [*arguments, "--no-open", "--port", "0", "--work", str(tmp_path / "work")]
    result = RUN.invoke(app, ["app", *options])
    assert result.exit_code == code
    assert words in result.output

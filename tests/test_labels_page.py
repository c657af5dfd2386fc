"""The commands of docs/labels.md, each run on files in the layout of its tool."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from relook.cli.app import app
from relook.data.formats import FORMATS

from .data.formats.samples import write_sample

PAGE = Path(__file__).resolve().parents[1] / "docs" / "labels.md"
SECTIONS = {"VIA": "via", "Label images": "label-images"}
SECTIONS |= {tool: name for name, (tool, _) in FORMATS.items()}


def _commands() -> Iterator[Any]:
    """(format, command) of each section."""
    for section in re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        heading = section.partition("\n")[0]
        for line in re.findall(r"^relook data convert .*$", section, re.MULTILINE):
            yield pytest.param(
                SECTIONS[heading], line, id=line.removeprefix("relook data convert ")
            )


def _write(folder: Path, name: str, source: str) -> None:
    """The sample of a format, so that its annotations are at `source` in `folder`."""
    root = source.split("/")[0]
    has_place = name in ("via", "cvat", "label-studio", "imagej", "qupath", "label-images")
    write_sample(folder if has_place else folder / root, name)


@pytest.mark.parametrize(("name", "line"), list(_commands()))
def test_the_commands_run(
    name: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = shlex.split(line)[1:]
    _write(tmp_path, name, words[2])
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / words[3]).read_text())["annotations"]
    assert rows[0]["bbox"] == [2, 1, 4, 4]


def test_every_format_has_its_section() -> None:
    assert {param.values[0] for param in _commands()} == set(FORMATS)


def test_the_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    write_sample(tmp_path, "label-images")
    monkeypatch.chdir(tmp_path)
    exec(compile(block, str(PAGE), "exec"), {})
    assert json.loads((tmp_path / "labels.json").read_text())["categories"][0]["name"] == "nucleus"

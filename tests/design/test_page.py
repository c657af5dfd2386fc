"""``docs/parts.md`` is the code that is tested here, or is run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
import typer.main
from my_package.parts import SqueezeConnector

from relook import Predictor, overlay, preset
from relook.cli.app import app
from relook.config.parts import PartsConfig
from relook.config.plugins import allowing
from relook.models.build import build_detector
from relook.training.settings import read_overlay

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "parts.md").read_text()
TESTED = "\n".join(path.read_text() for path in sorted(HERE.rglob("*.py")))


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_every_example_is_tested_code_or_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    elsewhere = [block for block in blocks("python") if block not in TESTED]
    assert len(elsewhere) == 3 and len(blocks("python")) > 15
    made: dict[str, Any] = {}
    for block in elsewhere:
        exec(compile(block, "parts.md", "exec"), made)
    assert isinstance(made["predictor"], Predictor)
    assert isinstance(made["predictor"].detector.features.connector, SqueezeConnector)
    assert "connector: my_package.parts:SqueezeConnector(ratio=8)" in capsys.readouterr().out


def test_the_configuration_file_builds(tmp_path: Path) -> None:
    (block,) = blocks("yaml")
    (tmp_path / "mine.yaml").write_text(block)
    read = read_overlay(tmp_path / "mine.yaml")
    assert read.preset is not None
    config = overlay(preset(read.preset), read.model)
    with allowing(["my_package"]), torch.device("meta"):
        detector = build_detector(config)
    assert set(config.parts.by_place) == {"connector", "assigner", "stage_rules"}
    assert isinstance(detector.features.connector, SqueezeConnector)


def test_the_commands_have_these_options() -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(lines) == 5
    commands = typer.main.get_command(app).commands
    for line in lines:
        name, *words = shlex.split(line.removeprefix("relook "))
        known = {option for parameter in commands[name].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_every_place_is_in_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert rows == list(PartsConfig.model_fields)

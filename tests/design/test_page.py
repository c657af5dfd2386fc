"""``docs/parts.md`` is the code that is tested here, or is run."""

from __future__ import annotations

import ast
import builtins
import dis
import re
import shlex
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
import typer.main
from my_package.parts import SqueezeConnector

from relook import Predictor, overlay, preset
from relook.ablation.rows import read_rows
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


def code_after_imports(block: str) -> str:
    """`block` without the imports that it begins with."""
    tree = ast.parse(block)
    first = next(n for n in tree.body if not isinstance(n, ast.Import | ast.ImportFrom))
    lines = getattr(first, "decorator_list", None) or [first]
    return "".join(block.splitlines(keepends=True)[min(n.lineno for n in lines) - 1 :])


def globals_of(code: types.CodeType) -> set[str]:
    """Names that functions in `code` look up among the globals."""
    found = {i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}
    inner = (const for const in code.co_consts if isinstance(const, types.CodeType))
    return found.union(*map(globals_of, inner))


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_every_example_is_a_whole_file(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs on its own; each name that a function uses is there, and each import is used."""
    monkeypatch.chdir(tmp_path)
    block = blocks("python")[number]
    code = compile(block, "parts.md", "exec")
    made: dict[str, Any] = {"__name__": "parts_md"}
    monkeypatch.setitem(sys.modules, "parts_md", types.ModuleType("parts_md"))  # for data classes
    exec(code, made)
    assert not globals_of(code) - set(made) - set(dir(builtins))
    imports = [n for n in ast.parse(block).body if isinstance(n, ast.Import | ast.ImportFrom)]
    assert imports
    for alias in (alias for node in imports for alias in node.names):
        name = alias.asname or alias.name
        assert re.search(rf"\b{name}\b", code_after_imports(block)), f"{name} is not used"


def test_every_example_is_tested_code_or_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    elsewhere = [b for b in blocks("python") if code_after_imports(b) not in TESTED]
    assert len(elsewhere) == 2 and len(blocks("python")) > 15
    made: dict[str, Any] = {}
    for block in elsewhere:
        exec(compile(block, "parts.md", "exec"), made)
    assert isinstance(made["predictor"], Predictor)
    assert isinstance(made["predictor"].detector.features.connector, SqueezeConnector)
    assert "connector: my_package.parts:SqueezeConnector(ratio=8)" in capsys.readouterr().out


def test_the_rows_of_an_ablation_are_rows(tmp_path: Path) -> None:
    (tmp_path / "mine-rows.yaml").write_text(blocks("yaml")[1])
    plain, squeeze = read_rows(tmp_path / "mine-rows.yaml")
    assert plain.is_a_preset
    config = overlay(preset(squeeze.model), squeeze.overlay().model)
    assert config.parts.beside("x") == "x with connector SqueezeConnector(ratio=8)"


def test_the_configuration_file_builds(tmp_path: Path) -> None:
    block = blocks("yaml")[0]
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

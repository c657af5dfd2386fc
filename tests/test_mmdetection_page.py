"""``docs/mmdetection.md`` names only what there is."""

from __future__ import annotations

import ast
import re
from functools import reduce
from importlib import import_module
from pathlib import Path

import pytest
import typer.main

from relook.cli.app import app
from relook.config.base import fields_of, parts_in
from relook.config.model import ModelConfig
from relook.config.presets import PRESETS
from relook.training.recipe import Recipe

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "mmdetection.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| `")
]
CLASSES = [row for row in ROWS if len(row) == 4]

SLIDES = [
    "configs/dsc",
    "DSCPseudoSampler",
    "dsc_multiclass_nms",
    "DSCBBoxHead",
    "DSCMaskHead",
    "RelativeRoIExtractor",
    "SgSingleRoIExtractor",
    "DSC",
    "DSCRoIHead",
    "ASPP",
    "SAConv2d",
]


def named(pattern: str) -> list[str]:
    found = sorted(set(re.findall(pattern, PAGE)))
    assert found
    return found


@pytest.mark.parametrize("name", SLIDES)
def test_what_the_slides_name_has_a_row(name: str) -> None:
    assert any(re.search(rf"`{re.escape(name)}[`/]", row[0]) for row in CLASSES)


@pytest.mark.parametrize("name", named(r"`(relook\.[\w.]+)`"))
def test_names_are_there(name: str) -> None:
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            module = import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        reduce(getattr, parts[end:], module)
        return
    pytest.fail(f"no module of {name}")


@pytest.mark.parametrize("test", named(r"`(tests/[\w/]+\.py::\w+)`"))
def test_tests_are_there(test: str) -> None:
    path, _, name = test.partition("::")
    tree = ast.parse((ROOT / path).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_row_about_code_names_ours_and_a_test() -> None:
    assert len(CLASSES) > 25
    for there, here, why, held in CLASSES:
        assert "`relook." in here and len(why) > 2, there
        assert re.search(r"`tests/[\w/]+\.py::\w+`", held), there


@pytest.mark.parametrize("field", named(r"`((?:model|train)\.[\w.]+)`"))
def test_fields_are_there(field: str) -> None:
    root, *path = field.split(".")
    here: list[type] = [ModelConfig if root == "model" else Recipe]
    for name in path:
        holders = [kind for kind in here if name in fields_of(kind)]
        assert holders, f"{field}: no {name}"
        here = [config for kind in holders for config in parts_in(kind, name)]


@pytest.mark.parametrize("preset", named(r"`((?:fast-)?dsc-[\w-]+)`"))
def test_presets_are_there(preset: str) -> None:
    assert preset in PRESETS


def test_commands_have_their_options() -> None:
    commands = typer.main.get_command(app).commands
    for line in named(r"`relook (train --\w+)`"):
        name, option = line.split()
        assert any(option in parameter.opts for parameter in commands[name].params)

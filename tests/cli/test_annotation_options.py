"""The options that say how annotation files are read are those of `Leniency`, in every command."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from relook.cli.annotation_options import leniency_changes, takes_leniency
from relook.cli.app import app
from relook.data.coco.leniency import STRICT, Leniency
from relook.training.settings import Overlay, read_overlay, resolve

COMMANDS = ["train", "eval", "ablate", "check", "compose", "sizes", "split", "stats"]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_have_an_option_for_every_field(command: str) -> None:
    group: Any = typer.main.get_command(app)
    all_commands = {**group.commands["data"].commands, **group.commands["weights"].commands}
    parsed = {**all_commands, **group.commands}[command]
    options = {name for parameter in parsed.params for name in parameter.opts}
    assert {"--" + field.name.replace("_", "-") for field in fields(Leniency)} <= options


def test_the_options_stand_in_the_place_of_one_value_and_become_it() -> None:
    got: list[Any] = []

    @takes_leniency
    def command(first: int, leniency: Leniency = STRICT, last: str = "x") -> None:
        got.append((first, leniency, last))

    small = typer.Typer()
    small.command()(command)
    arguments = ["1", "--crowd", "as-objects", "--skip-missing", "--last", "y"]
    assert CliRunner().invoke(small, arguments).exit_code == 0
    assert CliRunner().invoke(small, ["2"]).exit_code == 0
    assert got == [(1, Leniency(crowd="as-objects", skip_missing=True), "y"), (2, STRICT, "x")]
    names = [parameter.name for parameter in typer.main.get_command(small).params]
    assert names[0] == "first" and names[8] == "last"
    assert names[1:8] == [field.name for field in fields(Leniency)]


def test_options_become_settings_of_a_training() -> None:
    leniency = Leniency(boxes="from-masks", skip_missing=True)
    data = {"train_json": "a.json", "train_images": "images", **leniency_changes(leniency)}
    later = Overlay(data={"leniency": {"duplicates": "drop"}})
    settings = resolve([Overlay(data=data), later], preset_name="htc-tiny")
    expected = Leniency(boxes="from-masks", skip_missing=True, duplicates="drop")
    assert settings.data.leniency == expected
    assert leniency_changes(STRICT) == {}


def test_a_run_that_is_resumed_reads_its_files_as_before(tmp_path: Path) -> None:
    data = {"train_json": "a.json", "train_images": "images"}
    data |= leniency_changes(Leniency(crowd="as-objects", match="basename"))
    settings = resolve([Overlay(data=data)], preset_name="htc-tiny")
    (tmp_path / "config.yaml").write_text(settings.to_yaml())
    again = resolve([read_overlay(tmp_path / "config.yaml")])
    assert again.data == settings.data
    assert again.data.leniency == Leniency(crowd="as-objects", match="basename")

from __future__ import annotations

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from relook.cli.app import app
from relook.cli.reading_options import options_given, takes_reading
from relook.errors import UsageError
from relook.structures.rules.reading import DEFAULT_READING, Reading

NAMES = ["channels", "page", "z", "intensities"]


def small(got: list[Reading]) -> typer.Typer:
    @takes_reading
    def command(reading: Reading = DEFAULT_READING) -> None:
        got.append(reading)

    program = typer.Typer()
    program.command()(command)
    return program


@pytest.mark.parametrize("command", ["train", "eval", "predict", "check"])
def test_commands_that_read_images_have_the_options(command: str) -> None:
    group: Any = typer.main.get_command(app)
    parsed = {**group.commands["data"].commands, **group.commands}[command]
    options = {name for parameter in parsed.params for name in parameter.opts}
    assert {f"--{name}" for name in NAMES} <= options and "--reading" not in options


def test_options_become_a_reading() -> None:
    got: list[Reading] = []
    program = small(got)
    assert CliRunner().invoke(program, []).exit_code == 0
    arguments = ["--channels", "2,0,1", "--page", "0", "--intensities", "0:4095"]
    assert CliRunner().invoke(program, arguments).exit_code == 0
    bounds = ((0.0, 4095.0),)
    asked = Reading(channels=(2, 0, 1), page=0, intensities="bounds", bounds=bounds)
    assert got == [DEFAULT_READING, asked]
    failed = CliRunner().invoke(program, ["--z", "sum"])
    assert isinstance(failed.exception, UsageError) and "--z sum" in str(failed.exception)


def test_options_are_named_by_what_they_made() -> None:
    mapped = Reading(page=0, intensities="percentiles", percentiles=(2, 98))
    assert options_given(mapped) == ["page", "intensities"]
    assert options_given(DEFAULT_READING) == []

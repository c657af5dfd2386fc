from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.testing import CliRunner

from relook.cli.option_groups import Option, takes

SIDES = {
    "height": Option(Annotated[int, typer.Option("--height", help="Rows.")], 1),
    "width": Option(Annotated[int, typer.Option("--width")], 2),
}
NAME = {"name": Option(Annotated[str, typer.Option("--name")], "x")}


def test_options_stand_in_the_place_of_a_parameter_and_become_its_value() -> None:
    got: list[Any] = []

    @takes("title", NAME, lambda name: name.upper())
    @takes("size", SIDES, lambda height, width: (height, width))
    def command(first: int, size: tuple[int, int] = (0, 0), title: str = "", last: int = 0) -> None:
        """Do it."""
        got.append((first, size, title, last))

    small = typer.Typer()
    small.command()(command)
    for arguments in (["1"], ["2", "--width", "7", "--name", "ab", "--last", "3"]):
        assert CliRunner().invoke(small, arguments).exit_code == 0
    assert got == [(1, (1, 2), "X", 0), (2, (1, 7), "AB", 3)]
    names = [parameter.name for parameter in typer.main.get_command(small).params]
    assert names[:5] == ["first", "height", "width", "name", "last"]
    shown = CliRunner().invoke(small, ["--help"]).output
    assert "Do it." in shown and "Rows." in shown and "--size" not in shown

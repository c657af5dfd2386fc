"""Exit codes and messages."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from relook.cli.errors import CommandGroup, exit_code
from relook.errors import DataError, ModelError, RelookError, UsageError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RelookError("R02", "x"), 1),
        (UsageError("U01", "x"), 2),
        (DataError("D01", "x"), 3),
        (ModelError("M01", "x"), 4),
        (RelookError("R01", "x"), 130),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_leave_with_their_code(error: BaseException, code: int) -> None:
    app = typer.Typer(cls=CommandGroup, pretty_exceptions_enable=False)

    @app.command()
    def fail() -> None:
        raise error

    @app.callback()
    def options() -> None:
        pass

    result = CliRunner().invoke(app, ["fail"])
    assert result.exit_code == code
    assert result.stdout == ""
    if isinstance(error, RelookError):
        assert exit_code(error) == code
        assert result.stderr == f"{error}\n"
    else:
        assert "interrupted" in result.stderr


def test_defects_keep_their_traceback() -> None:
    app = typer.Typer(cls=CommandGroup, pretty_exceptions_enable=False)

    @app.command()
    def fail() -> None:
        raise ZeroDivisionError

    @app.callback()
    def options() -> None:
        pass

    assert isinstance(CliRunner().invoke(app, ["fail"]).exception, ZeroDivisionError)

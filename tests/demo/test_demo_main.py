"""``python -m examples.demo``: its options and what it prints in the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

Run = Callable[..., Result]


@pytest.fixture
def demo() -> Run:
    """The demonstration by its command line."""
    from examples.demo.__main__ import app

    return lambda *arguments: CliRunner().invoke(app, [str(one) for one in arguments])


def test_without_the_nuclei_it_says_where_they_are(
    demo: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for options in ([], ["--data", tmp_path]):
        result = demo(*options)
        assert result.exit_code == 3
        assert "--data FOLDER" in result.stderr


@pytest.mark.parametrize("minutes", ["0", "-1", "nan"])
def test_minutes_must_be_some(demo: Run, minutes: str) -> None:
    result = demo("--minutes", minutes)
    assert result.exit_code == 2
    assert "U03" in result.stderr


def test_the_table_is_the_only_thing_on_standard_output(
    demo: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from examples.demo import run

    class Finished:
        def table(self) -> str:
            return "numbers"

    monkeypatch.setattr(run, "run_demo", lambda *a, **k: Finished())
    result = demo("--minutes", 0.1)
    assert result.exit_code == 0
    assert result.stdout == "numbers\n"

"""What commands show while they work."""

from __future__ import annotations

import pytest

from relook.cli.progress import notices, progress_bar


def test_notices_go_to_standard_error_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    long = "[bold]a name with brackets[/] :smile: " + "x" * 300
    notices().print(long)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == long + "\n"


def test_a_bar_is_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(notices()) as bar:
        task = bar.add_task("images", total=3)
        bar.update(task, completed=2)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""

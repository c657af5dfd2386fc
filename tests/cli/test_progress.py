"""What commands show while they work."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from relook.cli.progress import notices, progress_bar, tile_progress, view_progress


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


def test_tiles_of_an_image_are_a_line_of_their_own_while_it_lasts() -> None:
    with progress_bar(notices()) as bar:
        on_tile = tile_progress(bar)
        first, second = SimpleNamespace(source="a.tif"), SimpleNamespace(source=None)
        on_tile(first, 1, 2)
        on_tile(second, 1, 3)
        assert [(task.description, task.completed, task.total) for task in bar.tasks] == [
            ("tiles of a.tif", 1, 2),
            ("tiles of image", 1, 3),
        ]
        on_tile(first, 2, 2)
        assert [task.description for task in bar.tasks] == ["tiles of image"]


def test_views_of_an_image_are_a_line_until_all_are_merged() -> None:
    with progress_bar(notices()) as bar:
        on_view = view_progress(bar)
        on_view("folder/a.png", 5, 6)
        assert [task.description for task in bar.tasks] == ["views of a.png"]
        assert bar.tasks[0].percentage == pytest.approx(100 * 5 / 6)
        on_view("folder/a.png", 6, 6)
        assert bar.tasks == []

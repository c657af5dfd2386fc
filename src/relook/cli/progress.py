"""Progress of commands; all of it on standard error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .terminal import PlainConsole

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

_LONGEST: Final = 30  # letters of a name


def notices() -> Console:
    """A console on standard error, for texts with names of files and classes."""
    return PlainConsole(stderr=True, soft_wrap=True)


def progress_bar(console: Console) -> Progress:
    """A progress bar that disappears at its end, and prints nothing without a terminal."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def tile_progress(bar: Progress) -> Callable[[Any, int, int], None]:
    """A second line of `bar` for the tiles of the image that is being predicted, while it is."""
    told = _second_line(bar, "tiles")
    return lambda large, done, total: told(str(large.source or "image"), done, total)


def view_progress(bar: Progress) -> Callable[[str, int, int], None]:
    """A second line of `bar` for the steps of an image that is predicted in several views."""
    return _second_line(bar, "views")


def _second_line(bar: Progress, things: str) -> Callable[[str, int, int], None]:
    """Shows how many `things` of one image are done, until all are; its path is left out."""
    tasks: dict[str, Any] = {}

    def show(name: str, done: int, total: int) -> None:
        if name not in tasks:
            tasks[name] = bar.add_task(f"{things} of {Path(name).name[-_LONGEST:]}", total=total)
        bar.update(tasks[name], completed=done)
        if done == total:
            bar.remove_task(tasks.pop(name))

    return show

"""Progress of commands; all of it on standard error."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


def notices() -> Console:
    """A console on standard error that prints names of files and classes unchanged."""
    return Console(stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True)


def progress_bar(console: Console) -> Progress:
    """A progress bar that disappears at its end, and prints nothing without a terminal."""
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

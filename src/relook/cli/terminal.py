"""Everything that commands write for people: without control characters of names from files.

A class or a file may be called anything, escape sequences among it, with which a terminal can be
recoloured, retitled or made to show other text than there is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

_REPLACED: Final = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """`text` with its line ends, and with another mark for each other control character.

    Characters that reverse the direction of text count as well, and halves of surrogate pairs.
    """
    if text.isprintable():
        return text
    return "".join(c if _is_shown(c) else _REPLACED for c in text)


def say(text: object, *, err: bool = False, nl: bool = True) -> None:
    """Write `text`, made printable, to standard output, or with `err` to standard error."""
    typer.echo(printable(str(text)), err=err, nl=nl)


class PlainConsole(Console):
    """A console for texts with names from files: no markup in them, and nothing but text."""

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = False) -> None:
        super().__init__(
            stderr=stderr, soft_wrap=soft_wrap, markup=False, emoji=False, highlight=False
        )

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the parts of what is printed, with printable text."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)


def _is_shown(character: str) -> bool:
    if character.isprintable() or character == "\n":
        return True
    return unicodedata.category(character) == "Zs"  # spaces of other widths

"""The top of a command line: the options before a command, the version, the end by Ctrl-C."""

from __future__ import annotations

import sys
import warnings
from typing import Annotated

import typer

from .._version import __version__
from .errors import INTERRUPTED, CommandGroup
from .terminal import say


def new_program(package: str, about: str) -> typer.Typer:
    """An empty command line of `package`, with `about` at the top of its help."""
    program = typer.Typer(
        name="relook",
        cls=CommandGroup,
        help=about,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"], "obj": package},
    )
    program.callback()(_options)
    return program


def run(program: typer.Typer) -> None:
    """Run a command line; does not return."""
    # Pillow warns from half of the number of pixels on above which relook refuses an image.
    warnings.filterwarnings("ignore", r"Image size \(\d+ pixels\) exceeds limit")
    try:
        program()
    except KeyboardInterrupt:  # before a command has begun; `CommandGroup` handles it in one
        sys.exit(INTERRUPTED)


def _show_version(context: typer.Context, value: bool) -> None:
    if value:
        say(f"{context.obj} {__version__}")
        raise typer.Exit


def _options(
    debug: Annotated[
        bool,
        typer.Option(
            "--debug", envvar="RELOOK_DEBUG", help="Show where in the code an error arose."
        ),
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and leave."
        ),
    ] = False,
) -> None:
    """Options before the command."""

"""The command line: its commands, and the handling of their errors.

Modules of commands import nothing heavy at their top, so that ``relook --help`` is fast.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from typing import Annotated, Final

import typer

from .._version import __version__
from .ablate import ablate
from .app_page import app_page
from .compare import compare
from .data import data
from .doctor import doctor
from .errors import INTERRUPTED, CommandGroup
from .evaluate import evaluate
from .explain import explain
from .export import export
from .models import models
from .new_part import new_part
from .predict import predict
from .serve import serve
from .show import show
from .terminal import say
from .train import train
from .weights import weights

_COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "train": train,
    "eval": evaluate,
    "predict": predict,
    "ablate": ablate,
    "compare": compare,
    "models": models,
    "serve": serve,
    "app": app_page,
    "show": show,
    "export": export,
    "new-part": new_part,
    "doctor": doctor,
}
_GROUPS: Final[dict[str, typer.Typer]] = {"weights": weights, "data": data, "explain": explain}


def _show_version(value: bool) -> None:
    if value:
        say(f"relook {__version__}")
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


def command_line(names: Collection[str] = (*_COMMANDS, *_GROUPS)) -> typer.Typer:
    """The command line with the commands `names`."""
    made = typer.Typer(
        name="relook",
        cls=CommandGroup,
        help="Object detection and instance segmentation that looks at an image twice.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback()(_options)
    for name in names:
        if name in _GROUPS:
            made.add_typer(_GROUPS[name], name=name)
        else:
            made.command(name)(_COMMANDS[name])
    return made


app = command_line()


def main() -> None:
    """Run the command line; does not return.

    Of several commands only the one that is named is made, since making all takes longer than some
    of them.
    """
    named = next((text for text in sys.argv[1:] if not text.startswith("-")), None)
    is_known = named in _COMMANDS or named in _GROUPS
    try:
        command_line([named])() if named is not None and is_known else app()
    except KeyboardInterrupt:  # before a command has begun; `CommandGroup` handles it in one
        sys.exit(INTERRUPTED)

"""The command line: its commands, and the handling of their errors.

Modules of commands import nothing heavy at their top, so that ``relook --help`` is fast.
"""

from __future__ import annotations

import sys
from typing import Annotated

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
from .predict import predict
from .serve import serve
from .show import show
from .terminal import say
from .train import train
from .weights import weights

app = typer.Typer(
    name="relook",
    cls=CommandGroup,
    help="Object detection and instance segmentation that looks at an image twice.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("train")(train)
app.command("eval")(evaluate)
app.command("predict")(predict)
app.command("ablate")(ablate)
app.command("compare")(compare)
app.command("models")(models)
app.command("serve")(serve)
app.command("app")(app_page)
app.command("show")(show)
app.command("export")(export)
app.command("doctor")(doctor)
app.add_typer(weights, name="weights")
app.add_typer(data, name="data")
app.add_typer(explain, name="explain")


def _show_version(value: bool) -> None:
    if value:
        say(f"relook {__version__}")
        raise typer.Exit


@app.callback()
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


def main() -> None:
    """Run the command line; does not return."""
    try:
        app()
    except KeyboardInterrupt:  # before a command has begun; `CommandGroup` handles it in one
        sys.exit(INTERRUPTED)
